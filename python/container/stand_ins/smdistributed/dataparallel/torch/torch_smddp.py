"""Registers the backend `smddp`: NCCL where there are GPUs, gloo where there are none."""

import inspect
import os
import sys

import torch
import torch.distributed as _distributed

_host_backend = "nccl" if torch.cuda.is_available() else "gloo"


def _process_group(store, rank, size, timeout):
    if _host_backend == "nccl":
        options = _distributed.ProcessGroupNCCL.Options()
        options._timeout = timeout
        return _distributed.ProcessGroupNCCL(store, rank, size, options)
    return _distributed.ProcessGroupGloo(store, rank, size, timeout=timeout)


def _register():
    register = _distributed.Backend.register_backend
    devices = {"devices": ["cuda" if _host_backend == "nccl" else "cpu"]}
    known = inspect.signature(register).parameters
    register("smddp", _process_group, **(devices if "devices" in known else {}))


if not hasattr(_distributed.Backend, "SMDDP"):
    _register()
    # Hugging Face's Trainer asks for it.
    os.environ.setdefault("SMDATAPARALLEL_LOCAL_RANK", os.environ.get("LOCAL_RANK", "0"))
    if os.environ.get("RANK", "0") == "0":
        sys.stdout.write("[sagebrush] smdistributed is Amazon's own: the backend smddp is %s here.\n" % _host_backend)
        sys.stdout.flush()
