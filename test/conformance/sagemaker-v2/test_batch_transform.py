"""SageMaker Python SDK v2: Transformer, for every hosted kind, and the same numbers online and in batch."""

import json
import textwrap

from conftest import ROOT, SCRIPTS, run_python

PRELUDE = """
import json
import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer
from sagemaker.deserializers import BytesDeserializer
session = sagemaker.Session()
role = sagemaker.get_execution_role()
bucket = session.default_bucket()

def upload(key, text):
    return session.upload_string_as_file_body(text, bucket, key, None)

def output(transformer, name):
    bucket, prefix = transformer.output_path[5:].split("/", 1)
    return session.read_s3_file(bucket, f"{prefix}/{name}.out")
"""


def run(code: str, environment: dict, timeout: int = 900) -> str:
    return run_python(PRELUDE + textwrap.dedent(code), environment, timeout=timeout)


def test_the_same_numbers_online_and_in_batch(client_environment, penguins):
    shown = run(
        f"""
        held_out = {json.dumps([row[1] for row in penguins["held_out"]])}
        train = session.upload_data({str(penguins["train"])!r}, key_prefix="same-numbers/train")
        rows = "".join(",".join(map(str, row)) + "\\n" for row in held_out)
        features = "".join(line.split(",", 1)[1] for line in open({str(penguins["train"])!r}))
        unlabelled = upload("same-numbers/features/train.csv", features)
        data = upload("same-numbers/rows/held-out.csv", rows)
        kinds = dict([
            ("linear-learner", (dict(predictor_type="multiclass_classifier", num_classes=3, epochs=20), train, "text/csv")),
            ("kmeans", (dict(k=3, feature_dim=4), unlabelled, "text/csv;label_size=0")),
            ("xgboost", (dict(objective="multi:softprob", num_class=3, num_round=20), train, "text/csv")),
        ])
        for kind, (hyperparameters, channel, content_type) in kinds.items():
            version = dict(version="3.0-5") if kind == "xgboost" else {{}}
            image = sagemaker.image_uris.retrieve(kind, session.boto_region_name, **version)
            estimator = Estimator(image, role, 1, "ml.m5.large", hyperparameters=hyperparameters)
            estimator.fit({{"train": TrainingInput(channel, content_type=content_type)}}, logs=False)
            predictor = estimator.deploy(1, "ml.m5.large", serializer=CSVSerializer(), deserializer=BytesDeserializer())
            # One row at a time: the forms of answers to one row and to many differ in nothing but their lines.
            online = [predictor.predict(row, initial_args=dict(Accept="text/csv")).decode().strip() for row in held_out]
            predictor.delete_endpoint()
            for strategy in ("MultiRecord", "SingleRecord"):
                transformer = estimator.transformer(1, "ml.m5.large", strategy=strategy, accept="text/csv", assemble_with="Line")
                transformer.transform(data, content_type="text/csv", split_type="Line", wait=True, logs=strategy == "SingleRecord")
                batch = output(transformer, "held-out.csv").splitlines()
                # Where a row has several scores, XGBoost's container writes a list in batches.
                plain = [line.strip("[]").replace(", ", ",") for line in batch]
                print(kind, strategy, len(batch) == len(held_out), plain == online)
        """,
        client_environment,
    )
    for kind in ("linear-learner", "kmeans", "xgboost"):
        for strategy in ("MultiRecord", "SingleRecord"):
            assert f"{kind} {strategy} True True" in shown, shown


def test_a_script_mode_model_with_a_join(client_environment, penguins):
    shown = run(
        f"""
        from sagemaker.sklearn import SKLearn
        estimator = SKLearn(entry_point="penguins.py", source_dir={str(SCRIPTS)!r}, framework_version="1.4-2", py_version="py3",
                            role=role, instance_count=1, instance_type="ml.m5.large")
        estimator.fit({{"train": session.upload_data({str(penguins["train"])!r}, key_prefix="batch-script")}}, logs=False)
        held_out = {json.dumps([row[1] for row in penguins["held_out"]])}
        lines = "".join(json.dumps(dict(id=f"bird-{{i}}", features=[row])) + "\\n" for i, row in enumerate(held_out))
        data = upload("batch-script-rows/birds.jsonl", lines)
        transformer = estimator.create_model().transformer(
            1, "ml.m5.large", strategy="SingleRecord", accept="application/json", assemble_with="Line")
        transformer.transform(data, content_type="application/json", split_type="Line", input_filter="$.features",
                              join_source="Input", output_filter="$['id','SageMakerOutput']", logs=False)
        print("JOINED", json.dumps([json.loads(line) for line in output(transformer, "birds.jsonl").splitlines()]))
        attached = sagemaker.transformer.Transformer.attach(transformer.latest_transform_job.name, session)
        print("ATTACHED", attached.strategy, attached.accept, attached.model_name == transformer.model_name)
        """,
        client_environment,
    )
    joined = json.loads(shown.split("JOINED ")[1].splitlines()[0])
    labels = [row[0] for row in penguins["held_out"]]
    assert [each["id"] for each in joined] == [f"bird-{i}" for i in range(len(labels))]
    assert sum(each["SageMakerOutput"][0] == label for each, label in zip(joined, labels)) / len(labels) > 0.97
    assert "ATTACHED SingleRecord application/json True" in shown


def test_a_transform_job_can_be_stopped(client_environment, penguins):
    shown = run(
        f"""
        from sagemaker.exceptions import UnexpectedStatusException
        image = sagemaker.image_uris.retrieve("linear-learner", session.boto_region_name)
        estimator = Estimator(image, role, 1, "ml.m5.large", hyperparameters=dict(
            predictor_type="multiclass_classifier", num_classes=3, epochs=5))
        train = session.upload_data({str(penguins["train"])!r}, key_prefix="batch-stopped/train")
        estimator.fit({{"train": TrainingInput(train, content_type="text/csv")}}, logs=False)
        upload("batch-stopped/rows/rows.csv", "39.1,18.7,181,3750\\n" * 200_000)
        transformer = estimator.transformer(1, "ml.m5.large", strategy="SingleRecord", accept="text/csv", assemble_with="Line")
        transformer.transform(f"s3://{{bucket}}/batch-stopped/rows/", content_type="text/csv", split_type="Line", wait=False)
        transformer.stop_transform_job(wait=True)
        job = session.describe_transform_job(transformer.latest_transform_job.name)
        print("STATUS", job["TransformJobStatus"])
        keys = session.list_s3_files(*transformer.output_path[5:].split("/", 1))
        print("KEYS", keys)
        """,
        client_environment,
    )
    assert "STATUS Stopped" in shown
    assert "KEYS []" in shown


def test_the_example(client_environment):
    shown = run_python((ROOT / "examples/batch-scores/batch_scores.py").read_text(), client_environment, timeout=900)
    assert "5000 of 5000 flights scored, from " in shown
