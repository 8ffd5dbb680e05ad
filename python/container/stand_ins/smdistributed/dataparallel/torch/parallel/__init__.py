"""Models whose gradients are averaged over all workers."""

from .distributed import DistributedDataParallel

__all__ = ["DistributedDataParallel"]
