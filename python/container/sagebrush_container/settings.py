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
    def rank(self):
        return self.hosts.index(self.current_host)

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
