"""ONNX models through boto3: the runtime's image, one file without an archive, many models, and what is refused."""

import io
import json
import pathlib
import tarfile

import pytest
from botocore.exceptions import ClientError
from test_endpoints import settled
from test_training_job import ROLE, bucket, clients  # noqa: F401: fixtures are used by name

IMAGE = "sagebrush/onnxruntime:1.30"
FIXTURES = pathlib.Path(__file__).resolve().parents[3] / "packages/algorithms/src/onnx/fixtures"
IRIS = FIXTURES / "iris.onnx"
EXPECTED = json.loads((FIXTURES / "iris.json").read_text())


def serve(clients, name, container):  # noqa: F811
    sagemaker = clients["sagemaker"]
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE, **container})
    variant = {"VariantName": "All", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    settled(clients, name)


def ask(clients, name, body, content_type="application/json", **more):  # noqa: F811
    answer = clients["sagemaker-runtime"].invoke_endpoint(
        EndpointName=name, ContentType=content_type, Body=body, **{"Accept": "application/json", **more})
    return answer["Body"].read().decode()


def check(predictions):
    assert [each["label"] for each in predictions] == EXPECTED["labels"]
    for each, wanted in zip(predictions, EXPECTED["probabilities"]):
        assert each["probabilities"] == pytest.approx(wanted, abs=1e-5)


def test_a_model_of_scikit_learn(clients, bucket):  # noqa: F811
    clients["s3"].upload_file(str(IRIS), bucket, "onnx/iris.onnx")
    source = {"S3Uri": f"s3://{bucket}/onnx/iris.onnx", "S3DataType": "S3Object", "CompressionType": "None"}
    serve(clients, "iris", {"ModelDataSource": {"S3DataSource": source}})
    rows = EXPECTED["rows"]
    check(json.loads(ask(clients, "iris", json.dumps({"instances": rows})))["predictions"])
    check(json.loads(ask(clients, "iris", json.dumps({"inputs": {"X": rows}})))["predictions"])
    csv = "\n".join(",".join(map(str, row)) for row in rows)
    check(json.loads(ask(clients, "iris", csv, "text/csv"))["predictions"])
    lines = ask(clients, "iris", csv, "text/csv", Accept="text/csv").splitlines()
    assert [int(line.split(",")[0]) for line in lines] == EXPECTED["labels"]
    for body, message in [
        ('{"instances": [[1, 2]]}', "has the shape"),
        ('{"instances": [[1, 2, 3, 4], [1]]}', "not rectangular"),
        ('{"inputs": {"Y": []}}', "no input Y"),
        ("[[1, 2, 3, \"x\"]]", "wants numbers"),
        ("nothing", "not JSON"),
    ]:
        with pytest.raises(ClientError, match=message):
            ask(clients, "iris", body)
    clients["sagemaker"].delete_endpoint(EndpointName="iris")


def test_many_models_and_broken_ones(clients, bucket):  # noqa: F811
    def archive(files):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        return packed.getvalue()

    iris = IRIS.read_bytes()
    models = {"a": {"iris.onnx": iris}, "b": {"model.onnx": iris, "other.onnx": b""}, "none": {"x": b""}, "bad": {"m.onnx": b"no"}}
    for name, files in models.items():
        clients["s3"].put_object(Bucket=bucket, Key=f"many-onnx/{name}.tar.gz", Body=archive(files))
    serve(clients, "many-onnx", {"Mode": "MultiModel", "ModelDataUrl": f"s3://{bucket}/many-onnx/"})
    for name in ("a", "b"):
        check(json.loads(ask(clients, "many-onnx", json.dumps(EXPECTED["rows"]), TargetModel=f"{name}.tar.gz"))["predictions"])
    for name, message in (("none", "no file that ends with .onnx"), ("bad", "cannot be loaded")):
        with pytest.raises(ClientError, match=message):
            ask(clients, "many-onnx", "[]", TargetModel=f"{name}.tar.gz")
    clients["sagemaker"].delete_endpoint(EndpointName="many-onnx")
    with pytest.raises(ClientError, match="sagebrush/onnxruntime has the tag 1.30.0"):
        clients["sagemaker"].create_model(ModelName="old", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "sagebrush/onnxruntime:0.9"})
