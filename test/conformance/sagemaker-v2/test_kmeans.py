"""SageMaker Python SDK v2: the KMeans class, its artifact, a model made by hand, and the example."""

import json
import re
import textwrap

from conftest import ROOT
from test_first_model import run


def test_kmeans_class_with_record_set(client_environment, penguins):
    data = json.dumps({"train": penguins["rows"], "held_out": penguins["held_out"]})
    path = penguins["directory"] / "kmeans.json"
    path.write_text(data)
    shown = run(
        textwrap.dedent(f"""
            import io, json, struct, tarfile
            import numpy
            import sagemaker
            from sagemaker import KMeans

            data = json.load(open({str(path)!r}))
            scale = numpy.array([5, 2, 14, 800])
            train, held_out = (numpy.array([row[1] for row in data[part]] / scale, dtype="float32")
                               for part in ("train", "held_out"))
            session = sagemaker.Session()
            role = sagemaker.get_execution_role()
            learner = KMeans(role=role, instance_count=2, instance_type="ml.m5.large", k=3, init_method="kmeans++",
                             max_iterations=100, tol=0.0001, num_trials=5, local_init_method="random",
                             half_life_time_size=0, epochs=2, center_factor=5, eval_metrics=["msd", "ssd"])
            learner.fit([learner.record_set(train), learner.record_set(held_out, channel="test")], mini_batch_size=100)
            metrics = {{each["MetricName"]: each["Value"]
                        for each in learner.latest_training_job.describe()["FinalMetricDataList"]}}

            def centres_of(model_data):
                bucket, key = model_data.removeprefix("s3://").split("/", 1)
                body = session.boto_session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
                bytes_ = tarfile.open(fileobj=io.BytesIO(body)).extractfile("model_algo-1").read()
                # An NDArray list: magic, reserved, arrays; of the one: magic, dense, dimensions, shape, device, type.
                assert struct.unpack_from("<QQQIiI", bytes_) == (0x112, 0, 1, 0xF993FAC9, 0, 2)
                k, width = struct.unpack_from("<QQ", bytes_, 36)
                return numpy.frombuffer(bytes_, "<f4", k * width, 64).reshape(k, width)

            centres = centres_of(learner.model_data)
            distances = numpy.linalg.norm(held_out[:, None] - centres[None], axis=2)
            msd = (distances.min(axis=1) ** 2).mean()
            print("test msd", abs(metrics["test:msd"] / msd - 1) < 1e-4)
            print("test ssd", abs(metrics["test:ssd"] / (msd * len(held_out)) - 1) < 1e-4)
            print("train msd", metrics["train:msd"] > 0 and metrics["train:progress"] == 100)

            predictor = learner.deploy(1, "ml.m5.large")
            answers = predictor.predict(held_out)
            found = numpy.array([each.label["closest_cluster"].float32_tensor.values[0] for each in answers])
            far = numpy.array([each.label["distance_to_cluster"].float32_tensor.values[0] for each in answers])
            print("closest", (found == distances.argmin(axis=1)).all())
            print("distance", numpy.allclose(far, distances.min(axis=1), rtol=1e-5))
            predictor.delete_endpoint()
        """),
        client_environment,
        timeout=600,
    )
    for what in ("test msd", "test ssd", "train msd", "closest", "distance"):
        assert f"{what} True" in shown, shown


def test_a_model_made_by_hand(client_environment):
    shown = run(
        textwrap.dedent("""
            import io, struct, tarfile
            import numpy
            import sagemaker
            from sagemaker.amazon.kmeans import KMeansModel
            from sagemaker.deserializers import CSVDeserializer, JSONDeserializer
            from sagemaker.serializers import CSVSerializer

            session = sagemaker.Session()
            # The bring-your-own-model notebook: centres as mx.nd.save writes a list of one array.
            own = struct.pack("<QQQIiIQQiiI", 0x112, 0, 1, 0xF993FAC9, 0, 2, 2, 2, 1, 0, 0)
            own += numpy.array([[0, 0], [3, 4]], "<f4").tobytes() + struct.pack("<Q", 0)
            packed = io.BytesIO()
            with tarfile.open(fileobj=packed, mode="w:gz") as tar:
                info = tarfile.TarInfo("model_algo-1")
                info.size = len(own)
                tar.addfile(info, io.BytesIO(own))
            bucket = session.default_bucket()
            session.boto_session.client("s3").put_object(Bucket=bucket, Key="own/model.tar.gz", Body=packed.getvalue())
            model = KMeansModel(f"s3://{bucket}/own/model.tar.gz", sagemaker.get_execution_role())
            predictor = model.deploy(1, "ml.m5.large")
            predictor.serializer, predictor.deserializer = CSVSerializer(), JSONDeserializer()
            print("json", predictor.predict([[3, 5], [0, 0]]))
            predictor.deserializer = CSVDeserializer()
            print("csv", predictor.predict([[3, 5]]))
            predictor.delete_endpoint()
        """),
        client_environment,
        timeout=600,
    )
    assert (
        "json {'predictions': [{'closest_cluster': 1.0, 'distance_to_cluster': 1.0}, "
        "{'closest_cluster': 0.0, 'distance_to_cluster': 0.0}]}" in shown
    )
    assert "csv [['1.0', '1.0']]" in shown


def test_csv_in_every_mode(client_environment, penguins):
    shown = run(
        textwrap.dedent(f"""
            import sagemaker
            from sagemaker.estimator import Estimator
            from sagemaker.inputs import TrainingInput

            session = sagemaker.Session()
            rows = "".join(line.split(",", 1)[1] for line in open({str(penguins["train"])!r}))
            where = session.upload_string_as_file_body(rows, session.default_bucket(), "kmeans-modes/rows/all.csv", None)
            jobs = {{}}
            for mode in ("File", "FastFile", "Pipe"):
                image = sagemaker.image_uris.retrieve("kmeans", session.boto_region_name)
                estimator = Estimator(image, sagemaker.get_execution_role(), 1, "ml.m5.large", input_mode=mode)
                estimator.set_hyperparameters(k=3, feature_dim=4, epochs=2)
                channel = TrainingInput(where.removesuffix("all.csv"), content_type="text/csv;label_size=0")
                estimator.fit({{"train": channel}}, wait=False)
                jobs[mode] = estimator.latest_training_job
            values = set()
            for mode, job in jobs.items():
                session.wait_for_job(job.name, poll=1)
                described = job.describe()
                print(mode, described["TrainingJobStatus"])
                values.add(next(each["Value"] for each in described["FinalMetricDataList"]
                                if each["MetricName"] == "train:msd"))
            print("same", len(values) == 1)
        """),
        client_environment,
        timeout=600,
    )
    for mode in ("File", "FastFile", "Pipe"):
        assert f"{mode} Completed" in shown
    assert "same True" in shown


def test_the_segments_example(client_environment):
    shown = run((ROOT / "examples/segments/segments.py").read_text(), client_environment, timeout=600)
    counts = [int(count) for count in re.findall(r"segment \d: (\d+) countries", shown)]
    assert len(counts) == 4 and sum(counts) == 187
    assert "newcomer: segment " in shown
