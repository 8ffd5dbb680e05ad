"""Endpoints that change while they serve, through boto3: weights, counts, streams, deployments, alarms, metrics."""

import collections
import datetime
import json
import time

import pytest
from botocore.exceptions import ClientError
from test_training_job import IMAGE, ROLE, bucket, clients, finished, request  # noqa: F401: fixtures are used by name

ROWS = "39.1,18.7,181,3750\n50,16.3,230,5700\n"


@pytest.fixture(scope="module")
def endpoint(clients, bucket):  # noqa: F811
    """Two variants of one model, each with its own name."""
    name = "two-variants"
    sagemaker = clients["sagemaker"]
    sagemaker.create_training_job(**request(name, bucket))
    job = finished(clients, name)
    container = {"Image": IMAGE, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    variants = [
        {"VariantName": each, "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1, "InitialVariantWeight": weight}
        for each, weight in (("Champion", 9), ("Challenger", 1))
    ]
    for config in (name, f"{name}-next"):
        sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=variants)
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    settled(clients, name)
    yield name
    sagemaker.delete_endpoint(EndpointName=name)


def settled(clients, name):  # noqa: F811
    waiter = clients["sagemaker"].get_waiter("endpoint_in_service")
    waiter.wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    return clients["sagemaker"].describe_endpoint(EndpointName=name)


def invoke(clients, name, **changes):  # noqa: F811
    answer = clients["sagemaker-runtime"].invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=ROWS, **changes)
    assert len(json.load(answer["Body"])["predictions"]) == 2
    return answer["InvokedProductionVariant"]


def test_weights_and_counts_change_while_it_serves(clients, endpoint):  # noqa: F811
    before = collections.Counter(invoke(clients, endpoint) for _ in range(60))
    assert before["Champion"] > before["Challenger"]
    clients["sagemaker"].update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[
            {"VariantName": "Champion", "DesiredWeight": 0},
            {"VariantName": "Challenger", "DesiredInstanceCount": 2},
        ],
    )
    variants = {each["VariantName"]: each for each in settled(clients, endpoint)["ProductionVariants"]}
    assert variants["Challenger"]["CurrentInstanceCount"] == 2
    assert variants["Champion"]["CurrentWeight"] == 0
    assert {invoke(clients, endpoint) for _ in range(10)} == {"Challenger"}
    assert invoke(clients, endpoint, TargetVariant="Champion") == "Champion"
    with pytest.raises(ClientError, match="Variant Nobody of endpoint two-variants not found"):
        invoke(clients, endpoint, TargetVariant="Nobody")


def test_an_answer_comes_as_a_stream(clients, endpoint):  # noqa: F811
    answer = clients["sagemaker-runtime"].invoke_endpoint_with_response_stream(
        EndpointName=endpoint, ContentType="text/csv", Accept="application/json", Body=ROWS
    )
    assert answer["ContentType"] == "application/json"
    parts = [event["PayloadPart"]["Bytes"] for event in answer["Body"]]
    assert len(json.loads(b"".join(parts))["predictions"]) == 2
    with pytest.raises(clients["sagemaker-runtime"].exceptions.ModelError):
        clients["sagemaker-runtime"].invoke_endpoint_with_response_stream(
            EndpointName=endpoint, ContentType="text/csv", Body="not,numbers\n"
        )


def test_a_canary_is_taken_back_by_an_alarm(clients, endpoint):  # noqa: F811
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "Champion"}]
    cloudwatch = clients["cloudwatch"]
    cloudwatch.put_metric_alarm(
        AlarmName="too-many-errors",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=dimensions,
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    canary = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "WaitIntervalInSeconds": 900,
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
            }
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "too-many-errors"}]},
    }
    clients["sagemaker"].update_endpoint(EndpointName=endpoint, EndpointConfigName=f"{endpoint}-next", DeploymentConfig=canary)
    deadline = time.monotonic() + 120
    while "Baking" not in json.dumps(clients["sagemaker"].describe_endpoint(EndpointName=endpoint), default=str):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    cloudwatch.set_alarm_state(AlarmName="too-many-errors", StateValue="ALARM", StateReason="to see")
    described = settled(clients, endpoint)
    assert described["EndpointConfigName"] == endpoint
    assert "Alarm too-many-errors went into ALARM" in described["FailureReason"]
    assert cloudwatch.describe_alarms(AlarmNames=["too-many-errors"])["MetricAlarms"][0]["StateValue"] == "ALARM"
    cloudwatch.delete_alarms(AlarmNames=["too-many-errors"])
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_invocations_are_counted_as_metrics(clients, endpoint):  # noqa: F811
    for _ in range(5):
        invoke(clients, endpoint, TargetVariant="Champion")
    now = datetime.datetime.now(datetime.timezone.utc)
    ask = {
        "Namespace": "AWS/SageMaker",
        "Dimensions": [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "Champion"}],
        "StartTime": now - datetime.timedelta(hours=1),
        "EndTime": now + datetime.timedelta(minutes=5),
        "Period": 3600 * 2,
    }
    deadline = time.monotonic() + 60
    points = []
    # Counts are written every ten seconds.
    while sum(each["Sum"] for each in points) < 5:
        assert time.monotonic() < deadline, points
        time.sleep(1)
        points = clients["cloudwatch"].get_metric_statistics(MetricName="Invocations", Statistics=["Sum"], **ask)["Datapoints"]
    latency = clients["cloudwatch"].get_metric_statistics(MetricName="ModelLatency", Statistics=["Average"], **ask)["Datapoints"]
    assert latency[0]["Unit"] == "Microseconds" and latency[0]["Average"] > 50
