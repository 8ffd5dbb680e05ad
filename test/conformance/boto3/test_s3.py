"""S3 through boto3's own transfer manager: multipart both ways, odd keys, presigned addresses."""

import os
import urllib.request

import boto3
import pytest
from botocore.config import Config


@pytest.fixture(scope="module")
def s3(client_environment):
    return boto3.client(
        "s3",
        endpoint_url=client_environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=client_environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=client_environment["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
    )


def test_a_large_file_goes_up_in_parts_and_comes_back(s3, tmp_path, name):
    s3.create_bucket(Bucket=name)
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.write_bytes(os.urandom(20 * 1024 * 1024 + 17))
    s3.upload_file(str(source), name, "large.bin")
    assert s3.head_object(Bucket=name, Key="large.bin")["ETag"].endswith('-3"')
    s3.download_file(name, "large.bin", str(copy))
    assert copy.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("key", ["a", "a/b", "A", "..", "../x", "a//b", "trailing/", "späße/☃", "k" * 1024, "a b+c&d=e?f#g"])
def test_every_key_keeps_its_own_bytes(s3, key):
    try:
        s3.create_bucket(Bucket="odd-keys")
    except s3.exceptions.BucketAlreadyOwnedByYou:
        pass
    s3.put_object(Bucket="odd-keys", Key=key, Body=key.encode())
    assert s3.get_object(Bucket="odd-keys", Key=key)["Body"].read() == key.encode()
    assert key in [each["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="odd-keys") for each in page["Contents"]]


@pytest.mark.parametrize("signature_version", ["s3v4", "s3"])
def test_presigned_addresses_work_without_credentials(s3, client_environment, name, signature_version):
    s3.create_bucket(Bucket=name)
    s3 = boto3.client(
        "s3", endpoint_url=client_environment["AWS_ENDPOINT_URL"], region_name="us-east-1",
        aws_access_key_id=client_environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=client_environment["AWS_SECRET_ACCESS_KEY"],
        config=Config(signature_version=signature_version),
    )
    # The older signature covers Content-Type, which urllib would add by itself.
    put = urllib.request.Request(
        s3.generate_presigned_url("put_object", Params={"Bucket": name, "Key": "x"}),
        data=b"hello", method="PUT", headers={"Content-Type": ""},
    )
    assert urllib.request.urlopen(put).status == 200
    get = s3.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "x"})
    assert urllib.request.urlopen(get).read() == b"hello"


def test_virtual_hosted_buckets(client_environment, name):
    url = client_environment["AWS_ENDPOINT_URL"].replace("127.0.0.1", "localhost")
    s3 = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", config=Config(s3={"addressing_style": "path"}),
        aws_access_key_id=client_environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=client_environment["AWS_SECRET_ACCESS_KEY"],
    )
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"v")
    signed = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", config=Config(s3={"addressing_style": "virtual"}),
        aws_access_key_id=client_environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=client_environment["AWS_SECRET_ACCESS_KEY"],
    ).generate_presigned_url("get_object", Params={"Bucket": name, "Key": "k"})
    host = signed.split("/")[2]
    assert host.startswith(f"{name}.localhost")
    # Not every resolver knows names below localhost, so the address is dialled and the Host header says the rest.
    request = urllib.request.Request(signed.replace(host, f"127.0.0.1:{host.split(':')[1]}"), headers={"Host": host})
    assert urllib.request.urlopen(request).read() == b"v"
