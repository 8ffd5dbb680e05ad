"""What a model's code inside an endpoint reaches: the platform through boto3, or nothing at all."""

import io
import json
import tarfile
import textwrap

import pytest
from conftest import needs
from test_training_job import ROLE, clients  # noqa: F401: the fixture is used by name

# Its environment has boto3.
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"

INFERENCE = """
    import boto3, botocore.exceptions, json, os, socket

    def model_fn(folder):
        return open(os.path.join(folder, "weights")).read()

    def input_fn(body, kind):
        return json.loads(body)

    def predict_fn(bucket, model):
        seen = {
            "model": model,
            "interfaces": sorted(name for _, name in socket.if_nameindex()),
            "variables": sorted(name for name in os.environ if "CREDENTIALS" in name or "ENDPOINT" in name or "TOKEN" in name),
        }
        try:
            session = boto3.Session(region_name=os.environ["AWS_REGION"])
            answer = session.client("s3").list_objects_v2(Bucket=bucket)
            seen["keys"] = [each["Key"] for each in answer["Contents"]]
            seen["caller"] = session.client("sts").get_caller_identity()["Arn"]
            seen["expires"] = session.get_credentials()._expiry_time.isoformat()
        except botocore.exceptions.NoCredentialsError as error:
            seen["error"] = str(error)
        return seen

    def output_fn(seen, accept):
        return json.dumps(seen), "application/json"
"""

VARIABLES = ["AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_ENDPOINT_URL", "S3_ENDPOINT_URL"]


@pytest.fixture(scope="module")
def ask(clients):  # noqa: F811
    """Deploys the model under a name, asks it once what it sees, and takes the endpoint down."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as files:
        for path, text in {"weights": "of the model", "code/inference.py": textwrap.dedent(INFERENCE)}.items():
            about = tarfile.TarInfo(path)
            about.size = len(text)
            files.addfile(about, io.BytesIO(text.encode()))
    clients["s3"].create_bucket(Bucket="inside-endpoints")
    clients["s3"].put_object(Bucket="inside-endpoints", Key="model.tar.gz", Body=archive.getvalue())

    def deployed(name, **changes):
        sagemaker = clients["sagemaker"]
        container = {
            "Image": IMAGE,
            "ModelDataUrl": "s3://inside-endpoints/model.tar.gz",
            "Environment": {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
        }
        sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container, **changes)
        variant = {"VariantName": "All", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        # Making the environment may take minutes on a machine that has never had it.
        waiter = sagemaker.get_waiter("endpoint_in_service")
        waiter.wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
        body = json.dumps("inside-endpoints")
        answer = clients["sagemaker-runtime"].invoke_endpoint(EndpointName=name, ContentType="application/json", Body=body)
        sagemaker.delete_endpoint(EndpointName=name)
        return json.load(answer["Body"])

    return deployed


def test_boto3_inside_an_endpoint_is_the_models_role_and_lists_its_bucket(ask, name):
    seen = ask(name)
    assert seen["model"] == "of the model"
    assert seen["keys"] == ["model.tar.gz"], seen
    assert seen["caller"].split(":")[5].split("/")[:2] == ["assumed-role", "SagebrushExecutionRole"]
    assert seen["expires"] > "20"
    assert seen["variables"] == VARIABLES


def test_an_isolated_model_has_neither_network_nor_credentials(ask, name):
    needs("bwrap")
    seen = ask(name, EnableNetworkIsolation=True)
    assert seen["interfaces"] == ["lo"]
    assert seen["variables"] == []
    assert "error" in seen and "keys" not in seen
