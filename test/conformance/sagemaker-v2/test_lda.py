"""SageMaker Python SDK v2: the LDA class, its artifact and its endpoint, every mode, and the example."""

import re
import textwrap

from batch_answers import BATCH_ANSWERS
from conftest import ROOT
from test_first_model import run

# Documents of two topics over ten words: the first five words, and the last five.
DOCUMENTS = """
import numpy

def documents(count, seed):
    draw = numpy.random.default_rng(seed)
    topics = numpy.repeat([[0.2, 0.0], [0.0, 0.2]], 5, axis=1)
    mixtures = draw.dirichlet([0.2, 0.2], size=count)
    return numpy.array([draw.multinomial(60, mixture @ topics) for mixture in mixtures], dtype="float32"), mixtures
"""


def test_lda_class_with_record_set(client_environment):
    shown = run(
        BATCH_ANSWERS
        + DOCUMENTS
        + textwrap.dedent("""
            import io, struct, tarfile
            import sagemaker
            from sagemaker import LDA
            from sagemaker.deserializers import JSONDeserializer
            from sagemaker.serializers import CSVSerializer, JSONSerializer

            train, _ = documents(500, 1)
            held_out, mixtures = documents(40, 2)
            session = sagemaker.Session()
            learner = LDA(role=sagemaker.get_execution_role(), instance_type="ml.m5.large", num_topics=2, alpha0=0.4,
                          max_restarts=5, max_iterations=500, tol=1e-6)
            learner.fit([learner.record_set(train), learner.record_set(held_out, channel="test")], mini_batch_size=500)
            metrics = {each["MetricName"]: each["Value"]
                       for each in learner.latest_training_job.describe()["FinalMetricDataList"]}

            bucket, key = learner.model_data.removeprefix("s3://").split("/", 1)
            body = session.boto_session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
            archive = tarfile.open(fileobj=io.BytesIO(body))
            # The notebooks take whichever file begins like this.
            [name] = [each for each in archive.getnames() if each.startswith("model_")]
            bytes_ = io.BytesIO(archive.extractfile(name).read())
            take = lambda form: struct.unpack("<" + form, bytes_.read(struct.calcsize("<" + form)))
            assert take("QQQ") == (0x112, 0, 2)
            arrays = []
            for _ in range(2):
                assert take("Ii") == (0xF993FAC9, 0)
                shape = take(f"{take('I')[0]}Q")
                take("iii")
                size = int(numpy.prod(shape))
                arrays.append(numpy.frombuffer(bytes_.read(4 * size), "<f4").reshape(shape))
            alpha, beta = arrays
            print("alpha", alpha.shape == (2,) and abs(alpha.sum() - 0.4) < 1e-5)
            print("beta", beta.shape == (2, 10) and numpy.allclose(beta.sum(axis=1), 1, atol=1e-5))
            first = int(beta[0, :5].sum() < 0.5)
            print("topics", beta[first, :5].sum() > 0.98 and beta[1 - first, 5:].sum() > 0.98)

            predictor = learner.deploy(1, "ml.m5.large")
            answers = predictor.predict(held_out)
            found = numpy.array([list(each.label["topic_mixture"].float32_tensor.values) for each in answers])
            print("mixture", numpy.abs(found[:, first] - mixtures[:, 0]).max() < 0.15)
            print("batch", batch_answers(learner, held_out) == list(answers))
            words = (held_out * numpy.log(found @ beta)).sum() / held_out.sum()
            print("pwll", abs(metrics["test:pwll"] - words) < 1e-3)
            predictor.serializer, predictor.deserializer = JSONSerializer(), JSONDeserializer()
            row = [float(value) for value in held_out[0]]
            dense = predictor.predict({"instances": [{"features": row}]})
            keys = [key for key, value in enumerate(row) if value]
            sparse = predictor.predict({"instances": [{"data": {"features": {
                "keys": keys, "shape": [10], "values": [row[key] for key in keys]}}}]})
            predictor.serializer = CSVSerializer()
            print("json", dense == sparse == predictor.predict([row]),
                  numpy.allclose(dense["predictions"][0]["topic_mixture"], found[0], atol=1e-6))
            predictor.delete_endpoint()
        """),
        client_environment,
        timeout=600,
    )
    for what in ("alpha", "beta", "topics", "mixture", "pwll", "json True", "batch"):
        assert f"{what} True" in shown, shown


def test_csv_and_pipe(client_environment):
    shown = run(
        DOCUMENTS
        + textwrap.dedent("""
            import sagemaker
            from sagemaker.estimator import Estimator
            from sagemaker.inputs import TrainingInput

            session = sagemaker.Session()
            train, _ = documents(300, 3)
            rows = "".join(",".join(str(int(count)) for count in row) + chr(10) for row in train)
            where = session.upload_string_as_file_body(rows, session.default_bucket(), "lda-modes/rows/all.csv", None)
            jobs = {}
            for mode in ("File", "FastFile", "Pipe"):
                image = sagemaker.image_uris.retrieve("lda", session.boto_region_name)
                estimator = Estimator(image, sagemaker.get_execution_role(), 1, "ml.m5.large", input_mode=mode)
                estimator.set_hyperparameters(num_topics=2, feature_dim=10, mini_batch_size=300)
                channel = TrainingInput(where.removesuffix("all.csv"), content_type="text/csv;label_size=0")
                estimator.fit({"train": channel}, wait=False)
                jobs[mode] = estimator.latest_training_job
            values = set()
            for mode, job in jobs.items():
                session.wait_for_job(job.name, poll=1)
                described = job.describe()
                print(mode, described["TrainingJobStatus"])
                values.add(next(each["Value"] for each in described["FinalMetricDataList"]
                                if each["MetricName"] == "train:pwll"))
            print("same", len(values) == 1)
        """),
        client_environment,
        timeout=600,
    )
    for mode in ("File", "FastFile", "Pipe"):
        assert f"{mode} Completed" in shown
    assert "same True" in shown


def test_the_bird_strikes_example(client_environment):
    shown = run((ROOT / "examples/bird-strikes/bird_strikes.py").read_text(), client_environment, timeout=600)
    communities = re.findall(r"^community \d: (.+); in (.+)$", shown, re.MULTILINE)
    assert len(communities) == 4, shown
    # Birds of the coast are a community of their own, and on the coast.
    assert any("gull" in birds for birds, _ in communities), shown
