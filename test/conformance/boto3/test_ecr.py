"""Images by boto3 alone: a layer in parts, a manifest, and what there is afterwards."""

import hashlib
import json
import urllib.request

import boto3
import pytest


@pytest.fixture
def ecr(client_environment, monkeypatch):
    for variable, value in client_environment.items():
        monkeypatch.setenv(variable, value)
    return boto3.client("ecr", endpoint_url=client_environment["AWS_ENDPOINT_URL"])


def sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def push_layer(ecr, repository: str, content: bytes) -> dict:
    digest = sha256(content)
    upload = ecr.initiate_layer_upload(repositoryName=repository)
    size = min(upload["partSize"], 400_000)
    for first in range(0, len(content), size):
        part = content[first : first + size]
        ecr.upload_layer_part(
            repositoryName=repository, uploadId=upload["uploadId"],
            partFirstByte=first, partLastByte=first + len(part) - 1, layerPartBlob=part,
        )
    ecr.complete_layer_upload(repositoryName=repository, uploadId=upload["uploadId"], layerDigests=[digest])
    return {"digest": digest, "size": len(content)}


def test_an_image_goes_in_and_comes_out(ecr, name):
    repository = ecr.create_repository(repositoryName=name)["repository"]
    assert repository["repositoryUri"].endswith(f"/{name}")
    layer = b"layer" * 200_000
    media = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": media,
        "config": {"mediaType": "application/vnd.docker.container.image.v1+json", **push_layer(ecr, name, b"{}")},
        "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar", **push_layer(ecr, name, layer)}],
    })
    ecr.put_image(repositoryName=name, imageManifest=manifest, imageTag="v1")
    with pytest.raises(ecr.exceptions.ImageAlreadyExistsException):
        ecr.put_image(repositoryName=name, imageManifest=manifest, imageTag="v1")
    described = list(ecr.get_paginator("describe_images").paginate(repositoryName=name).search("imageDetails[]"))
    assert [image["imageTags"] for image in described] == [["v1"]]
    url = ecr.get_download_url_for_layer(repositoryName=name, layerDigest=sha256(layer))["downloadUrl"]
    assert sha256(urllib.request.urlopen(url).read()) == sha256(layer)
    with pytest.raises(ecr.exceptions.RepositoryNotEmptyException):
        ecr.delete_repository(repositoryName=name)
    ecr.delete_repository(repositoryName=name, force=True)
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.describe_images(repositoryName=name)
