"""SageMaker Python SDK v2: the README's snippet, the LinearLearner class, attach."""

import json
import subprocess
import sys
import textwrap

from conftest import ROOT, readme_snippet


def run(code: str, environment: dict, timeout: int = 240) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_readme_snippet(user_environment):
    shown = run(readme_snippet("sagemaker-v2"), user_environment)
    # fit() follows the log and prints the line that people look for.
    assert "#quality_metric" in shown
    assert "Training seconds: " in shown and "Billable seconds: " in shown
    assert "'predicted_label': 0" in shown


def test_linear_learner_class_with_record_set(client_environment, penguins):
    data = json.dumps({"train": penguins["rows"], "held_out": penguins["held_out"]})
    path = penguins["directory"] / "rows.json"
    path.write_text(data)
    shown = run(
        textwrap.dedent(f"""
            import json
            import numpy
            import sagemaker
            from sagemaker import LinearLearner
            from sagemaker.estimator import Estimator

            data = json.load(open({str(path)!r}))
            features = numpy.array([row[1] for row in data["train"]], dtype="float32")
            labels = numpy.array([row[0] for row in data["train"]], dtype="float32")
            learner = LinearLearner(role=sagemaker.get_execution_role(), instance_count=1, instance_type="ml.m5.large",
                                    predictor_type="multiclass_classifier", num_classes=3, epochs=60)
            learner.fit(learner.record_set(features, labels=labels), mini_batch_size=32)
            attached = Estimator.attach(learner.latest_training_job.name)
            print("attached", attached.model_data == learner.model_data)
            curve = sagemaker.TrainingJobAnalytics(learner.latest_training_job.name, ["train:objective_loss:final"])
            print("curve", list(curve.dataframe().columns), len(curve.dataframe()) >= 1)
            everything = learner.training_job_analytics.dataframe()
            final = learner.latest_training_job.describe()["FinalMetricDataList"]
            print("same metrics", set(everything["metric_name"]) == set(each["MetricName"] for each in final))
            predictor = learner.deploy(1, "ml.m5.large")
            held_out = numpy.array([row[1] for row in data["held_out"]], dtype="float32")
            answers = predictor.predict(held_out)
            predicted = [answer.label["predicted_label"].float32_tensor.values[0] for answer in answers]
            right = sum(p == row[0] for p, row in zip(predicted, data["held_out"]))
            print("right share", right / len(predicted))
            predictor.delete_endpoint()
        """),
        client_environment,
    )
    assert "attached True" in shown
    assert "curve ['timestamp', 'metric_name', 'value'] True" in shown
    assert "same metrics True" in shown
    accuracy = float(shown.split("right share ")[1].split()[0])
    assert accuracy >= 0.97


def test_the_sdk_reports_nothing(client_environment):
    shown = run(
        textwrap.dedent("""
            from sagemaker import Session
            from sagemaker.config.config_schema import TELEMETRY_OPT_OUT_PATH
            from sagemaker.utils import resolve_value_from_config
            print("opted out", resolve_value_from_config(
                direct_input=None, config_path=TELEMETRY_OPT_OUT_PATH, default_value=False, sagemaker_session=Session()))
        """),
        client_environment,
    )
    assert "opted out True" in shown
