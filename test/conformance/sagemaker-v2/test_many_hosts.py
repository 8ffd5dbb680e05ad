"""SageMaker Python SDK v2: jobs of several hosts with unchanged scripts, their logs followed by `fit`."""

import re
import subprocess
import textwrap

import pytest

from conftest import SCRIPTS, loss_of, needs, needs_system_module, run_python

SETUP = f"""
import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.instance_group import InstanceGroup
from sagemaker.pytorch import PyTorch
session, role = sagemaker.Session(), sagemaker.get_execution_role()
SOURCE = {str(SCRIPTS)!r}
PYTHON = "236514542706.dkr.ecr.us-west-2.amazonaws.com/sagemaker-base-python-310:1.0"
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
        train = {{"train": TrainingInput(session.upload_data({str(lines)!r}, key_prefix="lines"), distribution="ShardedByS3Key")}}
        groups = [InstanceGroup("first", "ml.c5.xlarge", 1), InstanceGroup("second", "ml.m5.large", 1)]
        wanted = {{
            "one": dict(instance_type="ml.m5.large", instance_count=1),
            "three": dict(instance_type="ml.m5.large", instance_count=3),
            "groups": dict(instance_groups=groups),
        }}
        for title, resources in wanted.items():
            estimator = Estimator(PYTHON, role, entry_point="allreduce.py", source_dir=SOURCE, **resources)
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


# The SDK allows torch_distributed and smdistributed on GPU instances only; here they use the CPU.
START = """
jobs = {}
def start(title, count, distribution, script="ddp.py", gpus="ml.g4dn.xlarge", **hyperparameters):
    jobs[title] = PyTorch(entry_point=script, instance_type=gpus, instance_count=count, distribution=distribution,
                          hyperparameters={**hyperparameters}, **TORCH)
    jobs[title].fit(wait=False)
torchrun = {"torch_distributed": {"enabled": True}}
"""


def test_pytorch_on_two_hosts_learns_what_one_learns(client_environment):
    needs_system_module("torch")
    shown = train(
        client_environment,
        START
        + """
start("one", 1, torchrun, epochs=1)
start("two", 2, torchrun, epochs=1)
start("smdistributed", 2, {"smdistributed": {"dataparallel": {"enabled": True}}}, "smddp.py", "ml.p3.16xlarge", epochs=1)
start("older", 2, {"pytorchddp": {"enabled": True}}, "smddp.py", "ml.p3.16xlarge", epochs=1, older=True)
for title, estimator in jobs.items():
    follow(title, estimator)
""",
    )
    for title in ("two", "smdistributed", "older"):
        for rank, host in [(0, "algo-1"), (1, "algo-2")]:
            assert f"rank {rank} of 2 on {host}" in shown[title], shown[title]
        assert loss_of(shown[title]) == pytest.approx(loss_of(shown["one"]), rel=0.01)
    assert "sagemaker_distributed_dataparallel_enabled: smdistributed is Amazon's own" in shown["smdistributed"]
    assert "the backend smddp is gloo here" in shown["older"]


def test_mixed_precision_on_two_hosts(client_environment):
    needs_system_module("torch")
    needs_bfloat16()
    shown = train(
        client_environment,
        START
        + """
start("one", 1, torchrun, epochs=1, precision="bfloat16")
start("two", 2, torchrun, epochs=1, precision="bfloat16")
for title, estimator in jobs.items():
    follow(title, estimator)
""",
    )
    assert loss_of(shown["two"]) == pytest.approx(loss_of(shown["one"]), rel=0.01)


def test_why_a_distributed_job_failed(client_environment):
    needs_system_module("torch")
    shown = train(
        client_environment,
        START
        + """
start("killed", 2, torchrun, **{"dying-rank": 1})
parameters = {"partitions": 2, "microbatches": 2}
start("split", 1, {"smdistributed": {"modelparallel": {"enabled": True, "parameters": parameters}},
                   "mpi": {"enabled": True, "processes_per_host": 1}}, "split_model.py", "ml.p3.16xlarge")
jobs["lacking"] = Estimator(PYTHON, role, 1, "ml.m5.large", entry_point="ddp.py", source_dir=SOURCE,
                            hyperparameters={"sagemaker_torch_distributed_enabled": True})
jobs["lacking"].fit(wait=False)
for title, estimator in jobs.items():
    follow(title, estimator)
""",
    )
    assert "rank 1 dies" in shown["killed"]
    reason = shown["killed"].split("failed: ")[1]
    assert "algo-2: ExecuteUserScriptError" in reason and "Signal 9 (SIGKILL)" in reason, reason
    assert "needs PyTorch, which this image does not have" in shown["lacking"].split("failed: ")[1]
    assert "mp_parameters: smdistributed.modelparallel is Amazon's own" in shown["split"]
    assert "smdistributed.modelparallel is Amazon's own and nothing stands in for it" in shown["split"].split("failed: ")[1]


def needs_bfloat16() -> None:
    code = "import torch, torch.nn as n\nwith torch.autocast('cpu', torch.bfloat16): n.Linear(8, 8)(torch.ones(1, 8)).sum().backward()"
    if subprocess.run(["/usr/bin/python3", "-c", code], capture_output=True).returncode != 0:
        pytest.skip("needs a CPU on which PyTorch trains with bfloat16")


def test_mpi_between_hosts_without_ssh(client_environment):
    needs_system_module("torch")
    needs_system_module("mpi4py")
    shown = train(
        client_environment,
        START
        + """
def ring(title, count, processes, **hyperparameters):
    mpi = {"mpi": {"enabled": True, "processes_per_host": processes}}
    start(title, count, mpi, "mpi_ring.py", "ml.m5.large", **hyperparameters)
ring("one", 1, 1)
ring("two", 2, 2)
ring("failing", 2, 2, **{"failing-rank": 3})
ring("killed", 2, 1, **{"dying-rank": 1})
groups = [InstanceGroup("data", "ml.c5.xlarge", 1), InstanceGroup("train", "ml.m5.large", 2)]
mpi = {"mpi": {"enabled": True, "processes_per_host": 1}, "instance_groups": [groups[1]]}
jobs["groups"] = PyTorch(entry_point="mpi_ring.py", instance_groups=groups, distribution=mpi, **TORCH)
jobs["groups"].fit(wait=False)
for title, estimator in jobs.items():
    follow(title, estimator)
""",
    )
    ranks = re.findall(r"rank (\d) of 4 on (algo-\d)", shown["two"])
    assert sorted(ranks) == [("0", "algo-1"), ("1", "algo-1"), ("2", "algo-2"), ("3", "algo-2")]
    assert loss_of(shown["two"]) == pytest.approx(loss_of(shown["one"]), rel=0.01)
    # The other group's host runs the script as it is.
    ranks = re.findall(r"rank (\d of \d on algo-\d)", shown["groups"])
    assert sorted(ranks) == ["0 of 1 on algo-1", "0 of 2 on algo-2", "1 of 2 on algo-3"]
    assert loss_of(shown["groups"]) == pytest.approx(loss_of(shown["one"]), rel=0.01)
    assert "rank 3 on algo-2 is ill" in shown["failing"].split("failed: ")[1]
    assert "rank 1 dies" in shown["killed"]
    reason = shown["killed"].split("failed: ")[1]
    assert "rank 1" in reason and "signal 9" in reason, reason
