"""SageMaker Python SDK v2: TrainingInput with every mode and source, and FileSystemInput."""

import textwrap

from test_first_model import run


def test_training_input_in_every_mode(client_environment, penguins):
    shown = run(
        textwrap.dedent(f"""
            import json
            import sagemaker
            from sagemaker import image_uris
            from sagemaker.estimator import Estimator
            from sagemaker.inputs import FileSystemInput, ShuffleConfig, TrainingInput

            session = sagemaker.Session()
            rows = open({str(penguins["train"])!r}).read()
            bucket = session.default_bucket()
            prefix = "input-modes"
            session.upload_string_as_file_body(rows, bucket, prefix + "/rows/part.csv", None)
            lines = "".join(json.dumps({{"row": row, "n": i}}) + chr(10) for i, row in enumerate(rows.splitlines(True)))
            session.upload_string_as_file_body(lines, bucket, prefix + "/lines.jsonl", None)

            def fit(train):
                image = image_uris.retrieve("linear-learner", session.boto_region_name)
                estimator = Estimator(image, sagemaker.get_execution_role(), 1, "ml.m5.large")
                estimator.set_hyperparameters(
                    predictor_type="multiclass_classifier", num_classes=3, epochs=2, num_models=1)
                estimator.fit({{"train": train}}, wait=False)
                return estimator.latest_training_job

            csv = {{"content_type": "text/csv"}}
            data = f"s3://{{bucket}}/{{prefix}}/rows"
            jobs = {{
                "pipe": fit(TrainingInput(
                    data, input_mode="Pipe", distribution="ShardedByS3Key", shuffle_config=ShuffleConfig(5), **csv)),
                "fast": fit(TrainingInput(data, input_mode="FastFile", **csv)),
                "augmented": fit(TrainingInput(
                    f"s3://{{bucket}}/{{prefix}}/lines.jsonl", s3_data_type="AugmentedManifestFile",
                    attribute_names=["row"], input_mode="Pipe", **csv)),
            }}
            for name, job in jobs.items():
                session.wait_for_job(job.name, poll=1)
                print(name, job.describe()["TrainingJobStatus"])
            try:
                fit(FileSystemInput("fs-0123abcd", "EFS", "/data"))
            except Exception as error:
                print(error)
        """),
        client_environment,
    )
    for each in ("pipe", "fast", "augmented"):
        assert f"{each} Completed" in shown
    assert 'FileSystemId "fs-0123abcd" is not configured' in shown
