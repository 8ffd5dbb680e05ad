"""SageMaker Python SDK v3: its HyperparameterTuner over a ModelTrainer."""

import subprocess
import sys
import textwrap

from conftest import ROOT


def test_tune(client_environment, penguins):
    code = textwrap.dedent(f"""
        from sagemaker.core import image_uris
        from sagemaker.core.helper.session_helper import Session, get_execution_role
        from sagemaker.core.parameter import ContinuousParameter
        from sagemaker.core.resources import HyperParameterTuningJob
        from sagemaker.train import ModelTrainer
        from sagemaker.train.configs import Compute, InputData
        from sagemaker.train.tuner import HyperparameterTuner

        session = Session()
        trainer = ModelTrainer(
            training_image=image_uris.retrieve("linear-learner", session.boto_region_name),
            role=get_execution_role(session), sagemaker_session=session, base_job_name="tuned-v3",
            compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
            hyperparameters={{"predictor_type": "multiclass_classifier", "num_classes": 3,
                             "mini_batch_size": 32, "epochs": 3}},
        )
        uploaded = session.upload_data({str(penguins["train"])!r}, key_prefix="tuned-v3")
        channels = [InputData(channel_name=name, data_source=uploaded, content_type="text/csv")
                    for name in ("train", "validation")]
        tuner = HyperparameterTuner(
            trainer, "validation:objective_loss", {{"learning_rate": ContinuousParameter(0.001, 0.5)}},
            objective_type="Minimize", strategy="Bayesian", max_jobs=3, max_parallel_jobs=2,
        )
        tuner.tune(channels)
        job = tuner.describe()
        print("status", job.hyper_parameter_tuning_job_status)
        frame = tuner.analytics().dataframe()
        best = frame.sort_values("FinalObjectiveValue").iloc[0]["TrainingJobName"]
        print("best", tuner.best_training_job() == best, len(frame))
        listed = {{each.hyper_parameter_tuning_job_name for each in HyperParameterTuningJob.get_all()}}
        print("listed", job.hyper_parameter_tuning_job_name in listed)
    """)
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=client_environment, capture_output=True, text=True, timeout=280
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "status Completed" in result.stdout
    assert "best True 3" in result.stdout
    assert "listed True" in result.stdout
