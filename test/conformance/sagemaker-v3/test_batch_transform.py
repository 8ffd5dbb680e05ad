"""SageMaker Python SDK v3: the Transformer, and TransformJob of the resource classes."""

import textwrap

from conftest import run_python


def test_transformer_and_resource(client_environment, penguins):
    shown = run_python(
        textwrap.dedent(f"""
            from sagemaker.core import image_uris
            from sagemaker.core.helper.session_helper import Session, get_execution_role
            from sagemaker.core.resources import Model, TransformJob
            from sagemaker.core.shapes import (
                ContainerDefinition, TransformDataSource, TransformInput, TransformOutput, TransformResources, TransformS3DataSource)
            from sagemaker.core.transformer import Transformer
            from sagemaker.train import ModelTrainer
            from sagemaker.train.configs import Compute, InputData, S3DataSource

            session = Session()
            role = get_execution_role(session)
            image = image_uris.retrieve("linear-learner", session.boto_region_name)
            trainer = ModelTrainer(
                training_image=image, role=role, sagemaker_session=session, base_job_name="batch-v3",
                compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
                hyperparameters={{"predictor_type": "multiclass_classifier", "num_classes": 3, "epochs": 20}},
            )
            uploaded = session.upload_data({str(penguins["train"])!r}, key_prefix="batch-v3/train")
            source = S3DataSource(s3_data_type="S3Prefix", s3_uri=uploaded, s3_data_distribution_type="FullyReplicated")
            trainer.train([InputData(channel_name="train", data_source=source, content_type="text/csv")])
            name = trainer._latest_training_job.training_job_name
            Model.create(model_name=name, execution_role_arn=role, primary_container=ContainerDefinition(
                image=image, model_data_url=trainer._latest_training_job.model_artifacts.s3_model_artifacts))

            bucket = session.default_bucket()
            rows = "39.1,18.7,181,3750\\n50.0,15.2,218,5700\\n"
            session.upload_string_as_file_body(rows, bucket, "batch-v3/rows/rows.csv", None)
            transformer = Transformer(name, 1, "ml.m5.large", strategy="MultiRecord", assemble_with="Line", accept="text/csv",
                                      output_path=f"s3://{{bucket}}/batch-v3/out", sagemaker_session=session)
            transformer.transform(f"s3://{{bucket}}/batch-v3/rows/", content_type="text/csv", split_type="Line", wait=True, logs=False)
            print("TRANSFORMER", session.read_s3_file(bucket, "batch-v3/out/rows.csv.out").split())

            job = TransformJob.create(
                transform_job_name=f"{{name}}-again", model_name=name,
                transform_input=TransformInput(
                    data_source=TransformDataSource(s3_data_source=TransformS3DataSource(
                        s3_data_type="S3Prefix", s3_uri=f"s3://{{bucket}}/batch-v3/rows/")),
                    content_type="text/csv", split_type="Line"),
                transform_output=TransformOutput(s3_output_path=f"s3://{{bucket}}/batch-v3/again", accept="text/csv",
                                                 assemble_with="Line"),
                transform_resources=TransformResources(instance_type="ml.m5.large", instance_count=1))
            job.wait(poll=1)
            print("RESOURCE", job.transform_job_status, session.read_s3_file(bucket, "batch-v3/again/rows.csv.out").split())
        """),
        client_environment,
        timeout=600,
    )
    transformed = shown.split("TRANSFORMER ")[1].splitlines()[0]
    assert transformed.count("', '") == 1
    assert f"RESOURCE Completed {transformed}" in shown
