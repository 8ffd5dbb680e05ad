"""A ring all-reduce over MPI, as its users write it."""

import argparse
import socket

import numpy
from mpi4py import MPI

arguments = argparse.ArgumentParser()
arguments.add_argument("--failing-rank", type=int, default=-1)
arguments = arguments.parse_args()

world = MPI.COMM_WORLD
if world.rank == arguments.failing_rank:
    raise ValueError("rank %d on %s is ill" % (world.rank, socket.gethostname()))
passing = numpy.full(100_000, float(world.rank + 1))
total = passing.copy()
for _ in range(world.size - 1):
    received = numpy.empty_like(passing)
    world.Sendrecv(passing, dest=(world.rank + 1) % world.size, recvbuf=received, source=(world.rank - 1) % world.size)
    total += received
    passing = received
assert (total == world.allreduce(world.rank + 1)).all()
print("rank %d of %d on %s: sum=%d;" % (world.rank, world.size, socket.gethostname(), total[0]), flush=True)
