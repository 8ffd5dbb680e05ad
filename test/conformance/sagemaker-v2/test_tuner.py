"""SageMaker Python SDK v2: HyperparameterTuner, by the example, and what else people do with a tuner."""

import json
import re
import textwrap

from conftest import ROOT
from test_first_model import run


def test_the_tuned_penguins_example(client_environment):
    shown = run((ROOT / "examples/tuned-penguins/tuned_penguins.py").read_text(), client_environment, timeout=600)
    assert len(re.findall(r"-00[1-8]-[0-9a-f]{8} ", shown)) >= 8, shown
    right, asked = map(int, re.search(r"(\d+) of (\d+) penguins recognised", shown).groups())
    assert asked == 86 and right >= 80, shown


# Without names of their own, the SDK names tuning jobs by the minute, and these take less.
def test_attach_warm_start_and_grid(client_environment, penguins):
    shown = run(
        textwrap.dedent(f"""
            import json
            import sagemaker
            from sagemaker.estimator import Estimator
            from sagemaker.inputs import TrainingInput
            from sagemaker.tuner import CategoricalParameter, ContinuousParameter, HyperparameterTuner

            session = sagemaker.Session()
            image = sagemaker.image_uris.retrieve("linear-learner", session.boto_region_name)
            where = session.upload_data({str(penguins["train"])!r}, key_prefix="tuner")
            channels = {{name: TrainingInput(where, content_type="text/csv") for name in ("train", "validation")}}

            def learner():
                made = Estimator(image, sagemaker.get_execution_role(), 1, "ml.m5.large")
                made.set_hyperparameters(predictor_type="multiclass_classifier", num_classes=3, epochs=3, mini_batch_size=32)
                return made

            rate = {{"learning_rate": ContinuousParameter(0.001, 0.5)}}
            objective = dict(objective_metric_name="validation:objective_loss", objective_type="Minimize")
            first = HyperparameterTuner(learner(), hyperparameter_ranges=rate, strategy="Random", max_jobs=2,
                                        max_parallel_jobs=2, **objective)
            first.fit(channels, job_name="first-tuner")
            attached = HyperparameterTuner.attach(first.latest_tuning_job.name,
                                                  estimator_cls="sagemaker.estimator.Estimator")
            print("attached", attached.best_training_job() == first.best_training_job())
            second = attached.identical_dataset_and_algorithm_tuner()
            second.max_jobs = 1
            second.fit(channels, job_name="second-tuner")
            told = second.describe()
            print("overall", "OverallBestTrainingJob" in told, told["HyperParameterTuningJobStatus"])
            grid = HyperparameterTuner(learner(), hyperparameter_ranges={{"optimizer": CategoricalParameter(["adam", "sgd"])}},
                                       strategy="Grid", max_jobs=2, max_parallel_jobs=2, **objective)
            grid.fit(channels, job_name="grid-tuner")
            print("grid", sorted(json.loads(each) if each.startswith('"') else each
                                 for each in grid.analytics().dataframe()["optimizer"]))
        """),
        client_environment,
        timeout=600,
    )
    assert "attached True" in shown
    assert "overall True Completed" in shown
    assert "grid ['adam', 'sgd']" in shown
