"""Every source and mode of an input channel, through boto3 and the built-in linear learner."""

import gzip
import json

import boto3
import pytest
from botocore.exceptions import ClientError
from test_training_job import finished, request

BUCKET = "input-channels"


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
def bucket(clients, penguins):
    rows = penguins["train"].read_text().splitlines(keepends=True)
    half = len(rows) // 2
    first, second = "".join(rows[:half]), "".join(rows[half:])
    objects = {
        "plain/a.csv": first,
        "plain/b.csv": second,
        # Keys with what keys may hold: blanks, plus signs, percent signs, letters of any script.
        "odd/a b+c%20=&$@,:;!'()*~/ä 火.csv": first,
        "packed/a.csv.gz": gzip.compress(first.encode()),
        "packed/b.csv.gz": gzip.compress(second.encode()),
        "damaged/a.csv.gz": first,
        "list.manifest": json.dumps([{"prefix": f"s3://{BUCKET}/plain/"}, "b.csv", "a.csv"]),
        "dangling.manifest": json.dumps([{"prefix": f"s3://{BUCKET}/plain/"}, "a.csv", "c.csv"]),
        "lines.jsonl": "".join(json.dumps({"row": row, "other": 1}) + "\n" for row in rows),
        "references.jsonl": "".join(json.dumps({"part-ref": f"s3://{BUCKET}/plain/{part}.csv"}) + "\n" for part in "ab"),
        "broken.jsonl": '{"row": "1,2"}\n{"row":\n',
    }
    clients["s3"].create_bucket(Bucket=BUCKET)
    for key, body in objects.items():
        clients["s3"].put_object(Bucket=BUCKET, Key=key, Body=body)
    return BUCKET


def channel(key, kind="S3Prefix", mode="File", *, source=None, **more):
    s3 = {"S3DataType": kind, "S3Uri": f"s3://{BUCKET}/{key}", **(source or {})}
    return {
        "ChannelName": "train", "ContentType": "text/csv", "InputMode": mode, "DataSource": {"S3DataSource": s3}, **more,
    }  # fmt: skip


def test_every_source_in_every_mode_trains_a_model(clients, bucket, name):
    attributes = {"AttributeNames": ["row"]}
    channels = {
        "file": channel("plain/"),
        "prefix": channel("plain/a"),
        "odd": channel("odd/"),
        "manifest": channel("list.manifest", "ManifestFile"),
        "fast": channel("plain", mode="FastFile"),
        "sharded": channel("plain/", source={"S3DataDistributionType": "ShardedByS3Key"}),
        "pipe": channel("plain/", mode="Pipe", ShuffleConfig={"Seed": 3}),
        "pipe-odd": channel("odd/", mode="Pipe"),
        "pipe-manifest": channel("list.manifest", "ManifestFile", "Pipe"),
        "pipe-gzip": channel("packed/", mode="Pipe", CompressionType="Gzip"),
        "pipe-lines": channel("lines.jsonl", "AugmentedManifestFile", "Pipe", source=attributes),
        "pipe-references": channel(
            "references.jsonl", "AugmentedManifestFile", "Pipe", source={"AttributeNames": ["part-ref"]}
        ),
    }
    for each, config in channels.items():
        clients["sagemaker"].create_training_job(**request(f"{name}-{each}", bucket, InputDataConfig=[config]))
    ended = {each: finished(clients, f"{name}-{each}") for each in channels}
    reasons = {each: job.get("FailureReason") for each, job in ended.items() if job["TrainingJobStatus"] != "Completed"}
    assert reasons == {}
    described = ended["pipe"]["InputDataConfig"][0]
    assert described["InputMode"] == "Pipe" and described["ShuffleConfig"] == {"Seed": 3}


def test_what_breaks_on_the_way_is_the_failure_reason(clients, bucket, name):
    attributes = {"AttributeNames": ["row"]}
    expected = {
        "gzip": (
            channel("damaged/", mode="Pipe", CompressionType="Gzip"),
            f"s3://{bucket}/damaged/a.csv.gz is not a gzip file that can be unpacked: incorrect header check.",
        ),
        "line": (
            channel("broken.jsonl", "AugmentedManifestFile", "Pipe", source=attributes),
            f"Line 2 of the manifest s3://{bucket}/broken.jsonl is not JSON",
        ),
        "attribute": (
            channel("lines.jsonl", "AugmentedManifestFile", "Pipe", source={"AttributeNames": ["Row"]}),
            f'Line 1 of the manifest s3://{bucket}/lines.jsonl has no attribute "Row".',
        ),
        "entry": (
            channel("dangling.manifest", "ManifestFile"),
            f"Entry 3 of the manifest s3://{bucket}/dangling.manifest names s3://{bucket}/plain/c.csv",
        ),
    }
    for each, (config, _) in expected.items():
        clients["sagemaker"].create_training_job(**request(f"{name}-{each}", bucket, InputDataConfig=[config]))
    for each, (_, reason) in expected.items():
        job = finished(clients, f"{name}-{each}")
        assert job["TrainingJobStatus"] == "Failed"
        assert job["FailureReason"].startswith(f"ClientError: Data download failed:{reason}")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (channel("plain/", CompressionType="Gzip"), "CompressionType Gzip is not allowed with input mode File"),
        (channel("plain/", RecordWrapperType="RecordIO"), "RecordWrapperType RecordIO is not allowed with input mode File"),
        (channel("lines.jsonl", "AugmentedManifestFile", "Pipe"), "AttributeNames is required"),
        (channel("pla", mode="FastFile"), "No S3 objects found under S3 URL"),
        (channel("nothing/", mode="Pipe"), "No S3 objects found under S3 URL"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_at_once(clients, bucket, name, config, message):
    with pytest.raises(ClientError, match=message):
        clients["sagemaker"].create_training_job(**request(name, bucket, InputDataConfig=[config]))


def test_a_file_system_that_is_not_configured_is_refused_by_name(clients, bucket, name):
    source = {"FileSystemId": "fs-0123abcd", "FileSystemType": "EFS", "FileSystemAccessMode": "ro", "DirectoryPath": "/x"}
    config = {"ChannelName": "train", "DataSource": {"FileSystemDataSource": source}}
    with pytest.raises(ClientError, match='FileSystemId "fs-0123abcd" is not configured'):
        clients["sagemaker"].create_training_job(**request(name, bucket, InputDataConfig=[config]))
