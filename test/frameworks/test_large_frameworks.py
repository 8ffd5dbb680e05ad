"""SageMaker Python SDK v2: estimators of frameworks whose packages are too large for every test run."""

import pathlib
import tarfile
import textwrap

import pytest
from conftest import run_python

SCRIPTS = pathlib.Path(__file__).parent / "scripts"

# The first run makes the environment: hundreds of megabytes.
LIMIT_SECONDS = 1800


@pytest.fixture
def trained(client_environment, penguins, tmp_path):
    """Trains what the code calls `estimator` and returns its log and what its model archive holds."""

    def train(code):
        program = f"""
            import sagemaker
            session = sagemaker.Session()
            common = dict(role=sagemaker.get_execution_role(), instance_count=1, source_dir={str(SCRIPTS)!r})
            data = session.upload_data({str(penguins["train"])!r}, key_prefix="penguins-frameworks")
            {code}
            estimator.fit({{"train": data}})
            session.download_data({str(tmp_path)!r}, *estimator.model_data[5:].split("/", 1))
        """
        shown = run_python(textwrap.dedent(program), client_environment, LIMIT_SECONDS)
        with tarfile.open(tmp_path / "model.tar.gz") as archive:
            return shown, archive.getnames()

    return train


def accuracy(shown):
    return float(shown.split(" accuracy=")[1].split(";")[0])


def test_keras_learns_penguins(trained):
    shown, files = trained(
        """from sagemaker.tensorflow import TensorFlow
            estimator = TensorFlow(entry_point="keras_penguins.py", framework_version="2.13", py_version="py310",
                                   instance_type="ml.m5.large",
                                   hyperparameters={"epochs": 20, "learning-rate": 0.02}, **common)"""
    )
    assert "tensorflow=2.13." in shown and "model_dir=s3://" in shown
    assert accuracy(shown) > 0.97
    assert "1/saved_model.pb" in files


def test_a_hugging_face_trainer_learns(trained):
    # The SDK knows these images for instances with GPUs only; the script asks for none.
    shown, files = trained(
        """from sagemaker.huggingface import HuggingFace
            estimator = HuggingFace(entry_point="bert_trainer.py", transformers_version="4.26", pytorch_version="1.13",
                                    py_version="py39", instance_type="ml.g4dn.xlarge",
                                    hyperparameters={"epochs": 3}, **common)"""
    )
    assert "torch=1.13." in shown
    assert accuracy(shown) > 0.95
    assert {"config.json", "pytorch_model.bin"} <= set(files)
