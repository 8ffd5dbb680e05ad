"""SageMaker Python SDK v3: ModelTrainer with SourceCode, whose own drivers run the script."""

import re
import textwrap

import pytest

from conftest import SCRIPTS, loss_of, needs, needs_system_module, run_python


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


def test_two_hosts_by_torchrun_and_by_mpi(client_environment):
    needs("bwrap", "ip", "nft", "mpirun")
    needs_system_module("torch")
    needs_system_module("mpi4py")
    shown = run_python(
        textwrap.dedent(f"""
            from sagemaker.core import image_uris
            from sagemaker.core.helper.session_helper import Session, get_execution_role
            from sagemaker.train import ModelTrainer
            from sagemaker.train.configs import Compute, SourceCode
            from sagemaker.train.distributed import MPI, Torchrun

            session = Session()
            image = image_uris.retrieve("pytorch", session.boto_region_name, version="1.13.1", py_version="py39",
                                        instance_type="ml.m5.large", image_scope="training")
            def start(script, count, distributed, hyperparameters):
                trainer = ModelTrainer(
                    training_image=image, role=get_execution_role(session), sagemaker_session=session, base_job_name="hosts-v3",
                    source_code=SourceCode(source_dir={str(SCRIPTS)!r}, entry_script=script), distributed=distributed,
                    compute=Compute(instance_type="ml.m5.large", instance_count=count, volume_size_in_gb=1),
                    hyperparameters=hyperparameters)
                trainer.train(wait=False)
                return trainer._latest_training_job

            # mpirun is told of one host's processes only: they go round the hosts by an option.
            ring = MPI(process_count_per_node=2, mpi_additional_options=["--map-by", "node"])
            jobs = {{
                "torch one": start("ddp.py", 1, Torchrun(), {{"epochs": 1}}),
                "torch two": start("ddp.py", 2, Torchrun(), {{"epochs": 1}}),
                "mpi one": start("mpi_ring.py", 1, MPI(process_count_per_node=1), {{"steps": 100}}),
                "mpi two": start("mpi_ring.py", 2, ring, {{"steps": 100}}),
            }}
            logs = session.boto_session.client("logs")
            for title, job in jobs.items():
                job.wait(poll=1)
                print("=====", title)
                for event in logs.filter_log_events(
                    logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=job.training_job_name + "/", limit=10000,
                )["events"]:
                    print(event["message"])
        """),
        client_environment,
        timeout=600,
    )
    parts = re.split(r"^===== (.*)$", shown, flags=re.MULTILINE)
    jobs = dict(zip(parts[1::2], parts[2::2]))
    for way in ("torch", "mpi"):
        for rank, host in [(0, "algo-1"), (1, "algo-2")]:
            assert f"rank {rank} of 2 on {host}" in jobs[f"{way} two"], jobs[f"{way} two"]
        assert loss_of(jobs[f"{way} two"]) == pytest.approx(loss_of(jobs[f"{way} one"]), rel=0.01)
