"""The README's AWS CLI snippet, run as it stands with version 1 of the CLI."""

import datetime
import json
import os
import pathlib
import subprocess
import sys

from conftest import ROOT, readme_snippet


def test_readme_snippet(client_environment, sagebrush, tmp_path):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    path = f"{pathlib.Path(sys.executable).parent}:{ROOT}/node_modules/.bin:{ROOT}/bin:{os.environ['PATH']}"
    environment = {**client_environment, "PATH": path, "SAGEBRUSH_DATA_DIR": str(sagebrush.data_dir)}
    result = subprocess.run(
        ["bash", "-euc", readme_snippet("aws-cli")],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180,
    )
    assert result.returncode == 0, result.stderr
    assert "#quality_metric" in result.stdout
    prediction = json.loads((tmp_path / "prediction.json").read_text())
    assert prediction["predictions"][0]["predicted_label"] == 0


def test_a_profile_works_without_the_environment(sagebrush, tmp_path):
    files = {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials")}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = {**clean, **files, "SAGEBRUSH_DATA_DIR": str(sagebrush.data_dir)}
    node = ROOT / "node_modules/.bin/node"
    subprocess.run([node, ROOT / "bin/sagebrush", "configure"], env=environment, check=True, capture_output=True)
    aws = pathlib.Path(sys.executable).parent / "aws"
    shown = subprocess.run(
        [sys.executable, aws, "--profile", "sagebrush", "sts", "get-caller-identity"],
        env=environment, check=True, capture_output=True, text=True,
    ).stdout
    assert json.loads(shown)["Account"] == "000000000000"


def test_metrics_go_in_and_come_back(client_environment):
    aws = pathlib.Path(sys.executable).parent / "aws"

    def cloudwatch(*words):
        command = [sys.executable, aws, "cloudwatch", *words]
        return subprocess.run(command, env=client_environment, check=True, capture_output=True, text=True).stdout

    now = datetime.datetime.now(datetime.timezone.utc)
    metric = ["--namespace", "cli", "--metric-name", "seconds"]
    cloudwatch("put-metric-data", *metric, "--value", "2.5", "--unit", "Seconds", "--dimensions", "Job=a")
    shown = cloudwatch(
        "get-metric-statistics", *metric, "--dimensions", "Name=Job,Value=a", "--period", "3600", "--statistics", "Sum",
        "--start-time", (now - datetime.timedelta(hours=1)).isoformat(),
        "--end-time", (now + datetime.timedelta(minutes=2)).isoformat(), "--output", "json",
    )
    (point,) = json.loads(shown)["Datapoints"]
    assert (point["Sum"], point["Unit"]) == (2.5, "Seconds")
    assert "seconds" in cloudwatch("list-metrics", "--namespace", "cli")
