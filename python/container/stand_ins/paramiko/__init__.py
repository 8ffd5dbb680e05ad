"""Stands in for the SSH library in the SDK's MPI driver alone, which asks it whether the other hosts listen.

Other programs get their own paramiko, or the error that there is none, as if this were not here.
"""

import importlib.machinery
import importlib.util
import os
import sys

_here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _is_for_driver():
    return os.path.basename(sys.argv[0]) == "mpi_driver.py"


def _become_real():
    paths = [path for path in sys.path if os.path.abspath(path) != _here]
    spec = importlib.machinery.PathFinder.find_spec(__name__, paths)
    if spec is None:
        raise ModuleNotFoundError("No module named %r" % __name__, name=__name__)
    module = importlib.util.module_from_spec(spec)
    sys.modules[__name__] = module
    spec.loader.exec_module(module)


if _is_for_driver():
    from .client import AutoAddPolicy, MissingHostKeyPolicy, SSHClient, SSHException

    __all__ = ["AutoAddPolicy", "MissingHostKeyPolicy", "SSHClient", "SSHException"]
else:
    _become_real()
