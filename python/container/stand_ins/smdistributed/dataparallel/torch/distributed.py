"""The library's older interface: torch.distributed with the backend chosen, and places within a host."""

import os

import torch.distributed as _distributed
from torch.distributed import (
    ReduceOp,
    all_gather,
    all_reduce,
    barrier,
    broadcast,
    get_backend,
    get_rank,
    get_world_size,
    is_available,
    is_initialized,
    new_group,
    reduce,
)

from . import torch_smddp

__all__ = [
    "ReduceOp",
    "all_gather",
    "all_reduce",
    "barrier",
    "broadcast",
    "get_backend",
    "get_local_rank",
    "get_local_size",
    "get_rank",
    "get_world_size",
    "init_process_group",
    "is_available",
    "is_initialized",
    "new_group",
    "reduce",
    "torch_smddp",
]


def init_process_group(*_arguments, **_named):
    """Whatever backend the script names, it is the library's."""
    if not is_initialized():
        _distributed.init_process_group("smddp")


def get_local_rank():
    return int(os.environ.get("LOCAL_RANK", "0"))


def get_local_size():
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
