"""SageMaker Python SDK v2: the KNN class, its artifact opened by FAISS, verbose answers, every mode, and the example."""

import json
import re
import textwrap

from batch_answers import BATCH_ANSWERS
from conftest import ROOT
from test_first_model import run


def test_knn_class_with_record_set(client_environment, penguins):
    data = json.dumps({"train": penguins["rows"], "held_out": penguins["held_out"]})
    path = penguins["directory"] / "knn.json"
    path.write_text(data)
    shown = run(
        BATCH_ANSWERS
        + textwrap.dedent(f"""
            import io, json, pathlib, tarfile, tempfile
            import faiss, numpy
            import sagemaker
            from sagemaker import KNN
            from sagemaker.deserializers import JSONDeserializer
            from sagemaker.serializers import CSVSerializer, JSONSerializer

            data = json.load(open({str(path)!r}))
            scale = numpy.array([5, 2, 14, 800])
            (train, labels), (held_out, truth) = (
                (numpy.array([row[1] for row in data[part]] / scale, dtype="float32"),
                 numpy.array([row[0] for row in data[part]], dtype="float32"))
                for part in ("train", "held_out"))
            session = sagemaker.Session()
            role = sagemaker.get_execution_role()
            learner = KNN(role=role, instance_count=2, instance_type="ml.m5.large", k=5, sample_size=1000,
                          predictor_type="classifier", index_type="faiss.IVFFlat", faiss_index_ivf_nlists="8",
                          index_metric="L2")
            learner.fit([learner.record_set(train, labels), learner.record_set(held_out, truth, channel="test")],
                        mini_batch_size=100)
            metrics = {{each["MetricName"]: each["Value"]
                        for each in learner.latest_training_job.describe()["FinalMetricDataList"]}}
            print("progress", metrics["train:progress"] == 100 and metrics["train:throughput"] > 0)

            bucket, key = learner.model_data.removeprefix("s3://").split("/", 1)
            body = session.boto_session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
            folder = pathlib.Path(tempfile.mkdtemp())
            tarfile.open(fileobj=io.BytesIO(body)).extractall(folder, filter="data")
            index = faiss.read_index(str(folder / "model_algo-1"))
            stored = numpy.fromfile(folder / "model_algo-1.labels", dtype="<f4")
            print("index", isinstance(index, faiss.IndexIVFFlat), index.nlist, index.nprobe, index.ntotal == len(train))
            distances, ids = index.search(held_out, 5)
            votes = stored[ids]

            predictor = learner.deploy(1, "ml.m5.large")
            answers = predictor.predict(held_out)
            found = numpy.array([each.label["predicted_label"].float32_tensor.values[0] for each in answers])
            print("accuracy", metrics["test:accuracy"] == (found == truth).mean() and metrics["test:accuracy"] > 0.9)
            print("batch", batch_answers(learner, held_out) == list(answers))
            print("votes", all(numpy.count_nonzero(votes[i] == label) >= 2 for i, label in enumerate(found)))

            predictor.serializer, predictor.deserializer = CSVSerializer(), JSONDeserializer()
            verbose = {{"Accept": "application/json; verbose=true"}}
            answer = predictor.predict(held_out, initial_args=verbose)["predictions"]
            print("verbose", sorted(answer[0]) == ["distances", "labels", "predicted_label"])
            print("distances", numpy.allclose([each["distances"] for each in answer], distances, rtol=1e-4, atol=1e-6))
            print("labels", numpy.mean([each["labels"] for each in answer] == votes) > 0.99)
            predictor.serializer = JSONSerializer()
            asked = {{"instances": [{{"features": held_out[0].tolist()}},
                                   {{"data": {{"features": {{"values": held_out[1].tolist()}}}}}}]}}
            plain = predictor.predict(asked, initial_args={{"Accept": "application/json"}})["predictions"]
            print("plain", plain == [{{"predicted_label": float(label)}} for label in found[:2]])
            predictor.delete_endpoint()
        """),
        client_environment,
        timeout=600,
    )
    assert "index True 8 5 True" in shown, shown
    for what in ("progress", "accuracy", "batch", "votes", "verbose", "distances", "labels", "plain"):
        assert f"{what} True" in shown, shown


def test_csv_in_every_mode(client_environment, penguins):
    shown = run(
        textwrap.dedent(f"""
            import sagemaker
            from sagemaker.estimator import Estimator
            from sagemaker.inputs import TrainingInput

            session = sagemaker.Session()
            rows = open({str(penguins["train"])!r}).read()
            where = session.upload_string_as_file_body(rows, session.default_bucket(), "knn-modes/rows/all.csv", None)
            jobs = {{}}
            for mode in ("File", "FastFile", "Pipe"):
                image = sagemaker.image_uris.retrieve("knn", session.boto_region_name)
                estimator = Estimator(image, sagemaker.get_execution_role(), 1, "ml.m5.large", input_mode=mode)
                estimator.set_hyperparameters(k=3, feature_dim=4, sample_size=100, predictor_type="regressor",
                                              dimension_reduction_type="sign", dimension_reduction_target=3)
                channel = TrainingInput(where.removesuffix("all.csv"), content_type="text/csv;label_size=1")
                estimator.fit({{"train": channel, "test": channel}}, wait=False)
                jobs[mode] = estimator.latest_training_job
            values = set()
            for mode, job in jobs.items():
                session.wait_for_job(job.name, poll=1)
                described = job.describe()
                print(mode, described["TrainingJobStatus"])
                values.add(next(each["Value"] for each in described["FinalMetricDataList"]
                                if each["MetricName"] == "test:mse"))
            print("same", len(values) == 1)
        """),
        client_environment,
        timeout=600,
    )
    for mode in ("File", "FastFile", "Pipe"):
        assert f"{mode} Completed" in shown
    assert "same True" in shown


def test_the_digits_example(client_environment):
    shown = run((ROOT / "examples/digits/digits.py").read_text(), client_environment, timeout=600)
    assert float(re.search(r"([\d.]+)% of 397 digits", shown).group(1)) > 93
    assert re.search(r"meant as \d, read as \d: nearest are \d, \d, \d, \d, \d", shown)
