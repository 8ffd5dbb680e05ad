"""The platform's configuration files, and what of the hyperparameters is the user's."""

import json
import os

from . import places

# Never an argument of the script.
_PLATFORM = (
    "sagemaker_program",
    "sagemaker_submit_directory",
    "sagemaker_region",
    "sagemaker_job_name",
    "sagemaker_container_log_level",
    "sagemaker_enable_cloudwatch_metrics",
    "sagemaker_s3_output",
    "default_user_module_name",
    "_tuning_objective_metric",
)

# Each means a launcher, in the words of the SDK's `distribution`.
_LAUNCHERS = (
    "sagemaker_mpi_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_torch_distributed_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
)


def read(name):
    """One file of /opt/ml/input/config; an empty object when it is absent."""
    try:
        with open(os.path.join(places.INPUT_CONFIG, name), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def decode(value):
    """SDK v2 writes each hyperparameter as JSON, SDK v3 and people write plain text."""
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


class Settings:
    """Everything that a run is told."""

    def __init__(self):
        self.resources = read("resourceconfig.json")
        self.input_data = read("inputdataconfig.json")
        every = {name: decode(value) for name, value in read("hyperparameters.json").items()}
        self.platform = {name: value for name, value in every.items() if name in _PLATFORM}
        ours = {name: value for name, value in every.items() if name not in _PLATFORM}
        self.framework = {name: value for name, value in ours.items() if name.startswith("sagemaker_")}
        self.hyperparameters = {name: value for name, value in ours.items() if name not in self.framework}

    @property
    def program(self):
        return self.platform.get("sagemaker_program") or os.environ.get("SAGEMAKER_PROGRAM")

    @property
    def submit_directory(self):
        given = self.platform.get("sagemaker_submit_directory") or os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY")
        return given or places.CODE

    @property
    def training_module(self):
        """The older way to name what is run: `package.module:function`."""
        return os.environ.get("SAGEMAKER_TRAINING_MODULE")

    @property
    def log_level(self):
        return int(self.platform.get("sagemaker_container_log_level") or 20)

    @property
    def hosts(self):
        return self.resources.get("hosts") or [self.current_host]

    @property
    def current_host(self):
        return self.resources.get("current_host") or "algo-1"

    @property
    def interface(self):
        return self.resources.get("network_interface_name") or "eth0"

    @property
    def group(self):
        return self.resources.get("current_group_name") or "homogeneousCluster"

    @property
    def distribution_groups(self):
        """Groups whose hosts a launcher joins: those that `distribution` names, else each for itself."""
        named = self.framework.get("sagemaker_distribution_instance_groups")
        if named is not None:
            return named
        return [self.group] if any(self.enabled(name) for name in _LAUNCHERS) else []

    @property
    def distributes(self):
        """Whether this host is one that a launcher joins; the others run the script as it is."""
        return self.group in self.distribution_groups

    @property
    def distribution_hosts(self):
        """Hosts that a launcher joins, the leading one first."""
        groups = self.resources.get("instance_groups")
        if not groups:
            return self.hosts
        wanted = self.distribution_groups
        return [host for group in groups if group["instance_group_name"] in wanted for host in group["hosts"]]

    @property
    def master(self):
        return (self.distribution_hosts or self.hosts)[0]

    @property
    def rank(self):
        """This host's place among those that a launcher joins."""
        return self.distribution_hosts.index(self.current_host)

    def enabled(self, name):
        """Whether a launcher is asked for."""
        value = self.framework.get(name)
        return value is True or str(value).lower() == "true"

    def arguments(self):
        """Hyperparameters as the script gets them: `--key value`, in the order of the keys."""
        words = []
        for name in sorted(self.hyperparameters):
            words += ["-%s" % name if len(name) == 1 else "--%s" % name, _as_argument(self.hyperparameters[name])]
        return words


def _as_argument(value):
    if value is None:
        return ""
    if isinstance(value, dict):
        return ",".join("%s=%s" % (name, value[name]) for name in sorted(value))
    return str(value)
