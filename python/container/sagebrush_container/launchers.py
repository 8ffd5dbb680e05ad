"""How the user's script is started: alone, or under a launcher of the framework's."""

import importlib.metadata
import json
import os
import shlex
import shutil
import stat
import subprocess
import sys

from . import mpi_hosts, notices, variables
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
        # It would say of every process that sandboxes have no /sys.
        return _mpirun(settings, _with_mpi4py(python) + script), {"HWLOC_HIDE_ERRORS": "2"}
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
    words += ["--nproc_per_node", str(variables.gpus() or 1)] + _torchrun_streams()
    if len(settings.hosts) > 1:
        words += ["--master_addr", settings.hosts[0], "--master_port", str(TORCHRUN_PORT)]
        words += ["--node_rank", str(settings.rank)]
    return words + [settings.program] + settings.arguments()


def _torchrun_streams():
    """torchrun 1 stumbles over its own default for redirected streams from Python 3.11 on; one for a tenth worker helps."""
    try:
        old = importlib.metadata.version("torch").startswith("1.")
    except importlib.metadata.PackageNotFoundError:
        return []
    return ["--redirects", "9:1", "--tee", "9:1"] if old and sys.version_info >= (3, 11) else []


def _mpirun(settings, command):
    """The first host runs mpirun, the others what it starts there."""
    others = [host for host in settings.hosts if host != settings.hosts[0]]
    helper = [sys.executable, "-B", mpi_hosts.__file__]
    if settings.current_host in others:
        return helper + ["follow", settings.current_host]
    mpirun = shutil.which("mpirun")
    if mpirun is None:
        raise ToolkitError("ClientError: sagemaker_mpi_enabled needs mpirun, which this host does not have.")
    processes = int(settings.framework.get("sagemaker_mpi_num_of_processes_per_host") or 1)
    total = int(settings.framework.get("sagemaker_mpi_num_processes") or processes * len(settings.hosts))
    custom = shlex.split(str(settings.framework.get("sagemaker_mpi_custom_mpi_options") or ""))
    names = settings.hosts if others else ["localhost"]
    words = [mpirun, "--host", ",".join("%s:%d" % (name, processes) for name in names), "-np", str(total)]
    words += ["--allow-run-as-root", "--oversubscribe", "--bind-to", "none"]
    options = {"btl": "self,vader,tcp", "btl_vader_single_copy_mechanism": "none", "orte_abort_on_non_zero_status": "1"}
    if others:
        interface = settings.resources.get("network_interface_name") or "eth0"
        options.update(
            plm_rsh_agent=" ".join(helper + ["call"]),
            plm_rsh_no_tree_spawn="1",
            orte_leave_session_attached="1",
            btl_tcp_if_include=interface,
            oob_tcp_if_include=interface,
        )
    for name, value in options.items():
        words += ["--mca", name, value]
    words += custom + command
    return helper + ["lead"] + others + ["--"] + words if others else words


def _with_mpi4py(python):
    """An exception of one worker ends all of them: the others would wait for it for ever."""
    found = subprocess.run([python, "-c", "import mpi4py"], stderr=subprocess.DEVNULL, check=False)
    return [python, "-m", "mpi4py"] if found.returncode == 0 else [python]


def _mirrored_config(settings):
    workers = ["%s:%d" % (host, _TENSORFLOW_PORT) for host in settings.hosts]
    task = {"type": "worker", "index": settings.rank}
    return json.dumps({"cluster": {"worker": workers}, "environment": "cloud", "task": task}, sort_keys=True)
