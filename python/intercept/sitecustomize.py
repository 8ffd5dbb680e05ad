"""Sends the AWS addresses that a program builds itself to AWS_ENDPOINT_URL.

botocore honours AWS_ENDPOINT_URL for every client that is made without an address. The SageMaker Python SDKs make
their STS client with an explicit https://sts.REGION.amazonaws.com, which wins over the variable, so that
`default_bucket()` and `get_execution_role()` would leave for the real AWS. With this folder first on PYTHONPATH
(`sagebrush env --intercept`), Python loads this file at start, and any botocore client that is told an address of
amazonaws.com gets AWS_ENDPOINT_URL instead. Programs need no change, no certificate and no proxy.

Nothing is done without AWS_ENDPOINT_URL. Another sitecustomize further down the path still runs.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys

_TARGET = "botocore.client"

# Domains of AWS's own endpoints, in all partitions.
_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws", ".c2s.ic.gov", ".sc2s.sgov.gov")


def _is_aws(url):
    from urllib.parse import urlsplit

    host = (urlsplit(url).hostname or "").lower()
    return host.endswith(_DOMAINS)


def _patch(module):
    creator = module.ClientCreator
    original = creator.create_client

    def create_client(self, *args, **kwargs):
        ours = os.environ.get("AWS_ENDPOINT_URL")
        url = kwargs.get("endpoint_url")
        if ours and isinstance(url, str) and _is_aws(url):
            kwargs["endpoint_url"] = ours
        return original(self, *args, **kwargs)

    creator.create_client = create_client


class _Loader(importlib.abc.Loader):
    """Runs the module's own loader, then the patch."""

    def __init__(self, inner):
        self._inner = inner

    def create_module(self, spec):
        return self._inner.create_module(spec)

    def exec_module(self, module):
        self._inner.exec_module(module)
        _patch(module)


class _Finder(importlib.abc.MetaPathFinder):
    """Waits for botocore.client, so that a program without botocore pays nothing."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname != _TARGET:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


def _run_next_sitecustomize():
    """Python runs the first sitecustomize that it finds; the environment's own must not be lost."""
    here = os.path.dirname(os.path.abspath(__file__))
    others = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


if os.environ.get("AWS_ENDPOINT_URL"):
    if _TARGET in sys.modules:
        _patch(sys.modules[_TARGET])
    else:
        sys.meta_path.insert(0, _Finder())

_run_next_sitecustomize()
