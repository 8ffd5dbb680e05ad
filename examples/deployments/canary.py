"""Canary: a share of traffic first, watched by an alarm on the new fleet alone. Here the alarm goes off, and traffic goes back.

Run it in the clone's folder with `pip install boto3`, after `eval "$(sagebrush env)"`. In earnest nobody sets the alarm by hand.
"""

import time

import boto3
from shared import Load, configuration, create, sagemaker, settle, version

cloudwatch = boto3.client("cloudwatch")
endpoint = "canary"
old, new = (configuration(endpoint, version(number, epochs)) for number, epochs in ((1, 5), (2, 10)))
create(endpoint, old)
cloudwatch.put_metric_alarm(
    AlarmName="canary-errors",
    Namespace="AWS/SageMaker",
    MetricName="Invocation5XXErrors",
    Dimensions=[
        {"Name": "EndpointConfigName", "Value": new},
        {"Name": "EndpointName", "Value": endpoint},
        {"Name": "VariantName", "Value": "AllTraffic"},
    ],
    Statistic="Sum",
    Period=60,
    EvaluationPeriods=1,
    Threshold=0,
    ComparisonOperator="GreaterThanThreshold",
    TreatMissingData="notBreaching",
)


def update(wait):
    size = {"Type": "CAPACITY_PERCENT", "Value": 25}
    sagemaker.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=new,
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {"Type": "CANARY", "CanarySize": size, "WaitIntervalInSeconds": wait}
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "canary-errors"}]},
        },
    )


with Load(endpoint):
    update(wait=600)
    while "Baking" not in str(sagemaker.describe_endpoint(EndpointName=endpoint)["PendingDeploymentSummary"]):
        time.sleep(0.1)
    cloudwatch.set_alarm_state(AlarmName="canary-errors", StateValue="ALARM", StateReason="to see what happens")
    described = settle(endpoint)
    assert described["EndpointConfigName"] == old
    print(described["FailureReason"])
    cloudwatch.set_alarm_state(AlarmName="canary-errors", StateValue="OK", StateReason="it was only a test")
    update(wait=2)
    assert settle(endpoint)["EndpointConfigName"] == new
sagemaker.delete_endpoint(EndpointName=endpoint)
cloudwatch.delete_alarms(AlarmNames=["canary-errors"])
