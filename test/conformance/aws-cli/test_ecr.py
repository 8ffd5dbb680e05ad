"""The log-in that every guide to ECR begins with: `aws ecr get-login-password | podman login`."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

from conftest import ROOT

SCRIPT = """
set -euo pipefail
uri=$(aws ecr create-repository --repository-name "$NAME" --query repository.repositoryUri --output text)
registry=${uri%%/*}
aws ecr get-login-password | podman $STORAGE login --tls-verify=false --username AWS --password-stdin "$registry"
tar -C "$PWD" -cf tree.tar hello.txt
podman $STORAGE import tree.tar "$uri:v1"
podman $STORAGE push --tls-verify=false "$uri:v1"
podman $STORAGE rmi "$uri:v1"
podman $STORAGE pull --tls-verify=false "$uri:v1"
aws ecr describe-images --repository-name "$NAME"
"""


@pytest.fixture
def storage():
    """Podman's own folder, removed in its own way: its path may have at most 50 characters."""
    folder = tempfile.mkdtemp(prefix="sb-", dir="/tmp")
    yield f"--root {folder}/root --runroot {folder}/run --storage-driver vfs"
    shutil.rmtree(folder, ignore_errors=True)


def test_get_login_password(client_environment, name, storage, tmp_path):
    if shutil.which("podman") is None or os.geteuid() != 0:
        pytest.skip("needs podman, and to be root")
    (tmp_path / "hello.txt").write_text("hello")
    (tmp_path / "auth.json").write_text("{}")
    environment = {
        **client_environment,
        "NAME": name,
        "PATH": f"{pathlib.Path(sys.executable).parent}:{ROOT}/node_modules/.bin:{os.environ['PATH']}",
        "REGISTRY_AUTH_FILE": str(tmp_path / "auth.json"),
        "STORAGE": storage,
    }
    result = subprocess.run(
        ["bash", "-c", SCRIPT], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    images = json.loads(result.stdout[result.stdout.index("{") :])["imageDetails"]
    assert [image["imageTags"] for image in images] == [["v1"]]
