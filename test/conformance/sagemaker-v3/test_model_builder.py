"""SageMaker Python SDK v3: what ModelBuilder builds of a trained artifact is hosted and answers."""

import json
import tarfile
import textwrap

from conftest import run_python

SCRIPT = """
import json, os

def model_fn(folder):
    with open(os.path.join(folder, "factor.json")) as file:
        return json.load(file)

def predict_fn(rows, factor):
    return [[value * factor for value in row] for row in rows]
"""


def test_a_built_model_answers(client_environment, tmp_path):
    (tmp_path / "factor.json").write_text("3.0")
    (tmp_path / "inference.py").write_text(SCRIPT)
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as packed:
        packed.add(tmp_path / "factor.json", "factor.json")
        packed.add(tmp_path / "inference.py", "code/inference.py")
    shown = run_python(
        textwrap.dedent(f"""
            import json
            from sagemaker.core import image_uris
            from sagemaker.core.helper.session_helper import Session, get_execution_role
            from sagemaker.serve import ModelBuilder

            session = Session()
            image = image_uris.retrieve("sklearn", session.boto_region_name, version="1.4-2", py_version="py3",
                                        instance_type="ml.m5.large")
            builder = ModelBuilder(
                image_uri=image, s3_model_data_url=session.upload_data({str(tmp_path / "model.tar.gz")!r}, key_prefix="built"),
                role_arn=get_execution_role(session), sagemaker_session=session, instance_type="ml.m5.large",
                env_vars={{"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}})
            model = builder.build(model_name="built")
            print("MODEL", model.model_name)
            endpoint = builder.deploy(endpoint_name="built", initial_instance_count=1, instance_type="ml.m5.large", wait=False)
            endpoint.wait_for_status("InService", poll=1)
            answer = endpoint.invoke(body=json.dumps([[1, 2], [3, 4]]), content_type="application/json", accept="application/json")
            print("ANSWER", answer.body.read().decode())
            endpoint.delete()
        """),
        client_environment,
    )
    assert "MODEL built" in shown, shown
    assert json.loads(shown.split("ANSWER ")[1].splitlines()[0]) == [[3.0, 6.0], [9.0, 12.0]], shown
