"""Endpoints that scale, and several models on one endpoint's instances, through boto3."""

import json
import time

import pytest
from botocore.exceptions import ClientError
from test_endpoints import ROWS, settled
from test_training_job import IMAGE, ROLE, bucket, clients, finished, request  # noqa: F401: fixtures are used by name


@pytest.fixture(scope="module")
def model(clients, bucket):  # noqa: F811
    name = "scaled"
    sagemaker = clients["sagemaker"]
    sagemaker.create_training_job(**request(name, bucket))
    job = finished(clients, name)
    container = {"Image": IMAGE, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    return name


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def invoke(clients, endpoint, **changes):  # noqa: F811
    answer = clients["sagemaker-runtime"].invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=ROWS, **changes)
    return len(json.load(answer["Body"])["predictions"])


def test_an_endpoint_scales_by_an_alarm_and_wakes_by_a_request(clients, model):  # noqa: F811
    sagemaker, cloudwatch, scaling = (clients[each] for each in ("sagemaker", "cloudwatch", "application-autoscaling"))
    variant = {"VariantName": "All", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=model, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=model, EndpointConfigName=model)
    settled(clients, model)
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{model}/variant/All",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    with pytest.raises(scaling.exceptions.ObjectNotFoundException, match="No scalable target registered"):
        scaling.deregister_scalable_target(**target)
    registered = scaling.register_scalable_target(**target, MinCapacity=0, MaxCapacity=2, Tags={"team": "blue"})
    assert scaling.list_tags_for_resource(ResourceARN=registered["ScalableTargetARN"])["Tags"] == {"team": "blue"}
    step = {"AdjustmentType": "ExactCapacity", "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 2}]}
    policy = scaling.put_scaling_policy(**target, PolicyName="steps", PolicyType="StepScaling", StepScalingPolicyConfiguration=step)
    cloudwatch.put_metric_alarm(
        AlarmName="many", Namespace="Shop", MetricName="Orders", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=5, ComparisonOperator="GreaterThanThreshold", AlarmActions=[policy["PolicyARN"]],
    )  # fmt: skip
    cloudwatch.set_alarm_state(AlarmName="many", StateValue="ALARM", StateReason="to see it")

    def count():
        return sagemaker.describe_endpoint(EndpointName=model)["ProductionVariants"][0]["CurrentInstanceCount"]

    until(lambda: count() == 2)
    until(lambda: scaling.describe_scaling_activities(**target)["ScalingActivities"][0]["StatusCode"] == "Successful")
    activity = scaling.describe_scaling_activities(**target)["ScalingActivities"][0]
    assert activity["Cause"] == "monitor alarm many in state ALARM triggered policy steps"
    assert scaling.describe_scaling_policies(**target)["ScalingPolicies"][0]["Alarms"][0]["AlarmName"] == "many"
    scaling.delete_scaling_policy(**target, PolicyName="steps")
    settled(clients, model)
    down = [{"VariantName": "All", "DesiredInstanceCount": 0}]
    sagemaker.update_endpoint_weights_and_capacities(EndpointName=model, DesiredWeightsAndCapacities=down)
    until(lambda: count() == 0)
    assert invoke(clients, model) == 2
    assert count() == 1
    with pytest.raises(ClientError, match="is no time|has no time in the future"):
        scaling.put_scheduled_action(
            **target, ScheduledActionName="late", Schedule="at(2020-01-01T00:00:00)", ScalableTargetAction={"MinCapacity": 1}
        )
    scaling.put_scheduled_action(
        **target, ScheduledActionName="daily", Schedule="cron(0 8 ? * MON-FRI *)", Timezone="Europe/Berlin",
        ScalableTargetAction={"MinCapacity": 1},
    )  # fmt: skip
    assert len(scaling.describe_scheduled_actions(**target)["ScheduledActions"]) == 1
    sagemaker.delete_endpoint(EndpointName=model)
    until(lambda: scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == [])
    cloudwatch.delete_alarms(AlarmNames=["many"])


def test_two_models_share_one_instance(clients, model):  # noqa: F811
    sagemaker = clients["sagemaker"]
    variant = {"VariantName": "All", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="room", ExecutionRoleArn=ROLE, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="room", EndpointConfigName="room")
    settled(clients, "room")
    for name in ("first", "second"):
        sagemaker.create_inference_component(
            InferenceComponentName=name, EndpointName="room", VariantName="All", RuntimeConfig={"CopyCount": 1},
            Specification={"ModelName": model, "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 512}},
        )  # fmt: skip

    def status(name):
        return sagemaker.describe_inference_component(InferenceComponentName=name)["InferenceComponentStatus"]

    for name in ("first", "second"):
        until(lambda each=name: status(each) == "InService")
        assert invoke(clients, "room", InferenceComponentName=name) == 2
    with pytest.raises(ClientError, match="Inference component third of account"):
        invoke(clients, "room", InferenceComponentName="third")
    for name in ("first", "second"):
        sagemaker.delete_inference_component(InferenceComponentName=name)
    until(lambda: sagemaker.list_inference_components()["InferenceComponents"] == [])
    sagemaker.delete_endpoint(EndpointName="room")
