"""Where things are. Inside a sandbox that is /opt/ml; a run without one is told another root."""

import os

ROOT = os.environ.get("SAGEBRUSH_ML_ROOT", "/opt/ml")

INPUT = os.path.join(ROOT, "input")
INPUT_CONFIG = os.path.join(INPUT, "config")
INPUT_DATA = os.path.join(INPUT, "data")
MODEL = os.path.join(ROOT, "model")
CODE = os.path.join(ROOT, "code")
OUTPUT = os.path.join(ROOT, "output")
OUTPUT_DATA = os.path.join(OUTPUT, "data")
OUTPUT_INTERMEDIATE = os.path.join(OUTPUT, "intermediate")
FAILURE = os.path.join(OUTPUT, "failure")
SUCCESS = os.path.join(OUTPUT, "success")
# Packages that only the service's own images have, as far as something can stand in for them.
STAND_INS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "stand_ins")
# The platform lays the code here when it has it: a run without a network could not fetch it.
STAGED_CODE = os.path.join(ROOT, "sagebrush", "code")
# Packages of requirements.txt: an environment of the run's own over the image's, which is shared and read-only.
PACKAGES = os.path.join(ROOT, "sagebrush", "packages")


def real(path):
    """Where a path below /opt/ml really is."""
    if path == "/opt/ml" or path.startswith("/opt/ml/"):
        return ROOT + path[len("/opt/ml") :]
    return path
