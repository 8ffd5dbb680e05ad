"""SageMaker Python SDK v2: TensorFlow on two hosts, in the ways that the SDK's `distribution` names."""

import pathlib
import re
import textwrap

import pytest
from conftest import loss_of, needs, run_python

SCRIPTS = pathlib.Path(__file__).parent / "scripts"

# The first run makes the environment: hundreds of megabytes.
LIMIT_SECONDS = 1800


def train(environment: dict, script: str, distribution: dict) -> dict[str, str]:
    """Trains on one host and on two; returns what each job showed."""
    needs("bwrap", "ip", "nft")
    program = f"""
        import sagemaker
        from sagemaker.tensorflow import TensorFlow
        for count in (1, 2):
            estimator = TensorFlow(
                entry_point={script!r}, source_dir={str(SCRIPTS)!r}, role=sagemaker.get_execution_role(),
                framework_version="2.13", py_version="py310", instance_type="ml.m5.large", instance_count=count,
                distribution={distribution!r})
            print("=====", count)
            estimator.fit()
    """
    shown = run_python(textwrap.dedent(program), environment, LIMIT_SECONDS)
    parts = re.split(r"^===== (.*)$", shown, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def test_mirrored_workers_learn_what_one_learns(client_environment):
    shown = train(client_environment, "mirrored_line.py", {"multi_worker_mirrored_strategy": {"enabled": True}})
    assert "worker 0 of 1 on algo-1" in shown["1"]
    assert "worker 0 of 2 on algo-1" in shown["2"]
    assert "worker 1 of 2 on algo-2" in shown["2"]
    assert loss_of(shown["2"]) == pytest.approx(loss_of(shown["1"]), rel=0.01)


def test_parameter_servers_learn_what_one_learns(client_environment):
    shown = train(client_environment, "estimator_line.py", {"parameter_server": {"enabled": True}})
    assert "beside 0 parameter servers on algo-1" in shown["1"]
    for task, host in [("master", "algo-1"), ("worker", "algo-2")]:
        steps = re.search(rf"{task} 0 beside 2 parameter servers on {host}: steps=(\d+);", shown["2"])
        assert steps and int(steps[1]) > 100, shown["2"]
    assert loss_of(shown["2"]) == pytest.approx(loss_of(shown["1"]), rel=0.01)
