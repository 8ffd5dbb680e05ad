"""SageMaker Python SDK v2: the framework estimators with unchanged scripts."""

import json
import tarfile
import textwrap

from conftest import SCRIPTS, run_python

SKLEARN = dict(framework_version="1.4-2", py_version="py3", instance_type="ml.m5.large", instance_count=1)


def test_scikit_learn_on_a_csv(client_environment, penguins, tmp_path):
    shown = run_python(
        textwrap.dedent(f"""
            import sagemaker
            from sagemaker.sklearn import SKLearn
            session = sagemaker.Session()
            estimator = SKLearn(entry_point="penguins.py", source_dir={str(SCRIPTS)!r}, role=sagemaker.get_execution_role(),
                                hyperparameters={{"strength": 10.0, "max-iter": 500}},
                                metric_definitions=[{{"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}}], **{SKLEARN!r})
            estimator.fit({{"train": session.upload_data({str(penguins["train"])!r}, key_prefix="penguins-script")}})
            session.download_data({str(tmp_path)!r}, *estimator.model_data[5:].split("/", 1))
        """),
        client_environment,
    )
    assert "hosts=['algo-1']" in shown
    assert float(shown.split("accuracy=")[1].split(";")[0]) > 0.97
    with tarfile.open(tmp_path / "model.tar.gz") as archive:
        assert archive.getnames() == ["model.joblib"]
