"""Training jobs through boto3: what a caller sees of a job's life and of its mistakes."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError

IMAGE = "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1"
ROLE = "arn:aws:iam::000000000000:role/SagebrushExecutionRole"


@pytest.fixture(scope="module")
def clients(client_environment):
    session = boto3.Session(
        aws_access_key_id=client_environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=client_environment["AWS_SECRET_ACCESS_KEY"],
        region_name=client_environment["AWS_REGION"],
    )
    url = client_environment["AWS_ENDPOINT_URL"]
    names = ("s3", "sagemaker", "logs", "sagemaker-runtime", "cloudwatch", "application-autoscaling")
    return {each: session.client(each, endpoint_url=url) for each in names}


@pytest.fixture(scope="module")
def bucket(clients, penguins):
    clients["s3"].create_bucket(Bucket="training-jobs")
    clients["s3"].upload_file(str(penguins["train"]), "training-jobs", "penguins/train.csv")
    return "training-jobs"


def request(name, bucket, **changes):
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "HyperParameters": {"predictor_type": "multiclass_classifier", "num_classes": "3", "epochs": "5"},
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "ContentType": "text/csv",
                "DataSource": {
                    "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/penguins/"}
                },
            }
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        **changes,
    }


def finished(clients, name):
    waiter = clients["sagemaker"].get_waiter("training_job_completed_or_stopped")
    try:
        # The first job of a framework image waits until its environment is made, which takes minutes on a busy machine.
        waiter.wait(TrainingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 600})
    except Exception:  # the waiter raises on Failed; the caller looks at the status itself
        pass
    return clients["sagemaker"].describe_training_job(TrainingJobName=name)


def test_a_job_completes_and_tells_its_story(clients, bucket, name):
    created = clients["sagemaker"].create_training_job(**request(name, bucket))
    assert created["TrainingJobArn"] == f"arn:aws:sagemaker:us-east-1:000000000000:training-job/{name}"
    job = finished(clients, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["SecondaryStatus"] == "Completed"
    statuses = [each["Status"] for each in job["SecondaryStatusTransitions"]]
    assert statuses == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert all(each["StartTime"] <= each["EndTime"] for each in job["SecondaryStatusTransitions"])
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{bucket}/models/{name}/output/model.tar.gz"
    assert job["BillableTimeInSeconds"] >= 1
    metrics = {each["MetricName"]: each["Value"] for each in job["FinalMetricDataList"]}
    assert metrics["train:progress"] == 100
    head = clients["s3"].head_object(Bucket=bucket, Key=f"models/{name}/output/model.tar.gz")
    assert head["ContentLength"] > 0
    streams = clients["logs"].describe_log_streams(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/"
    )["logStreams"]
    assert len(streams) == 1 and streams[0]["logStreamName"].startswith(f"{name}/algo-1-")
    events = clients["logs"].get_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=streams[0]["logStreamName"], startFromHead=True
    )["events"]
    assert any("#quality_metric" in event["message"] for event in events)


def test_a_taken_name_is_refused(clients, bucket, name):
    clients["sagemaker"].create_training_job(**request(name, bucket))
    with pytest.raises(ClientError) as refused:
        clients["sagemaker"].create_training_job(**request(name, bucket))
    assert refused.value.response["Error"]["Code"] == "ResourceInUse"
    finished(clients, name)


def test_an_empty_input_is_refused(clients, bucket, name):
    channels = request(name, bucket)["InputDataConfig"]
    channels[0]["DataSource"]["S3DataSource"]["S3Uri"] = f"s3://{bucket}/nothing/here"
    with pytest.raises(ClientError, match=r"No S3 objects found under S3 URL"):
        clients["sagemaker"].create_training_job(**request(name, bucket, InputDataConfig=channels))
    with pytest.raises(ClientError):
        clients["sagemaker"].describe_training_job(TrainingJobName=name)


def test_bad_hyperparameters_fail_the_job_with_the_reason(clients, bucket, name):
    clients["sagemaker"].create_training_job(
        **request(name, bucket, HyperParameters={"predictor_type": "regressor", "no_such": "1"})
    )
    job = finished(clients, name)
    assert job["TrainingJobStatus"] == "Failed"
    assert "no_such" in job["FailureReason"]
    assert "Additional properties are not allowed" in job["FailureReason"]


def test_every_violation_is_named_at_once(clients, bucket, name):
    broken = request("not_a-name!", bucket)
    broken["ResourceConfig"]["InstanceType"] = "ml.nothing.large"
    client = clients["sagemaker"]
    client.meta.config.parameter_validation = False
    try:
        with pytest.raises((ClientError, ParamValidationError), match="2 validation errors detected") as refused:
            client.create_training_job(**broken)
    finally:
        client.meta.config.parameter_validation = True
    message = str(refused.value)
    assert "Value 'not_a-name!' at 'trainingJobName' failed to satisfy constraint" in message
    assert "'resourceConfig.instanceType' failed to satisfy constraint: Member must satisfy enum value set" in message


def test_a_job_stops(clients, bucket, name):
    many = {"predictor_type": "regressor", "epochs": "1000000", "early_stopping_patience": "2000000"}
    clients["sagemaker"].create_training_job(**request(name, bucket, HyperParameters=many))
    clients["sagemaker"].stop_training_job(TrainingJobName=name)
    job = finished(clients, name)
    assert job["TrainingJobStatus"] == "Stopped"
    assert job["SecondaryStatusTransitions"][-1]["Status"] == "Stopped"


def test_jobs_page(clients, bucket):
    names = [f"page-{index}" for index in range(5)]
    for each in names:
        clients["sagemaker"].create_training_job(**request(each, bucket))
    pages = clients["sagemaker"].get_paginator("list_training_jobs").paginate(
        NameContains="page-", SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 2}
    )
    listed = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
    assert listed == names
    for each in names:
        finished(clients, each)


def test_following_a_log_as_the_cli_does_sees_every_line_once(clients, bucket, name):
    """`aws logs tail --follow` of CLI version 2: FilterLogEvents from the last time seen, skipping known event ids."""
    clients["sagemaker"].create_training_job(**request(name, bucket))
    seen, lines, start, ended = set(), [], 0, False
    while True:
        arguments = {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamNamePrefix": f"{name}/", "startTime": start}
        try:
            pages = list(clients["logs"].get_paginator("filter_log_events").paginate(**arguments))
        except clients["logs"].exceptions.ResourceNotFoundException:
            pages = []
        for event in (event for page in pages for event in page["events"]):
            if event["eventId"] not in seen:
                seen.add(event["eventId"])
                lines.append(event["message"])
                start = event["timestamp"]
        if ended:
            break
        ended = clients["sagemaker"].describe_training_job(TrainingJobName=name)["TrainingJobStatus"] != "InProgress"
    stream = clients["logs"].describe_log_streams(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/"
    )["logStreams"][0]["logStreamName"]
    whole, token = [], None
    while True:
        page = clients["logs"].get_log_events(
            logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=stream, startFromHead=True,
            **({"nextToken": token} if token else {}),
        )
        whole += [event["message"] for event in page["events"]]
        if page["nextForwardToken"] == token:
            break
        token = page["nextForwardToken"]
    assert len(lines) > 50 and lines == whole


def test_search_finds_it_by_tag_metric_and_page(clients, bucket, name):
    sagemaker = clients["sagemaker"]
    tags = [{"Key": "suite", "Value": name}]
    for part in ("a", "b"):
        sagemaker.create_training_job(**request(f"{name}-{part}", bucket, Tags=tags))
    for part in ("a", "b"):
        assert finished(clients, f"{name}-{part}")["TrainingJobStatus"] == "Completed"
    expression = {
        "Filters": [{"Name": "Tags.suite", "Operator": "Equals", "Value": name}],
        "SubExpressions": [
            {
                "Operator": "Or",
                "Filters": [
                    {"Name": "TrainingJobStatus", "Operator": "Equals", "Value": "Completed"},
                    {"Name": "Metrics.train:objective_loss", "Operator": "LessThan", "Value": "1000000"},
                ],
            }
        ],
    }
    pages = sagemaker.get_paginator("search").paginate(
        Resource="TrainingJob",
        SearchExpression=expression,
        SortBy="CreationTime",
        SortOrder="Ascending",
        PaginationConfig={"PageSize": 1},
    )
    found = [result["TrainingJob"]["TrainingJobName"] for page in pages for result in page["Results"]]
    assert found == [f"{name}-a", f"{name}-b"]
    with pytest.raises(ClientError) as refused:
        sagemaker.search(Resource="Pipeline")
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_an_algorithm_resource_trains(clients, bucket, name):
    sagemaker = clients["sagemaker"]
    specification = {
        "TrainingImage": IMAGE,
        "SupportedTrainingInstanceTypes": ["ml.m5.large"],
        "SupportedHyperParameters": [
            {"Name": "predictor_type", "Type": "FreeText", "DefaultValue": "multiclass_classifier"},
            {"Name": "num_classes", "Type": "Integer", "IsRequired": True},
            {"Name": "epochs", "Type": "Integer", "DefaultValue": "5"},
        ],
        "TrainingChannels": [{"Name": "train", "IsRequired": True, "SupportedContentTypes": ["text/csv"], "SupportedInputModes": ["File"]}],
    }
    arn = sagemaker.create_algorithm(AlgorithmName=name, TrainingSpecification=specification)["AlgorithmArn"]
    by_name = {"AlgorithmName": arn, "TrainingInputMode": "File"}
    wanted = request(name, bucket, AlgorithmSpecification=by_name, HyperParameters={"num_classes": "3"})
    sagemaker.create_training_job(**wanted)
    job = finished(clients, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["AlgorithmSpecification"]["AlgorithmName"] == arn
    assert job["HyperParameters"] == {"predictor_type": "multiclass_classifier", "num_classes": "3", "epochs": "5"}
    sagemaker.delete_algorithm(AlgorithmName=name)
    with pytest.raises(ClientError):
        sagemaker.describe_algorithm(AlgorithmName=name)


def test_a_profiled_job_shows_what_its_host_did(clients, bucket, name):
    profiler = {"S3OutputPath": f"s3://{bucket}/profiles", "ProfilingIntervalInMilliseconds": 100}
    settings = {"predictor_type": "multiclass_classifier", "num_classes": "3", "epochs": "2000"}
    settings["early_stopping_patience"] = "2000"
    clients["sagemaker"].create_training_job(
        **request(name, bucket, ProfilerConfig=profiler, HyperParameters=settings)
    )
    job = finished(clients, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["ProfilingStatus"] == "Enabled"
    prefix = f"profiles/{name}/profiler-output/system/incremental/"
    objects = clients["s3"].list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
    text = clients["s3"].get_object(Bucket=bucket, Key=objects[0]["Key"])["Body"].read().decode()
    events = [json.loads(line) for line in text.splitlines()]
    assert {event["NodeId"] for event in events} == {"algo-1"}
    assert max(event["Value"] for event in events if event["Dimension"] == "CPUUtilization") > 0
    assert max(event["Value"] for event in events if event["Dimension"] == "MemoryUsedPercent") > 0
    listed = clients["cloudwatch"].list_metrics(Dimensions=[{"Name": "Host", "Value": f"{name}/algo-1"}])["Metrics"]
    assert {each["MetricName"] for each in listed} == {"CPUUtilization", "MemoryUtilization", "DiskUtilization"}
