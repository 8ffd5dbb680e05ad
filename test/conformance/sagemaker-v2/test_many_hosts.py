"""SageMaker Python SDK v2: jobs of several hosts with unchanged scripts, their logs followed by `fit`."""

import re
import subprocess
import textwrap

import pytest

from conftest import SCRIPTS, needs, run_python

SETUP = f"""
import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.instance_group import InstanceGroup
from sagemaker.pytorch import PyTorch
session, role = sagemaker.Session(), sagemaker.get_execution_role()
SOURCE = {str(SCRIPTS)!r}
TORCH = dict(source_dir=SOURCE, role=role, framework_version="1.13.1", py_version="py39")

def follow(title, estimator):
    print("=====", title)
    try:
        estimator.latest_training_job.wait(logs="All")
    except Exception as error:
        print("failed:", error)
"""


def train(environment: dict, code: str) -> dict[str, str]:
    """Runs a user's program; returns what it and the SDK showed of each job. Several hosts need networks of their own."""
    needs("bwrap", "ip", "nft")
    shown = run_python(SETUP + textwrap.dedent(code), environment, timeout=600)
    parts = re.split(r"^===== (.*)$", shown, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def needs_system_module(name: str) -> None:
    if subprocess.run(["/usr/bin/python3", "-c", f"import {name}"], capture_output=True).returncode != 0:
        pytest.skip(f"needs {name} of the system's own Python")


def loss_of(shown: str) -> float:
    found = set(re.findall(r"loss=([0-9.]+);", shown))
    assert len(found) == 1, shown  # every host has the same model
    return float(found.pop())


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """Ten files of points of a line with noise, to be dealt among hosts."""
    folder = tmp_path_factory.mktemp("lines")
    for number in range(10):
        points = [((number * 20 + i) * 37 % 101) / 101 for i in range(20)]
        rows = ("%f,%f\n" % (3 * x + 1 + 0.1 * (i % 3 - 1), x) for i, x in enumerate(points))
        (folder / f"part-{number}.csv").write_text("".join(rows))
    return folder


def test_hosts_that_know_each_other_by_name_share_the_work(client_environment, lines):
    shown = train(
        client_environment,
        f"""
        image = "236514542706.dkr.ecr.us-west-2.amazonaws.com/sagemaker-base-python-310:1.0"
        train = {{"train": TrainingInput(session.upload_data({str(lines)!r}, key_prefix="lines"), distribution="ShardedByS3Key")}}
        groups = [InstanceGroup("first", "ml.c5.xlarge", 1), InstanceGroup("second", "ml.m5.large", 1)]
        wanted = {{
            "one": dict(instance_type="ml.m5.large", instance_count=1),
            "three": dict(instance_type="ml.m5.large", instance_count=3),
            "groups": dict(instance_groups=groups),
        }}
        for title, resources in wanted.items():
            estimator = Estimator(image, role, entry_point="allreduce.py", source_dir=SOURCE, **resources)
            estimator.fit(train, wait=False)
            follow(title, estimator)
        """,
    )
    rows = dict(re.findall(r"host (algo-\d) \(algo-\d\) has (\d+) rows", shown["three"]))
    assert sorted(rows) == ["algo-1", "algo-2", "algo-3"]
    assert sum(map(int, rows.values())) == 200
    assert loss_of(shown["three"]) == pytest.approx(loss_of(shown["one"]), rel=0.01)
    assert "host algo-1 (algo-1) has 100 rows, first" in shown["groups"]
    assert "host algo-2 (algo-2) has 100 rows, second" in shown["groups"]
    assert loss_of(shown["groups"]) == pytest.approx(loss_of(shown["one"]), rel=0.01)


def test_pytorch_on_two_hosts_learns_what_one_learns(client_environment):
    needs_system_module("torch")
    shown = train(
        client_environment,
        """
        # The SDK allows it on GPU instances only; here they use the CPU.
        jobs = {}
        for title, count in [("one", 1), ("two", 2)]:
            jobs[title] = PyTorch(entry_point="ddp.py", instance_type="ml.g4dn.xlarge", instance_count=count,
                                  distribution={"torch_distributed": {"enabled": True}}, hyperparameters={"epochs": 1},
                                  **TORCH)
            jobs[title].fit(wait=False)
        for title, estimator in jobs.items():
            follow(title, estimator)
        """,
    )
    assert "rank 0 of 1 on algo-1" in shown["one"]
    assert "rank 0 of 2 on algo-1" in shown["two"]
    assert "rank 1 of 2 on algo-2" in shown["two"]
    assert loss_of(shown["two"]) == pytest.approx(loss_of(shown["one"]), rel=0.01)


def test_mpi_between_hosts_without_ssh(client_environment):
    needs_system_module("torch")
    needs_system_module("mpi4py")
    shown = train(
        client_environment,
        """
        for title, hyperparameters in [("sum", {}), ("failure", {"failing-rank": 3})]:
            estimator = PyTorch(entry_point="mpi_ring.py", instance_type="ml.m5.large", instance_count=2,
                                hyperparameters=hyperparameters,
                                distribution={"mpi": {"enabled": True, "processes_per_host": 2}}, **TORCH)
            estimator.fit(wait=False)
            follow(title, estimator)
        """,
    )
    ranks = re.findall(r"rank (\d) of 4 on (algo-\d): sum=10;", shown["sum"])
    assert sorted(ranks) == [("0", "algo-1"), ("1", "algo-1"), ("2", "algo-2"), ("3", "algo-2")]
    assert "rank 3 on algo-2 is ill" in shown["failure"]
    assert "failed: " in shown["failure"]
