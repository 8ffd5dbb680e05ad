"""SageMaker Python SDK v2: the IPInsights class, every answer, the validation channel, and the example."""

import re
import textwrap

from conftest import ROOT
from test_first_model import run

PAIRS = """
            import random
            random.seed(3)
            homes = {f"user-{i}": f"{random.randrange(256)}.{random.randrange(256)}.{random.randrange(256)}"
                     for i in range(50)}
            def rows(count):
                return "".join(f"{user},{homes[user]}.{random.randrange(256)}\\n"
                               for user in random.choices(sorted(homes), k=count))
"""


def test_ipinsights_class(client_environment):
    shown = run(
        textwrap.dedent(
            PAIRS
            + """
            import json
            import sagemaker
            from sagemaker import IPInsights
            from sagemaker.amazon.amazon_estimator import RecordSet
            from sagemaker.deserializers import JSONDeserializer, JSONLinesDeserializer
            from sagemaker.serializers import JSONLinesSerializer, JSONSerializer

            session = sagemaker.Session()
            where = session.upload_string_as_file_body(rows(5000), session.default_bucket(), "ips/train/all.csv", None)
            insights = IPInsights(role=sagemaker.get_execution_role(), instance_count=2, instance_type="ml.m5.large",
                                  num_entity_vectors=100, vector_dim=16, batch_metrics_publish_interval=10, epochs=12,
                                  learning_rate=0.01, num_ip_encoder_layers=1, random_negative_sampling_rate=1,
                                  shuffled_negative_sampling_rate=1, weight_decay=0.00001)
            records = RecordSet(where.rsplit("/", 1)[0], 5000, None, s3_data_type="S3Prefix", channel="train")
            insights.fit(records, mini_batch_size=200)
            metrics = {each["MetricName"]: each["Value"]
                       for each in insights.latest_training_job.describe()["FinalMetricDataList"]}
            print("accuracy", metrics["train:binary_classification_accuracy:epoch"] > 0.85)
            print("loss", metrics["train:binary_classification_cross_entropy:epoch"] < 0.4)
            print("progress", metrics["train:progress"] == 100)

            predictor = insights.deploy(1, "ml.m5.large")
            users = sorted(homes)
            own = [[user, f"{homes[user]}.7"] for user in users]
            other = [[user, f"{homes[users[i - 1]]}.7"] for i, user in enumerate(users)]
            usual, odd = ([each["dot_product"] for each in predictor.predict(pairs)["predictions"]]
                          for pairs in (own, other))
            print("told", sum(a > b for a, b in zip(usual, odd)) > 45)
            predictor.serializer = JSONSerializer()
            asked = {"instances": [{"features": own[0]}, {"data": {"features": {"values": own[1]}}}]}
            print("json", [each["dot_product"] for each in predictor.predict(asked)["predictions"]] == usual[:2])
            predictor.deserializer = JSONDeserializer(accept="application/json; verbose=True")
            (answer,) = predictor.predict({"instances": [{"features": own[0]}]})["predictions"]
            product = sum(a * b for a, b in zip(answer["entity_embedding"], answer["ip_embedding"]))
            print("verbose", list(answer) == ["dot_product", "entity_embedding", "ip_embedding"]
                  and len(answer["ip_embedding"]) == 16 and abs(product - usual[0]) < 1e-3)
            predictor.serializer, predictor.deserializer = JSONLinesSerializer(), JSONLinesDeserializer()
            lines = predictor.predict([{"features": own[0]}, {"features": own[1]}])
            print("lines", [each["dot_product"] for each in lines] == usual[:2])

            bucket, pairs = session.default_bucket(), "".join(",".join(pair) + chr(10) for pair in own + other)
            data = session.upload_string_as_file_body(pairs, bucket, "ips/pairs/pairs.csv", None)
            transformer = insights.transformer(1, "ml.m5.large", strategy="SingleRecord", accept="application/jsonlines",
                                               assemble_with="Line")
            transformer.transform(data, content_type="text/csv", split_type="Line", logs=False)
            batch = session.read_s3_file(bucket, transformer.output_path[5:].split("/", 1)[1] + "/pairs.csv.out")
            print("batch", [json.loads(line)["dot_product"] for line in batch.splitlines()] == usual + odd)
            predictor.delete_endpoint()
            """
        ),
        client_environment,
        timeout=600,
    )
    assert "#quality_metric: host=algo-1, epoch=11, train binary_classification_accuracy <score>=" in shown
    for what in ("accuracy", "loss", "progress", "told", "json", "verbose", "lines", "batch"):
        assert f"{what} True" in shown, shown


def test_validation_and_modes_by_image_uri(client_environment):
    shown = run(
        textwrap.dedent(
            PAIRS
            + """
            import time
            import sagemaker
            from sagemaker.estimator import Estimator
            from sagemaker.inputs import TrainingInput

            session = sagemaker.Session()
            def upload(name, count):
                where = session.upload_string_as_file_body(rows(count), session.default_bucket(), f"{name}/all.csv", None)
                return where.rsplit("/", 1)[0] + "/"
            train, held = upload("ip-modes/train", 4000), upload("ip-modes/held", 1000)
            image = sagemaker.image_uris.retrieve("ipinsights", session.boto_region_name)
            print(image)
            jobs = {}
            for mode in ("File", "FastFile", "Pipe"):
                estimator = Estimator(image, sagemaker.get_execution_role(), 1, "ml.m5.large", input_mode=mode)
                estimator.set_hyperparameters(num_entity_vectors=100, vector_dim=16, epochs=12, learning_rate=0.01,
                                              mini_batch_size=200)
                channels = {"train": TrainingInput(train, content_type="text/csv"),
                            "validation": TrainingInput(held, content_type="text/csv")}
                estimator.fit(channels, wait=False)
                jobs[mode] = estimator.latest_training_job
            values = set()
            for mode, job in jobs.items():
                while (described := job.describe())["TrainingJobStatus"] == "InProgress":
                    time.sleep(0.5)
                print(mode, described["TrainingJobStatus"], described.get("FailureReason"))
                values |= {each["Value"] for each in described.get("FinalMetricDataList", [])
                           if each["MetricName"] == "validation:discriminator_auc"}
            print("same", len(values) == 1 and values.pop() > 0.95)
            """
        ),
        client_environment,
        timeout=600,
    )
    assert re.search(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/ipinsights:1\n", shown)
    assert "File Completed" in shown and "FastFile Completed" in shown
    assert re.search(r"Pipe Failed .*TrainingInputMode of channel 'train' must be one of 'File', 'FastFile'", shown), shown
    assert "same True" in shown


def test_the_logins_example(client_environment):
    shown = run((ROOT / "examples/logins/logins.py").read_text(), client_environment, timeout=600)
    questioned, asked = map(int, re.search(r"questioned: (\d+) of (\d+) from another state", shown).groups())
    assert asked == 500 and questioned > 400
