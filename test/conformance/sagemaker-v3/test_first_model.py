"""SageMaker Python SDK v3: ModelTrainer for training, the resource classes for the endpoint."""

import json
import subprocess
import sys
import textwrap

from conftest import ROOT


def test_train_and_deploy(client_environment, penguins):
    code = textwrap.dedent(f"""
        import json
        from sagemaker.core import image_uris
        from sagemaker.core.helper.session_helper import Session, get_execution_role
        from sagemaker.core.resources import Endpoint, EndpointConfig, Model
        from sagemaker.core.shapes import ContainerDefinition, ProductionVariant
        from sagemaker.train import ModelTrainer
        from sagemaker.train.configs import Compute, InputData, S3DataSource

        session = Session()
        role = get_execution_role(session)
        print("role", role)
        image = image_uris.retrieve("linear-learner", session.boto_region_name)
        trainer = ModelTrainer(
            training_image=image, role=role, sagemaker_session=session, base_job_name="penguins-v3",
            compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
            hyperparameters={{"predictor_type": "multiclass_classifier", "num_classes": 3,
                             "mini_batch_size": 32, "epochs": 60}},
        )
        uploaded = session.upload_data({str(penguins["train"])!r}, key_prefix="penguins-v3")
        source = S3DataSource(s3_data_type="S3Prefix", s3_uri=uploaded, s3_data_distribution_type="FullyReplicated")
        trainer.train([InputData(channel_name="train", data_source=source, content_type="text/csv")])
        job = trainer._latest_training_job
        print("status", job.training_job_status)

        name = job.training_job_name
        Model.create(model_name=name, execution_role_arn=role, primary_container=ContainerDefinition(
            image=image, model_data_url=job.model_artifacts.s3_model_artifacts))
        EndpointConfig.create(endpoint_config_name=name, production_variants=[ProductionVariant(
            variant_name="AllTraffic", model_name=name, instance_type="ml.m5.large", initial_instance_count=1)])
        endpoint = Endpoint.create(endpoint_name=name, endpoint_config_name=name)
        endpoint.wait_for_status("InService", poll=1)
        answer = endpoint.invoke(body="39.1,18.7,181,3750", content_type="text/csv")
        print("answer", answer.body.read().decode())
        endpoint.delete()
    """)
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=client_environment, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "role arn:aws:iam::000000000000:role/SagebrushExecutionRole" in result.stdout
    assert "status Completed" in result.stdout
    answer = json.loads(result.stdout.split("answer ")[1].splitlines()[0])
    assert answer["predictions"][0]["predicted_label"] == 0


def test_the_sdk_reports_nothing(client_environment):
    code = textwrap.dedent("""
        from sagemaker.core.common_utils import resolve_value_from_config
        from sagemaker.core.config.config_schema import TELEMETRY_OPT_OUT_PATH
        from sagemaker.core.helper.session_helper import Session
        print("opted out", resolve_value_from_config(
            direct_input=None, config_path=TELEMETRY_OPT_OUT_PATH, default_value=False, sagemaker_session=Session()))
    """)
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=client_environment, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    assert "opted out True" in result.stdout
