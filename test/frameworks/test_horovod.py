"""SageMaker Python SDK v2: Horovod between two hosts, started by MPI. Its package is only to be had as source."""

import os
import pathlib
import re
import shutil
import subprocess
import textwrap

import pytest
from conftest import ROOT, loss_of, needs, needs_system_module, run_python

SCRIPT = pathlib.Path(__file__).parent / "scripts" / "horovod_line.py"
WHEELS = ROOT / ".build" / "wheels"

# It takes four minutes of processor time.
BUILD_SECONDS = 3600


@pytest.fixture
def wheels():
    """Horovod for Debian's PyTorch, and what it needs. Kept from run to run."""
    needs("bwrap", "ip", "nft", "mpirun", "mpicxx", "cmake")
    needs_system_module("torch")
    for header, package in [("pybind11/pybind11.h", "pybind11-dev"), ("torch/csrc/Exceptions.h", "libtorch-dev")]:
        if not os.path.exists(f"/usr/include/{header}"):
            pytest.skip(f"needs {package}")
    if not list(WHEELS.glob("horovod-*.whl")):
        python = WHEELS / "builder" / "bin" / "python"
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--system-site-packages", WHEELS / "builder"], check=True)
        pip = [python, "-m", "pip", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "-q", "wheel", "setuptools<81"], check=True)
        wanted = {"HOROVOD_WITH_PYTORCH": "1", "HOROVOD_WITH_MPI": "1", "HOROVOD_WITHOUT_GLOO": "1"}
        others = {"HOROVOD_WITHOUT_TENSORFLOW": "1", "HOROVOD_WITHOUT_MXNET": "1", "MAKEFLAGS": "-j2"}
        subprocess.run(
            [*pip, "wheel", "-q", "--no-build-isolation", "--wheel-dir", WHEELS, "horovod==0.28.1", "cffi"],
            env={**os.environ, **wanted, **others, "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin"},
            timeout=BUILD_SECONDS,
            check=True,
        )
    return sorted(WHEELS.glob("*.whl"))


def test_horovod_on_two_hosts_learns_what_one_learns(client_environment, wheels, tmp_path):
    for file in [SCRIPT, *wheels]:
        shutil.copy(file, tmp_path)
    (tmp_path / "requirements.txt").write_text("--no-index\n--find-links .\nhorovod\ncffi\n")
    program = f"""
        import sagemaker
        from sagemaker.pytorch import PyTorch
        for count in (1, 2):
            estimator = PyTorch(
                entry_point="horovod_line.py", source_dir={str(tmp_path)!r}, role=sagemaker.get_execution_role(),
                framework_version="1.13.1", py_version="py39", instance_type="ml.m5.large", instance_count=count,
                distribution={{"mpi": {{"enabled": True, "processes_per_host": 1}}}})
            print("=====", count)
            estimator.fit()
    """
    shown = run_python(textwrap.dedent(program), client_environment, 1200)
    parts = re.split(r"^===== (.*)$", shown, flags=re.MULTILINE)
    jobs = dict(zip(parts[1::2], parts[2::2]))
    for rank, host in [(0, "algo-1"), (1, "algo-2")]:
        assert f"rank {rank} of 2 on {host}" in jobs["2"], jobs["2"]
    assert loss_of(jobs["2"]) == pytest.approx(loss_of(jobs["1"]), rel=0.01)
