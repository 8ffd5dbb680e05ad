"""Data parallel training over MPI whose gradients are summed by a ring all-reduce, as its users write it."""

import argparse
import os
import signal
import socket

import numpy
from mpi4py import MPI

arguments = argparse.ArgumentParser()
arguments.add_argument("--steps", type=int, default=100)
arguments.add_argument("--failing-rank", type=int, default=-1)
arguments.add_argument("--dying-rank", type=int, default=-1, help="one that is killed in the middle of an all-reduce")
arguments = arguments.parse_args()

world = MPI.COMM_WORLD
after, before = (world.rank + 1) % world.size, (world.rank - 1) % world.size


def exchange(sent, received):
    world.Sendrecv(sent, dest=after, recvbuf=received, source=before)


def all_reduce(values, step):
    """Sums in place: each worker completes one part while the parts go round, then the completed ones go round."""
    parts = numpy.array_split(values, world.size)
    scratch = numpy.empty_like(parts[0])
    for turn in range(world.size - 1):
        if step == 3 and world.rank == arguments.dying_rank:
            print("rank %d dies" % world.rank, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        target = parts[(world.rank - turn - 1) % world.size]
        exchange(parts[(world.rank - turn) % world.size], scratch[: len(target)])
        target += scratch[: len(target)]
    for turn in range(world.size - 1):
        exchange(parts[(world.rank - turn + 1) % world.size], parts[(world.rank - turn) % world.size])


chance = numpy.random.default_rng(1)
x = chance.normal(size=(2000, 30))
y = numpy.sin(x @ chance.normal(size=30)) + 0.1 * chance.normal(size=2000)
mine = slice(world.rank, None, world.size)
weights = numpy.zeros(31)
for step in range(arguments.steps):
    if step == 3 and world.rank == arguments.failing_rank:
        raise ValueError("rank %d on %s is ill" % (world.rank, socket.gethostname()))
    error = x[mine] @ weights[:30] + weights[30] - y[mine]
    sums = numpy.concatenate([error @ x[mine], [error.sum(), error @ error]])
    everybody = world.allreduce(sums[-1]) if step == 0 else None
    all_reduce(sums, step)
    assert everybody is None or numpy.isclose(sums[-1], everybody)
    weights -= 0.5 * sums[:31] / len(x)
print("rank %d of %d on %s: loss=%.6f;" % (world.rank, world.size, socket.gethostname(), sums[-1] / len(x)), flush=True)
