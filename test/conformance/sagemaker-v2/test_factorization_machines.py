"""SageMaker Python SDK v2: the FactorizationMachines class, its artifact, sparse data in every mode, and the example."""

import re
import textwrap

from batch_answers import BATCH_ANSWERS
from conftest import ROOT
from test_first_model import run

# Who likes what: a user and an item go together when both are even or both odd, which only their pair tells.
TASTES = textwrap.dedent("""
    import numpy

    def tastes(count, seed):
        random = numpy.random.default_rng(seed)
        users, items = random.integers(20, size=count), random.integers(10, size=count)
        return users, 20 + items, (users % 2 == items % 2).astype("float32")

    def dense(count, seed):
        users, items, labels = tastes(count, seed)
        rows = numpy.zeros((count, 30), dtype="float32")
        rows[numpy.arange(count), users] = rows[numpy.arange(count), items] = 1
        return rows, labels
""")


def test_factorization_machines_class_with_record_set(client_environment):
    shown = run(
        BATCH_ANSWERS
        + TASTES
        + textwrap.dedent("""
            import io, json, struct, tarfile, zipfile
            import sagemaker
            from sagemaker import FactorizationMachines

            session = sagemaker.Session()
            machine = FactorizationMachines(
                role=sagemaker.get_execution_role(), instance_count=2, instance_type="ml.m5.large", num_factors=2,
                predictor_type="binary_classifier", epochs=60, clip_gradient=5.0, eps=1e-8, rescale_grad=0.02,
                bias_lr=0.02, linear_lr=0.02, factors_lr=0.02, bias_wd=0.01, linear_wd=0.001, factors_wd=0.00001,
                bias_init_method="uniform", bias_init_scale=0.1, linear_init_method="constant", linear_init_value=0.0,
                factors_init_method="normal", factors_init_sigma=0.1,
            )
            held_out, labels = dense(300, 2)
            machine.fit([machine.record_set(*dense(600, 1)),
                         machine.record_set(held_out, labels, channel="test")], mini_batch_size=50)
            metrics = {each["MetricName"]: each["Value"]
                       for each in machine.latest_training_job.describe()["FinalMetricDataList"]}
            print("accuracy", metrics["test:binary_classification_accuracy"] == metrics["test:binary_f_beta"] == 1)
            print("progress", metrics["train:progress"] == 100 and metrics["train:throughput"] > 0)
            curve = sagemaker.TrainingJobAnalytics(
                machine.latest_training_job.name, ["train:binary_classification_cross_entropy"]).dataframe()
            print("curve", len(curve) >= 1)

            # As AWS's own article on film recommendations takes a model apart.
            bucket, key = machine.model_data.removeprefix("s3://").split("/", 1)
            body = session.boto_session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
            archive = zipfile.ZipFile(tarfile.open(fileobj=io.BytesIO(body)).extractfile("model_algo-1"))
            print("files", sorted(archive.namelist()) == ["params", "symbol.json"])
            bytes_, at, arrays = archive.read("params"), 24, []
            for _ in range(struct.unpack_from("<Q", bytes_, 16)[0]):
                (dimensions,) = struct.unpack_from("<I", bytes_, at + 8)
                shape = struct.unpack_from(f"<{dimensions}Q", bytes_, at + 12)
                at += 24 + 8 * dimensions
                arrays.append(numpy.frombuffer(bytes_, "<f4", int(numpy.prod(shape)), at).reshape(shape))
                at += 4 * arrays[-1].size
            bias, linear, v = arrays
            print("shapes", [each.shape for each in arrays] == [(1,), (30, 1), (30, 2)])

            sums = held_out @ v
            score = bias + (held_out @ linear)[:, 0] + 0.5 * (sums**2 - held_out**2 @ v**2).sum(axis=1)
            probability = 1 / (1 + numpy.exp(-score))
            entropy = -numpy.log(numpy.where(labels == 1, probability, 1 - probability)).mean()
            print("entropy", abs(metrics["test:binary_classification_cross_entropy"] / entropy - 1) < 1e-3)
            predictor = machine.deploy(1, "ml.m5.large")
            answers = predictor.predict(held_out)
            value = lambda name: numpy.array([each.label[name].float32_tensor.values[0] for each in answers])
            print("score", numpy.allclose(value("score"), probability, rtol=1e-4))
            print("batch", batch_answers(machine, held_out) == list(answers))
            print("label", (value("predicted_label") == labels).all())
            predictor.delete_endpoint()
        """),
        client_environment,
        timeout=600,
    )
    for what in ("accuracy", "progress", "curve", "files", "shapes", "entropy", "score", "label", "batch"):
        assert f"{what} True" in shown, shown


def test_sparse_rows_in_every_mode(client_environment):
    shown = run(
        TASTES
        + textwrap.dedent("""
            import io
            import sagemaker
            from botocore.exceptions import ClientError
            from sagemaker.amazon.common import write_spmatrix_to_sparse_tensor
            from sagemaker.deserializers import JSONDeserializer, JSONLinesDeserializer
            from sagemaker.estimator import Estimator
            from sagemaker.serializers import CSVSerializer, JSONLinesSerializer, JSONSerializer
            from scipy.sparse import csr_matrix

            session = sagemaker.Session()
            width = 1_000_000  # as numbers of each column, 600 rows would take 2.4 GB
            users, items, labels = tastes(600, 1)
            columns = numpy.stack([users * 30_000, items * 20_000 + 7], axis=1).ravel()  # never the same
            matrix = csr_matrix((numpy.ones(1200, "float32"), columns, numpy.arange(0, 1201, 2)), shape=(600, width))
            content = io.BytesIO()
            write_spmatrix_to_sparse_tensor(content, matrix, labels)
            content.seek(0)
            bucket = session.default_bucket()
            session.boto_session.client("s3").upload_fileobj(content, bucket, "fm-modes/rows/all.pbr")
            jobs = {}
            for mode in ("File", "FastFile", "Pipe"):
                image = sagemaker.image_uris.retrieve("factorization-machines", session.boto_region_name)
                estimator = Estimator(image, sagemaker.get_execution_role(), 1, "ml.m5.large", input_mode=mode)
                estimator.set_hyperparameters(
                    predictor_type="binary_classifier", feature_dim=width, num_factors=2, epochs=60, mini_batch_size=50,
                    bias_lr=0.02, linear_lr=0.02, factors_lr=0.02, factors_init_sigma=0.1)
                estimator.fit({"train": f"s3://{bucket}/fm-modes/rows/"}, wait=False)
                jobs[mode] = estimator
            values = set()
            for mode, estimator in jobs.items():
                session.wait_for_job(estimator.latest_training_job.name, poll=1)
                described = estimator.latest_training_job.describe()
                print(mode, described["TrainingJobStatus"])
                values.add(next(each["Value"] for each in described["FinalMetricDataList"]
                                if each["MetricName"] == "train:binary_classification_cross_entropy"))
            print("same", len(values) == 1)

            rows = [{"data": {"features": {"keys": matrix[i].indices.tolist(), "shape": [width], "values": [1, 1]}}}
                    for i in range(20)]
            predictor = jobs["File"].deploy(1, "ml.m5.large", serializer=JSONSerializer(), deserializer=JSONDeserializer())
            answers = predictor.predict({"instances": rows})["predictions"]
            print("keys", all(list(each) == ["score", "predicted_label"] for each in answers))
            print("right", [each["predicted_label"] for each in answers] == labels[:20].tolist())
            predictor.serializer, predictor.deserializer = JSONLinesSerializer(), JSONLinesDeserializer()
            print("lines", predictor.predict(rows) == answers)
            predictor.serializer = CSVSerializer()
            try:
                predictor.predict([[1, 2]])
            except ClientError as error:
                print("refused", "Content-Type 'text/csv' is not supported" in str(error))
            predictor.delete_endpoint()
        """),
        client_environment,
        timeout=600,
    )
    for mode in ("File", "FastFile", "Pipe"):
        assert f"{mode} Completed" in shown
    for what in ("same", "keys", "right", "lines", "refused"):
        assert f"{what} True" in shown, shown


def test_the_film_ratings_example(client_environment):
    shown = run((ROOT / "examples/film-ratings/film_ratings.py").read_text(), client_environment, timeout=600)
    found = re.search(r"never seen: ([\d.]+) points; always saying [\d.]+: ([\d.]+)", shown)
    assert found, shown
    ours, constant = float(found[1]), float(found[2])
    assert ours < 0.93 * constant
    assert "a novel filmed by Martin Scorsese: " in shown
