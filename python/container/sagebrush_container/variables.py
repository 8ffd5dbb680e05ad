"""The SM_* variables that scripts read."""

import json
import multiprocessing
import os
import subprocess

from . import places

# Where PyTorch's processes meet, on the leading host.
TORCH_PORT = 7777


def compact(value):
    """Text as it is, nothing as an empty text, everything else as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def script_variables(settings):
    """Every variable of the script beside those of the container."""
    facts = _facts(settings)
    variables = {"SM_" + name.upper(): compact(value) for name, value in facts.items()}
    variables.update(
        SM_CHANNELS=compact(sorted(settings.input_data)),
        SM_HPS=compact(settings.hyperparameters),
        SM_USER_ARGS=compact(settings.arguments()),
        SM_FRAMEWORK_PARAMS=compact(settings.framework),
        SM_TRAINING_ENV=compact(_training_env(settings, facts)),
        SAGEMAKER_JOB_NAME=str(settings.platform.get("sagemaker_job_name") or os.environ.get("TRAINING_JOB_NAME", "")),
        SAGEMAKER_REGION=str(settings.platform.get("sagemaker_region") or os.environ.get("AWS_REGION", "")),
        CURRENT_HOST=settings.current_host,
    )
    if os.environ.get("SAGEBRUSH_FRAMEWORK") in ("PyTorch", "Hugging Face"):
        variables.update(_torch_variables(settings))
    for channel in settings.input_data:
        variables["SM_CHANNEL_" + channel.upper()] = os.path.join(places.INPUT_DATA, channel)
    for name, value in settings.hyperparameters.items():
        variables["SM_HP_" + name.upper()] = compact(value)
    return variables


def _torch_variables(settings):
    """What scripts find that make their process group by themselves, without a launcher."""
    return {
        "MASTER_ADDR": settings.master,
        "MASTER_PORT": str(TORCH_PORT),
        "NCCL_SOCKET_IFNAME": settings.interface,
        "NCCL_IB_DISABLE": "1",
        "NCCL_DEBUG": "WARN",
    }


def _facts(settings):
    resources = settings.resources
    groups = resources.get("instance_groups") or []
    group = settings.group
    by_name = {each.get("instance_group_name"): each for each in groups}
    program = settings.program or ""
    facts = {
        "model_dir": places.MODEL,
        "output_dir": places.OUTPUT,
        "output_data_dir": places.OUTPUT_DATA,
        "output_intermediate_dir": places.OUTPUT_INTERMEDIATE,
        "input_dir": places.INPUT,
        "input_config_dir": places.INPUT_CONFIG,
        "user_entry_point": program,
        "module_name": program[: -len(".py")] if program.endswith(".py") else program,
        "module_dir": settings.submit_directory,
        "framework_module": settings.training_module or "",
        "hosts": settings.hosts,
        "current_host": settings.current_host,
        "current_instance_type": resources.get("current_instance_type"),
        "current_instance_group": group,
        "current_instance_group_hosts": by_name.get(group, {}).get("hosts", settings.hosts),
        "instance_groups": [each.get("instance_group_name") for each in groups],
        "instance_groups_dict": by_name,
        "distribution_instance_groups": settings.distribution_groups,
        "is_hetero": len(groups) > 1,
        "network_interface_name": settings.interface,
        "num_cpus": processors(),
        "num_gpus": gpus(),
        "num_neurons": 0,
        "resource_config": resources,
        "input_data_config": settings.input_data,
        "log_level": settings.log_level,
    }
    if resources.get("topology"):
        facts["topology"] = resources["topology"]
    return facts


def _training_env(settings, facts):
    everything = dict(facts)
    everything.update(
        additional_framework_parameters=settings.framework,
        channel_input_dirs={name: os.path.join(places.INPUT_DATA, name) for name in settings.input_data},
        distribution_hosts=settings.distribution_hosts,
        hyperparameters=settings.hyperparameters,
        is_master=settings.current_host == settings.master,
        job_name=settings.platform.get("sagemaker_job_name") or os.environ.get("TRAINING_JOB_NAME"),
        master_hostname=settings.master,
    )
    return everything


def processors():
    """Cores that this run may use: of the platform, which knows the limit, else of the system."""
    given = os.environ.get("SAGEBRUSH_CPUS")
    if given:
        return max(1, int(float(given)))
    return multiprocessing.cpu_count()


_gpu_count = None


def gpus():
    global _gpu_count
    if _gpu_count is None:
        # Where programs see more devices than the run has, this says which are its own.
        chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
        if chosen is not None:
            _gpu_count = len([name for name in chosen.split(",") if name.strip()])
            return _gpu_count
        try:
            listed = subprocess.check_output(["nvidia-smi", "--list-gpus"], stderr=subprocess.DEVNULL)
            _gpu_count = sum(1 for line in listed.decode().splitlines() if line.startswith("GPU "))
        except (OSError, subprocess.CalledProcessError):
            _gpu_count = 0
    return _gpu_count
