"""How the user's script is started: alone, or under a launcher of the framework's."""

import importlib.metadata
import json
import os
import shlex
import shutil
import stat
import subprocess
import sys

from . import mpi_hosts, notices, parameter_servers, tensorflow_cluster, variables
from .failures import ToolkitError

# Amazon's library of data parallel training, by the names of its launchers.
_DATA_PARALLEL = ("sagemaker_pytorch_ddp_enabled", "sagemaker_distributed_dataparallel_enabled")


def command_for(settings, python, code):
    """The words that run the user's code, and variables that go with them."""
    program = settings.program
    path = os.path.join(code, program)
    if not program.endswith(".py"):
        return _shell_command(program, path, settings), {}
    script = [program] + settings.arguments()
    if is_package(code):
        script = ["-m", program[: -len(".py")].replace("/", ".")] + settings.arguments()
    if not settings.distributes:
        return [python] + script, {}
    _tell_of_model_parallel(settings)
    if settings.enabled("sagemaker_mpi_enabled"):
        # It would say of every process that sandboxes have no /sys.
        return _mpirun(settings, _with_mpi4py(python) + script), {"HWLOC_HIDE_ERRORS": "2"}
    if settings.enabled("sagemaker_parameter_server_enabled") and len(settings.distribution_hosts) > 1:
        return _parameter_servers(settings, python, script)
    if settings.enabled("sagemaker_multi_worker_mirrored_strategy_enabled"):
        _must_have(python, "tensorflow", "sagemaker_multi_worker_mirrored_strategy_enabled", "TensorFlow")
        cluster = tensorflow_cluster.of_mirrored_workers(settings.distribution_hosts, settings.current_host)
        return [python] + script, {"TF_CONFIG": json.dumps(cluster)}
    if settings.enabled("sagemaker_torch_distributed_enabled"):
        return _torchrun(settings, python, "sagemaker_torch_distributed_enabled"), {}
    for name in _DATA_PARALLEL:
        if settings.enabled(name):
            return _data_parallel(settings, python, name), {}
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


def _has(python, module):
    """Whether the run's Python could import a module; it is not imported, which takes frameworks seconds."""
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)"
    return subprocess.run([python, "-c", code, module], stderr=subprocess.DEVNULL, check=False).returncode == 0


def _must_have(python, module, asked, package):
    if not _has(python, module):
        raise ToolkitError(
            "ClientError: %s needs %s, which this image does not have: choose one of its images, or add %s to "
            "requirements.txt." % (asked, package, module)
        )


def _tell_of_model_parallel(settings):
    if settings.hyperparameters.get("mp_parameters"):
        notices.say(
            "mp_parameters: smdistributed.modelparallel is Amazon's own, and nothing here splits a model by itself: a script "
            "that imports it is told so. Nearest are PyTorch's own torch.distributed.fsdp on GPUs and torch.distributed.rpc."
        )


def _data_parallel(settings, python, name):
    if not _has(python, "torch") and _has(python, "tensorflow"):
        raise ToolkitError(
            "ClientError: %s: smdistributed.dataparallel is Amazon's own, and TensorFlow's part of it has no stand-in "
            'here. Use distribution={"multi_worker_mirrored_strategy": {"enabled": True}}, or Horovod with '
            '{"mpi": {"enabled": True}}.' % name
        )
    notices.say(
        "%s: smdistributed is Amazon's own; torchrun takes its place, and the backend smddp is %s here."
        % (name, "nccl" if variables.gpus() else "gloo")
    )
    return _torchrun(settings, python, name)


def _torchrun(settings, python, asked):
    _must_have(python, "torch", asked, "PyTorch")
    hosts = settings.distribution_hosts
    words = [python, "-m", "torch.distributed.run", "--nnodes", str(len(hosts))]
    words += ["--nproc_per_node", str(variables.gpus() or 1)] + _torchrun_streams()
    # Its own default of 5 s is how late it would see its workers end, and the first failure is the one that is reported.
    words += ["--monitor_interval", "0.1"]
    if len(hosts) > 1:
        words += ["--master_addr", hosts[0], "--master_port", str(variables.TORCH_PORT)]
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
    hosts = settings.distribution_hosts
    others = hosts[1:]
    helper = [sys.executable, "-B", mpi_hosts.__file__]
    if settings.current_host in others:
        return helper + ["follow", settings.current_host]
    mpirun = shutil.which("mpirun")
    if mpirun is None:
        raise ToolkitError("ClientError: sagemaker_mpi_enabled needs mpirun, which this host does not have.")
    processes = int(settings.framework.get("sagemaker_mpi_num_of_processes_per_host") or 1)
    total = int(settings.framework.get("sagemaker_mpi_num_processes") or processes * len(hosts))
    custom = shlex.split(str(settings.framework.get("sagemaker_mpi_custom_mpi_options") or ""))
    names = hosts if others else ["localhost"]
    words = [mpirun, "--host", ",".join("%s:%d" % (name, processes) for name in names), "-np", str(total)]
    words += ["--allow-run-as-root", "--oversubscribe", "--bind-to", "none"]
    options = {"btl": "self,vader,tcp", "btl_vader_single_copy_mechanism": "none", "orte_abort_on_non_zero_status": "1"}
    if others:
        options.update(
            plm_rsh_agent=" ".join(helper + ["call"]),
            plm_rsh_no_tree_spawn="1",
            orte_leave_session_attached="1",
            btl_tcp_if_include=settings.interface,
            oob_tcp_if_include=settings.interface,
        )
    for name, value in options.items():
        words += ["--mca", name, value]
    words += custom + command
    return helper + ["lead"] + others + ["--"] + words if others else words


def _with_mpi4py(python):
    """An exception of one worker ends all of them: the others would wait for it for ever."""
    found = subprocess.run([python, "-c", "import mpi4py"], stderr=subprocess.DEVNULL, check=False)
    return [python, "-m", "mpi4py"] if found.returncode == 0 else [python]


def _parameter_servers(settings, python, script):
    """Every host serves parameters beside its worker, as in the service's images."""
    _must_have(python, "tensorflow", "sagemaker_parameter_server_enabled", "TensorFlow")
    hosts = settings.distribution_hosts
    cluster = tensorflow_cluster.of_parameter_servers(hosts, settings.current_host)
    helper = [sys.executable, "-B", parameter_servers.__file__, settings.current_host] + hosts
    return helper + ["--", python] + script, {"TF_CONFIG": json.dumps(cluster)}
