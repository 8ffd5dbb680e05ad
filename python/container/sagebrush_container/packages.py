"""Installs what the user's code asks for, over the image's packages."""

import os
import subprocess
import sys

from . import places
from .failures import command_failed
from .processes import run

_PIP = ["-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--progress-bar", "off"]


def install(code, is_package):
    """Installs requirements.txt and, for a package, the code itself. Returns the Python that sees all of it."""
    requirements = os.path.join(code, "requirements.txt")
    words = []
    if is_package:
        # Without isolation a plain setup.py needs no network for setuptools, which the image has.
        words += (["--no-build-isolation"] if not os.path.exists(os.path.join(code, "pyproject.toml")) else []) + ["."]
    if os.path.exists(requirements):
        words += ["-r", "requirements.txt"]
    if not words:
        return sys.executable
    python = _own_environment()
    command = [python] + _PIP + words
    code_of_pip, errors = run(command, cwd=code, env=dict(os.environ, PYTHONNOUSERSITE="1"))
    if code_of_pip != 0:
        raise command_failed("InstallRequirementsError", code_of_pip, errors, command)
    return python


def _own_environment():
    """An environment without packages that sees the image's: it may be changed, the image's is shared."""
    python = os.path.join(places.PACKAGES, "bin", "python")
    if os.path.exists(python):
        return python
    subprocess.check_call([sys.executable, "-m", "venv", "--without-pip", places.PACKAGES])
    own = subprocess.check_output([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
    inherited = [path for path in sys.path if os.path.basename(path) in ("site-packages", "dist-packages")]
    # A .pth file is read after the folder it lies in: what is installed here comes before what is inherited.
    with open(os.path.join(own.decode().strip(), "image.pth"), "w", encoding="utf-8") as file:
        file.write("\n".join(inherited) + "\n")
    return python
