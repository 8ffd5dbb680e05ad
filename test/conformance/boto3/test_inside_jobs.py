"""What code inside a training job reaches: the platform through boto3, and its peers, plainly or encrypted."""

import io
import tarfile
import textwrap

import pytest
from conftest import needs
from test_training_job import clients, finished, ROLE  # noqa: F401: the fixture is used by name

# Its environment has boto3.
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"

LISTING = """
    import boto3, os
    keys = [each["Key"] for each in boto3.client("s3").list_objects_v2(Bucket="inside-jobs")["Contents"]]
    print("listed", "train.py in sourcedir" if any(key.endswith("sourcedir.tar.gz") for key in keys) else keys)
    print("caller", boto3.client("sts").get_caller_identity()["Arn"].split("/")[1])
    boto3.resource("s3").Object("inside-jobs", "left-by-the-job").put(Body=b"written inside")
"""

# Each host adds its number to what the others send it.
SUMMING = """
    import json, os, socket
    hosts, me = json.loads(os.environ["SM_HOSTS"]), os.environ["SM_CURRENT_HOST"]
    with socket.create_server(("", 5000)) as server:
        total = int(me.split("-")[1])
        for host in hosts:
            if host == me:
                continue
            for attempt in range(600):
                try:
                    peer = socket.create_connection((host, 5000), timeout=1)
                    break
                except OSError:
                    import time; time.sleep(0.1)
            with peer:
                peer.sendall(me.encode())
            total += int(server.accept()[0].recv(100).decode().split("-")[1])
    print("total", total)
"""


@pytest.fixture(scope="module")
def inside(clients):  # noqa: F811
    clients["s3"].create_bucket(Bucket="inside-jobs")

    def run(name, script, count=1, **changes):
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as files:
            content = textwrap.dedent(script).encode()
            about = tarfile.TarInfo("train.py")
            about.size = len(content)
            files.addfile(about, io.BytesIO(content))
        key = f"{name}/source/sourcedir.tar.gz"
        clients["s3"].put_object(Bucket="inside-jobs", Key=key, Body=archive.getvalue())
        clients["sagemaker"].create_training_job(
            TrainingJobName=name,
            AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            RoleArn=ROLE,
            HyperParameters={
                "sagemaker_program": '"train.py"',
                "sagemaker_submit_directory": f'"s3://inside-jobs/{key}"',
                "sagemaker_region": '"us-east-1"',
            },
            OutputDataConfig={"S3OutputPath": "s3://inside-jobs/models"},
            ResourceConfig={"InstanceType": "ml.t3.medium", "InstanceCount": count, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 600},
            **changes,
        )
        job = finished(clients, name)
        group = "/aws/sagemaker/TrainingJobs"
        events = clients["logs"].filter_log_events(logGroupName=group, logStreamNamePrefix=f"{name}/")["events"]
        return job, "\n".join(event["message"] for event in events)

    return run


def test_boto3_inside_a_job_is_the_execution_role_and_lists_its_bucket(clients, inside, name):  # noqa: F811
    job, log = inside(name, LISTING)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert "listed train.py in sourcedir" in log
    assert "caller SagebrushExecutionRole" in log
    left = clients["s3"].get_object(Bucket="inside-jobs", Key="left-by-the-job")["Body"].read()
    assert left == b"written inside"


def test_an_isolated_job_has_no_credentials(inside, name):
    needs("bwrap", "ip")
    job, log = inside(name, LISTING, EnableNetworkIsolation=True)
    assert job["TrainingJobStatus"] == "Failed"
    assert "listed" not in log
    assert "NoCredentialsError" in job["FailureReason"] or "credentials" in job["FailureReason"].lower()


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_hosts_of_a_job_exchange_numbers(inside, name, encrypted):
    needs("bwrap", "ip", "nft", *(["wg", "wireguard-go"] if encrypted else []))
    job, log = inside(name, SUMMING, count=2, EnableInterContainerTrafficEncryption=encrypted)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert log.count("total 3") == 2
