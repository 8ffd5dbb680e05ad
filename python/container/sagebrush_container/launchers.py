"""How the user's script is started: alone, or under a launcher of the framework's."""

import json
import os
import shutil
import stat

from . import notices, variables
from .failures import ToolkitError

TORCHRUN_PORT = 7777
_TENSORFLOW_PORT = 8890


def command_for(settings, python, code):
    """The words that run the user's code, and variables that go with them."""
    program = settings.program
    path = os.path.join(code, program)
    if not program.endswith(".py"):
        return _shell_command(program, path, settings), {}
    if settings.enabled("sagemaker_torch_distributed_enabled"):
        return _torchrun(settings, python), {}
    for name in ("sagemaker_pytorch_ddp_enabled", "sagemaker_distributed_dataparallel_enabled"):
        if settings.enabled(name):
            notices.say("%s: smdistributed is Amazon's own; torchrun with the host's backend takes its place." % name)
            return _torchrun(settings, python), {}
    script = [program] + settings.arguments()
    if is_package(code):
        script = ["-m", program[: -len(".py")].replace("/", ".")] + settings.arguments()
    if settings.enabled("sagemaker_mpi_enabled"):
        return _mpirun(settings) + [python] + script, {}
    if settings.enabled("sagemaker_multi_worker_mirrored_strategy_enabled"):
        return [python] + script, {"TF_CONFIG": _mirrored_config(settings)}
    return [python] + script, {}


def is_package(code):
    """Whether the code installs itself, so that its entry point is a module."""
    if os.path.exists(os.path.join(code, "setup.py")):
        return True
    try:
        with open(os.path.join(code, "pyproject.toml"), encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return False
    # Many projects have one for their tools alone.
    return "[project]" in text or "[build-system]" in text


def _shell_command(program, path, settings):
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    # Quoted as `"$@"` quotes: a hyperparameter is an argument, whatever is in it.
    return ["/bin/sh", "-c", '"$0" "$@"', "./" + program] + settings.arguments()


def _torchrun(settings, python):
    words = [python, "-m", "torch.distributed.run", "--nnodes", str(len(settings.hosts))]
    words += ["--nproc_per_node", str(variables.gpus() or 1)]
    if len(settings.hosts) > 1:
        words += ["--master_addr", settings.hosts[0], "--master_port", str(TORCHRUN_PORT)]
        words += ["--node_rank", str(settings.rank)]
    return words + [settings.program] + settings.arguments()


def _mpirun(settings):
    mpirun = shutil.which("mpirun")
    if mpirun is None:
        raise ToolkitError("ClientError: sagemaker_mpi_enabled needs mpirun, which this host does not have.")
    if len(settings.hosts) > 1:
        raise ToolkitError("ClientError: sagemaker_mpi_enabled works on one host here, not on %d." % len(settings.hosts))
    processes = int(settings.framework.get("sagemaker_mpi_num_of_processes_per_host") or 1)
    custom = str(settings.framework.get("sagemaker_mpi_custom_mpi_options") or "").split()
    words = [mpirun, "--host", "localhost:%d" % processes, "-np", str(processes), "--allow-run-as-root"]
    return words + ["--oversubscribe", "--mca", "btl", "self,vader,tcp"] + custom


def _mirrored_config(settings):
    workers = ["%s:%d" % (host, _TENSORFLOW_PORT) for host in settings.hosts]
    task = {"type": "worker", "index": settings.rank}
    return json.dumps({"cluster": {"worker": workers}, "environment": "cloud", "task": task}, sort_keys=True)
