"""SageMaker Python SDK v2: the PCA class, its artifact, a model made by hand, every mode, and the example."""

import json
import re
import textwrap

from batch_answers import BATCH_ANSWERS
from conftest import ROOT
from test_first_model import run


def test_pca_class_with_record_set(client_environment, penguins):
    data = json.dumps({"train": penguins["rows"], "held_out": penguins["held_out"]})
    path = penguins["directory"] / "pca.json"
    path.write_text(data)
    shown = run(
        BATCH_ANSWERS
        + textwrap.dedent(f"""
            import io, json, struct, tarfile
            import numpy
            import sagemaker
            from sagemaker import PCA

            data = json.load(open({str(path)!r}))
            scale = numpy.array([5, 2, 14, 800])
            train, held_out = (numpy.array([row[1] for row in data[part]] / scale, dtype="float32")
                               for part in ("train", "held_out"))
            session = sagemaker.Session()
            role = sagemaker.get_execution_role()

            def arrays_of(model_data):
                bucket, key = model_data.removeprefix("s3://").split("/", 1)
                body = session.boto_session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
                bytes_ = io.BytesIO(tarfile.open(fileobj=io.BytesIO(body)).extractfile("model_algo-1").read())
                take = lambda form: struct.unpack("<" + form, bytes_.read(struct.calcsize("<" + form)))
                magic, _, count = take("QQQ")
                assert magic == 0x112
                arrays = []
                for _ in range(count):
                    kind, storage, dimensions = take("IiI")
                    assert (kind, storage) == (0xF993FAC9, 0)
                    shape = take(f"{{dimensions}}Q")
                    take("iii")
                    size = int(numpy.prod(shape))
                    arrays.append(numpy.frombuffer(bytes_.read(4 * size), "<f4").reshape(shape))
                names = [bytes_.read(take("Q")[0]).decode() for _ in range(take("Q")[0])]
                return dict(zip(names, arrays))

            for mode in ("regular", "randomized"):
                learner = PCA(role=role, instance_count=2, instance_type="ml.m5.large", num_components=2,
                              algorithm_mode=mode, subtract_mean=True, extra_components=5)
                learner.fit([learner.record_set(train), learner.record_set(held_out, channel="test")])
                metrics = {{each["MetricName"]: each["Value"]
                            for each in learner.latest_training_job.describe()["FinalMetricDataList"]}}
                found = arrays_of(learner.model_data)
                centred = train - train.mean(axis=0)
                _, singular, vectors = numpy.linalg.svd(centred, full_matrices=False)
                print(mode, "mean", numpy.allclose(found["mean"], train.mean(axis=0)[None], atol=1e-5))
                # The strongest is the last one.
                print(mode, "s", numpy.allclose(found["s"][::-1], singular[:2], rtol=1e-4))
                cosines = numpy.abs((found["v"].T[::-1] * vectors[:2]).sum(axis=1))
                print(mode, "v", (cosines > 0.9999).all())
                ratio = (singular[:2] ** 2).sum() / (singular ** 2).sum()
                print(mode, "train", abs(metrics["train:explained_variance_ratio"] - ratio) < 1e-4)
                away = held_out - found["mean"]
                ratio = ((away @ found["v"]) ** 2).sum() / (away ** 2).sum()
                print(mode, "test", abs(metrics["test:explained_variance_ratio"] - ratio) < 1e-4)

            predictor = learner.deploy(1, "ml.m5.large")
            answers = predictor.predict(held_out)
            projected = numpy.array([list(each.label["projection"].float32_tensor.values) for each in answers])
            print("projection", numpy.allclose(projected, away @ found["v"], atol=1e-4))
            print("batch", batch_answers(learner, held_out) == list(answers))
            predictor.delete_endpoint()
        """),
        client_environment,
        timeout=600,
    )
    for what in ("mean", "s", "v", "train", "test"):
        for mode in ("regular", "randomized"):
            assert f"{mode} {what} True" in shown, shown
    assert "projection True" in shown and "batch True" in shown, shown


def test_csv_in_every_mode_and_json(client_environment, penguins):
    shown = run(
        textwrap.dedent(f"""
            import numpy
            import sagemaker
            from sagemaker.deserializers import JSONDeserializer
            from sagemaker.estimator import Estimator
            from sagemaker.inputs import TrainingInput
            from sagemaker.serializers import CSVSerializer, JSONSerializer

            session = sagemaker.Session()
            # The first column, the species, is a label: plain text/csv leaves it out.
            where = session.upload_data({str(penguins["train"])!r}, session.default_bucket(), "pca-modes")
            jobs = {{}}
            for mode in ("File", "FastFile", "Pipe"):
                image = sagemaker.image_uris.retrieve("pca", session.boto_region_name)
                estimator = Estimator(image, sagemaker.get_execution_role(), 1, "ml.m5.large", input_mode=mode)
                estimator.set_hyperparameters(num_components=2, feature_dim=4, mini_batch_size=50,
                                              algorithm_mode="randomized")
                prefix = where.rsplit("/", 1)[0]
                estimator.fit({{"train": TrainingInput(prefix, content_type="text/csv")}}, wait=False)
                jobs[mode] = estimator
            values = set()
            for mode, estimator in jobs.items():
                job = estimator.latest_training_job
                session.wait_for_job(job.name, poll=1)
                described = job.describe()
                print(mode, described["TrainingJobStatus"])
                values.add(next(each["Value"] for each in described["FinalMetricDataList"]
                                if each["MetricName"] == "train:explained_variance_ratio"))
            print("same", len(values) == 1)
            predictor = jobs["File"].deploy(1, "ml.m5.large", serializer=CSVSerializer(),
                                            deserializer=JSONDeserializer())
            row = [45.0, 15.0, 200.0, 4000.0]
            of_csv = predictor.predict([row])
            predictor.serializer = JSONSerializer()
            of_json = predictor.predict({{"instances": [{{"features": row}}]}})
            of_sparse = predictor.predict(
                {{"instances": [{{"data": {{"features": {{"keys": [0, 1, 2, 3], "shape": [4], "values": row}}}}}}]}})
            print("json", of_csv == of_json == of_sparse, sorted(of_csv), len(of_csv["projections"][0]["projection"]))
            predictor.delete_endpoint()
        """),
        client_environment,
        timeout=600,
    )
    for mode in ("File", "FastFile", "Pipe"):
        assert f"{mode} Completed" in shown
    assert "same True" in shown
    assert "json True ['projections'] 2" in shown


def test_the_recession_example(client_environment):
    shown = run((ROOT / "examples/recession/recession.py").read_text(), client_environment, timeout=600)
    worst = re.findall(r"^(\d{4}-\d\d)  +-", shown, re.MULTILINE)
    # The worst months of the recession, as everybody remembers them.
    assert len(worst) == 6 and {"2008-12", "2009-01", "2009-02", "2009-03"} <= set(worst), shown
    assert "moves most with the economy: " in shown
