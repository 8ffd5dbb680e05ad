"""Transform jobs through boto3: a whole life, a join, a stop, and what a caller sees of mistakes."""

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
    return {each: session.client(each, endpoint_url=url) for each in ("s3", "sagemaker", "logs")}


@pytest.fixture(scope="module")
def model(clients, penguins):
    """A linear learner that tells penguins apart, and the held-out birds in three objects."""
    s3, sagemaker = clients["s3"], clients["sagemaker"]
    s3.create_bucket(Bucket="transform-jobs")
    s3.upload_file(str(penguins["train"]), "transform-jobs", "train/train.csv")
    sagemaker.create_training_job(
        TrainingJobName="to-transform-with",
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn=ROLE,
        HyperParameters={"predictor_type": "multiclass_classifier", "num_classes": "3", "epochs": "20"},
        InputDataConfig=[
            {
                "ChannelName": "train",
                "ContentType": "text/csv",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://transform-jobs/train/"}},
            }
        ],
        OutputDataConfig={"S3OutputPath": "s3://transform-jobs/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
    waiter.wait(TrainingJobName="to-transform-with", WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    job = sagemaker.describe_training_job(TrainingJobName="to-transform-with")
    container = {"Image": IMAGE, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    sagemaker.create_model(ModelName="birds", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    for part in range(3):
        rows = [features for _, features in penguins["held_out"][part::3]]
        text = "".join(f"bird-{part}-{i},{','.join(map(str, row))}\n" for i, row in enumerate(rows))
        s3.put_object(Bucket="transform-jobs", Key=f"birds/{part}.csv", Body=text)
    return "birds"


def request(name, model, **changes):
    return {
        "TransformJobName": name,
        "ModelName": model,
        "BatchStrategy": "MultiRecord",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://transform-jobs/birds/"}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": f"s3://transform-jobs/{name}", "Accept": "text/csv", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
        **changes,
    }


def ended(clients, name):
    waiter = clients["sagemaker"].get_waiter("transform_job_completed_or_stopped")
    try:
        waiter.wait(TransformJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    except Exception:  # the waiter raises on Failed; the caller looks at the status itself
        pass
    return clients["sagemaker"].describe_transform_job(TransformJobName=name)


def outputs(clients, name):
    s3 = clients["s3"]
    listed = s3.list_objects_v2(Bucket="transform-jobs", Prefix=f"{name}/").get("Contents", [])
    bodies = {each["Key"]: s3.get_object(Bucket="transform-jobs", Key=each["Key"])["Body"].read() for each in listed}
    return {key.removeprefix(f"{name}/"): body.decode() for key, body in bodies.items()}


def test_ids_stay_beside_their_predictions(clients, model, penguins, name):
    processing = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    clients["sagemaker"].create_transform_job(**request(name, model, DataProcessing=processing, Tags=[{"Key": "a", "Value": "b"}]))
    job = ended(clients, name)
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert job["DataProcessing"] == processing
    assert job["TransformStartTime"] <= job["TransformEndTime"]
    found = outputs(clients, name)
    assert sorted(found) == ["0.csv.out", "1.csv.out", "2.csv.out"]
    right = 0
    for part in range(3):
        birds = penguins["held_out"][part::3]
        rows = [line.split(",") for line in found[f"{part}.csv.out"].splitlines()]
        assert [row[0] for row in rows] == [f"bird-{part}-{i}" for i in range(len(birds))]
        right += sum(float(row[1]) == label for row, (label, _) in zip(rows, birds))
    assert right / len(penguins["held_out"]) > 0.95
    streams = clients["logs"].describe_log_streams(
        logGroupName="/aws/sagemaker/TransformJobs", logStreamNamePrefix=f"{name}/"
    )["logStreams"]
    assert len([each for each in streams if each["logStreamName"].endswith("/data-log")]) == 2
    listed = clients["sagemaker"].list_transform_jobs(NameContains=name, StatusEquals="Completed")
    assert [each["TransformJobName"] for each in listed["TransformJobSummaries"]] == [name]


def test_an_object_that_is_refused(clients, model, name):
    clients["s3"].put_object(Bucket="transform-jobs", Key=f"in-{name}/bad.csv", Body="1,2\n")
    clients["s3"].put_object(Bucket="transform-jobs", Key=f"in-{name}/good.csv", Body="39.1,18.7,181,3750\n")
    wanted = request(name, model)
    wanted["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] = f"s3://transform-jobs/in-{name}/"
    clients["sagemaker"].create_transform_job(**wanted)
    job = ended(clients, name)
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: See job logs for more information")
    assert list(outputs(clients, name)) == ["good.csv.out"]
    events = clients["logs"].filter_log_events(
        logGroupName="/aws/sagemaker/TransformJobs", logStreamNamePrefix=f"{name}/", limit=1000
    )["events"]
    assert any(f"transform-jobs/in-{name}/bad.csv: ClientError: 400" in event["message"] for event in events)


def test_mistakes(clients, model, name):
    sagemaker = clients["sagemaker"]

    def refused(code, **changes):
        with pytest.raises(ClientError) as error:
            sagemaker.create_transform_job(**request(name, model, **changes))
        assert error.value.response["Error"]["Code"] == code
        return error.value.response["Error"]["Message"]

    assert "only single range filters" in refused("ValidationException", DataProcessing={"InputFilter": "$[0:2,4:]"})
    assert "Could not find model" in refused("ValidationException", ModelName="none")
    assert "at most 100 MB" in refused("ValidationException", MaxConcurrentTransforms=50, MaxPayloadInMB=6)
    sagemaker.create_transform_job(**request(name, model, DataProcessing={"InputFilter": "$[1:]"}))
    assert "already exists" in refused("ResourceInUse")
    ended(clients, name)
    with pytest.raises(ClientError, match="is in status Completed"):
        sagemaker.stop_transform_job(TransformJobName=name)
    with pytest.raises(ClientError, match="Could not find requested job with name: None-Such"):
        sagemaker.describe_transform_job(TransformJobName="None-Such")
