"""Tuning jobs through boto3: a job's whole life, its lists, and what is refused."""

import time

import boto3
import pytest
from botocore.exceptions import ClientError

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
    return {each: session.client(each, endpoint_url=url) for each in ("s3", "sagemaker")}


@pytest.fixture(scope="module")
def where(clients, penguins):
    clients["s3"].create_bucket(Bucket="tuning-jobs")
    clients["s3"].upload_file(str(penguins["train"]), "tuning-jobs", "penguins/train.csv")
    return "s3://tuning-jobs/penguins/"


def request(name, where, ranges=None, **config):
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": where}}
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "validation:objective_loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 3},
            "ParameterRanges": ranges
            or {"ContinuousParameterRanges": [{"Name": "learning_rate", "MinValue": "0.001", "MaxValue": "0.5"}]},
            **config,
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": {"predictor_type": "multiclass_classifier", "num_classes": "3", "epochs": "3"},
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "RoleArn": ROLE,
            "InputDataConfig": [
                {"ChannelName": each, "ContentType": "text/csv", "DataSource": source} for each in ("train", "validation")
            ],
            "OutputDataConfig": {"S3OutputPath": "s3://tuning-jobs/out"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        },
    }


def test_a_tuning_job_from_its_creation_to_its_end(clients, where, name):
    sagemaker = clients["sagemaker"]
    sagemaker.create_hyper_parameter_tuning_job(**request(name, where))
    described = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    deadline = time.monotonic() + 200
    while described["HyperParameterTuningJobStatus"] == "InProgress" and time.monotonic() < deadline:
        time.sleep(0.2)
        described = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert described["HyperParameterTuningJobStatus"] == "Completed", described
    assert described["TrainingJobStatusCounters"]["Completed"] == 3
    pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
        HyperParameterTuningJobName=name, SortBy="FinalObjectiveMetricValue", PaginationConfig={"PageSize": 2}
    )
    trials = [each for page in pages for each in page["TrainingJobSummaries"]]
    values = [each["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for each in trials]
    assert len(values) == 3 and values == sorted(values)
    assert described["BestTrainingJob"]["TrainingJobName"] == trials[0]["TrainingJobName"]
    best = sagemaker.describe_training_job(TrainingJobName=trials[0]["TrainingJobName"])
    assert best["TuningJobArn"] == described["HyperParameterTuningJobArn"]
    assert best["HyperParameters"]["learning_rate"] == trials[0]["TunedHyperParameters"]["learning_rate"]
    found = sagemaker.search(
        Resource="TrainingJob",
        SearchExpression={
            "Filters": [{"Name": "TuningJobArn", "Operator": "Equals", "Value": best["TuningJobArn"]}]
        },
    )
    assert len(found["Results"]) == 3
    listed = sagemaker.list_hyper_parameter_tuning_jobs(NameContains=name)["HyperParameterTuningJobSummaries"]
    assert [each["HyperParameterTuningJobStatus"] for each in listed] == ["Completed"]
    sagemaker.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)


@pytest.mark.parametrize(
    "ranges, message",
    [
        (("learning_rate", "0.5", "0.1"), "learning_rate has a MinValue, 0.5, that is greater than its MaxValue, 0.1"),
        (("learning_speed", "0.1", "0.5"), "the hyperparameter learning_speed is none of the algorithm linear-learner"),
    ],
)
def test_what_is_refused_names_the_hyperparameter(clients, where, name, ranges, message):
    which, low, high = ranges
    with pytest.raises(ClientError) as refused:
        clients["sagemaker"].create_hyper_parameter_tuning_job(
            **request(name, where, {"ContinuousParameterRanges": [{"Name": which, "MinValue": low, "MaxValue": high}]})
        )
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert message in refused.value.response["Error"]["Message"]
