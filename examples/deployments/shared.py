"""What the recipes share: two versions of a model, callers without a pause, and a wait that tells what it sees."""

import pathlib
import threading
import time

import boto3
from botocore.config import Config

sagemaker, s3 = boto3.client("sagemaker"), boto3.client("s3")
ROLE = boto3.client("iam").get_role(RoleName="SagebrushExecutionRole")["Role"]["Arn"]
IMAGE = "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1"
BUCKET = "deployments"
ROWS = pathlib.Path("examples/first-model/penguins.csv").read_text().splitlines()
STAMP = time.strftime("%H%M%S")


def version(number, epochs, rows=250):
    """Trains a version of the model, unless an earlier recipe has, and returns its name."""
    name = f"deployments-{number}"
    if sagemaker.list_models(NameContains=name)["Models"]:
        return name
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=f"{name}/penguins.csv", Body="\n".join(ROWS[:rows]))
    job = f"{name}-{STAMP}"
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{name}/"}}
    sagemaker.create_training_job(
        TrainingJobName=job,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn=ROLE,
        HyperParameters={"predictor_type": "multiclass_classifier", "num_classes": "3", "epochs": str(epochs), "mini_batch_size": "32"},
        InputDataConfig=[{"ChannelName": "train", "ContentType": "text/csv", "DataSource": source}],
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
    waiter.wait(TrainingJobName=job, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    artifacts = sagemaker.describe_training_job(TrainingJobName=job)["ModelArtifacts"]["S3ModelArtifacts"]
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE, "ModelDataUrl": artifacts})
    return name


def configuration(endpoint, model, **more):
    """A configuration with one variant of two instances, and its name."""
    name = f"{endpoint}-{STAMP}-{model}"
    variant = {"VariantName": "AllTraffic", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], **more)
    return name


def create(endpoint, config):
    sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    return settle(endpoint)


def settle(endpoint):
    """Waits until the endpoint is done with what it was asked for; prints how much traffic the new fleet has meanwhile."""
    seen = None
    while True:
        described = sagemaker.describe_endpoint(EndpointName=endpoint)
        pending = described.get("PendingDeploymentSummary", {}).get("ProductionVariants", [{}])[0]
        share = pending.get("CurrentWeight")
        if share is not None and share != seen:
            print(f"{share:.0%} of traffic on {described['PendingDeploymentSummary']['EndpointConfigName']}")
            seen = share
        if described["EndpointStatus"] in ("InService", "Failed"):
            return described
        time.sleep(0.1)


class Load:
    """Callers without a pause. Nobody retries for them: what fails is counted."""

    def __init__(self, endpoint, callers=4):
        self.endpoint, self.failures, self.answers = endpoint, [], 0
        self.over = threading.Event()
        self.runtime = boto3.client("sagemaker-runtime", config=Config(retries={"total_max_attempts": 1}, max_pool_connections=callers))
        self.threads = [threading.Thread(target=self.call) for _ in range(callers)]

    def call(self):
        while not self.over.is_set():
            try:
                body = self.runtime.invoke_endpoint(EndpointName=self.endpoint, ContentType="text/csv", Body="39.1,18.7,181,3750")["Body"]
                body.read()
                self.answers += 1
            except Exception as error:
                self.failures.append((time.monotonic(), error))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        while self.answers == 0 and not self.failures:
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        print(f"{self.answers} requests answered, {len(self.failures)} failed")
        for _, error in self.failures[:1]:
            print("the first failure:", error)
