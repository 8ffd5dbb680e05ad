"""SageMaker Python SDK v3: ModelTrainer with SourceCode, whose own drivers run the script."""

import textwrap

from conftest import SCRIPTS, needs, run_python


def test_scikit_learn_on_a_csv(client_environment, penguins):
    # The SDK's drivers name /opt/ml themselves, and plain processes have no such folder.
    needs("bwrap", "ip", "nft", root=False)
    shown = run_python(
        textwrap.dedent(f"""
            from sagemaker.core import image_uris
            from sagemaker.core.helper.session_helper import Session, get_execution_role
            from sagemaker.train import ModelTrainer
            from sagemaker.train.configs import Compute, InputData, SourceCode

            session = Session()
            image = image_uris.retrieve("sklearn", session.boto_region_name, version="1.4-2", py_version="py3",
                                        instance_type="ml.m5.large")
            trainer = ModelTrainer(
                training_image=image, role=get_execution_role(session), sagemaker_session=session, base_job_name="sklearn-v3",
                source_code=SourceCode(source_dir={str(SCRIPTS)!r}, entry_script="penguins.py"),
                compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
                hyperparameters={{"strength": 10.0, "max-iter": 500}},
            )
            uploaded = session.upload_data({str(penguins["train"])!r}, key_prefix="penguins-script-v3")
            trainer.train([InputData(channel_name="train", data_source=uploaded)], wait=False)
            job = trainer._latest_training_job
            job.wait(poll=1, logs=True)
            job.refresh()
            print("status", job.training_job_status, job.algorithm_specification.container_entrypoint)
            session.download_data("{penguins["directory"]}", *job.model_artifacts.s3_model_artifacts[5:].split("/", 1))
        """),
        client_environment,
    )
    assert "status Completed ['/bin/bash']" in shown
    assert (penguins["directory"] / "model.tar.gz").stat().st_size > 500
