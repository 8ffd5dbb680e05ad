"""The recipes of examples/deployments, under load; A/B comparison and inference experiments through boto3 and the command line."""

import json
import re
import shlex
import subprocess
import sys
import time

import pytest
from botocore.exceptions import ClientError
from conftest import ROOT
from test_training_job import ROLE, clients  # noqa: F401: fixtures are used by name


def recipe(name, environment):
    """Runs a recipe as a user does and returns what it printed."""
    words = [sys.executable, ROOT / "examples" / "deployments" / f"{name}.py"]
    result = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_recreate_has_a_gap_and_nothing_fails_outside_of_it(client_environment):
    shown = recipe("recreate", client_environment)
    assert "0 requests failed outside of it" in shown
    assert "has no capacity to process this request" in shown


def test_ramped_moves_traffic_in_steps_without_a_failed_request(client_environment):
    shown = recipe("ramped", client_environment)
    assert re.findall(r"^(\d+)% of traffic", shown, re.M)[:2] == ["34", "68"]
    assert re.search(r"^[1-9]\d* requests answered, 0 failed$", shown, re.M)


def test_blue_green_moves_all_traffic_without_a_failed_request(client_environment):
    shown = recipe("blue_green", client_environment)
    assert re.search(r"^[1-9]\d* requests answered, 0 failed$", shown, re.M)


def test_a_canary_goes_back_at_an_alarm_and_forward_without_one_and_no_request_fails(client_environment):
    shown = recipe("canary", client_environment)
    assert "Alarm canary-errors went into ALARM" in shown
    assert re.search(r"^[1-9]\d* requests answered, 0 failed$", shown, re.M)


def test_the_better_variant_is_found_by_ground_truth(client_environment, sagebrush, clients):  # noqa: F811
    shown = recipe("ab", client_environment)
    assert re.search(r"^[1-9]\d* requests answered, 0 failed$", shown, re.M)
    command = shlex.split(shown.strip().splitlines()[-1])[1:]
    compared = sagebrush.command(*command)
    assert "**Thorough against Hasty: better.**" in compared
    bucket, prefix = command[-1].removeprefix("s3://").split("/", 1)
    report = json.load(clients["s3"].get_object(Bucket=bucket, Key=f"{prefix}/report.json")["Body"])
    [comparison] = report["comparisons"]
    assert comparison["verdict"] == "better" and comparison["quality"]["difference"]["p"] < 0.01
    assert {each["quality"]["problem"] for each in report["variants"]} == {"MulticlassClassification"}
    assert report == {**json.loads(sagebrush.command(*command[:-2], "--json")), "from": report["from"], "to": report["to"]}
    clients["sagemaker"].delete_endpoint(EndpointName="ab")


def test_an_inference_experiment_runs_reports_and_promotes(client_environment, sagebrush, clients):  # noqa: F811
    sagemaker, runtime = clients["sagemaker"], clients["sagemaker-runtime"]
    name = "shadowed"

    def variant(variant_name, model):
        infrastructure = {"InfrastructureType": "RealTimeInference", "RealTimeInferenceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1}}
        return {"VariantName": variant_name, "ModelName": model, "InfrastructureConfig": infrastructure}

    # Models that the recipes made.
    live = {"VariantName": "Live", "ModelName": "deployments-1", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[live])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    experiment = {
        "Name": name,
        "Type": "ShadowMode",
        "RoleArn": ROLE,
        "EndpointName": name,
        "ModelVariants": [variant("Live", "deployments-1"), variant("Candidate", "deployments-2")],
        "ShadowModeConfig": {
            "SourceModelVariantName": "Live",
            "ShadowModelVariants": [{"ShadowModelVariantName": "Candidate", "SamplingPercentage": 100}],
        },
        "DataStorageConfig": {"Destination": "s3://deployments/experiments"},
    }
    sagemaker.create_inference_experiment(**experiment)
    with pytest.raises(ClientError, match="has an inference experiment that has not ended"):
        sagemaker.create_inference_experiment(**{**experiment, "Name": "another"})

    def wait_for(status):
        deadline = time.monotonic() + 60
        while (described := sagemaker.describe_inference_experiment(Name=name))["Status"] != status:
            assert time.monotonic() < deadline, described
            time.sleep(0.1)
        return described

    wait_for("Running")
    for _ in range(40):
        answer = runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body="39.1,18.7,181,3750")
        assert answer["InvokedProductionVariant"] == "Live"
    # Copies follow their originals.
    time.sleep(0.5)
    sagemaker.stop_inference_experiment(Name=name, ModelVariantActions={"Live": "Remove", "Candidate": "Promote"}, Reason="good enough")
    assert wait_for("Completed")["StatusReason"] == "good enough"
    variants = sagemaker.describe_endpoint(EndpointName=name)["ProductionVariants"]
    assert [each["VariantName"] for each in variants] == ["Candidate"]
    report = json.loads(sagebrush.command("experiment", name, "--json"))
    assert [(each["name"], each["requests"]) for each in report["variants"]] == [("Live", 40), ("Candidate", 40)]
    assert report["answers"]["compared"] == 40
    assert "Candidate (shadow)" in sagebrush.command("experiment", name)
    sagemaker.delete_inference_experiment(Name=name)
    sagemaker.delete_endpoint(EndpointName=name)
