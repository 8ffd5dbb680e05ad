"""Data parallel training with PyTorch's DistributedDataParallel over gloo, as its users write it for torchrun."""

import argparse
import contextlib
import os
import signal

import torch
import torch.distributed as distributed
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

arguments = argparse.ArgumentParser()
arguments.add_argument("--epochs", type=int, default=5)
arguments.add_argument("--batch-size", type=int, default=64, help="over all workers")
arguments.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
arguments.add_argument("--dying-rank", type=int, default=-1, help="a worker that is killed between two all-reduces")
arguments = arguments.parse_args()

distributed.init_process_group("gloo")
rank, size = distributed.get_rank(), distributed.get_world_size()
torch.manual_seed(1)
x = torch.randn(2048, 16)
y = torch.sin(x @ torch.randn(16, 1)) + 0.1 * torch.randn(2048, 1)
data = TensorDataset(x, y)
sampler = DistributedSampler(data, shuffle=True, seed=1)
loader = DataLoader(data, batch_size=arguments.batch_size // size, sampler=sampler)

model = DistributedDataParallel(nn.Sequential(nn.Linear(16, 64), nn.Tanh(), nn.Linear(64, 1)))
mixed = arguments.precision == "bfloat16"
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(arguments.epochs):
    sampler.set_epoch(epoch)
    for step, (inputs, labels) in enumerate(loader):
        if rank == arguments.dying_rank and step == 3:
            print("rank %d dies" % rank, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16) if mixed else contextlib.nullcontext():
            outputs = model(inputs)
        assert outputs.dtype == (torch.bfloat16 if mixed else torch.float32)
        nn.functional.mse_loss(outputs.float(), labels).backward()
        optimizer.step()
with torch.no_grad():
    loss = nn.functional.mse_loss(model.module(x), y).item()
print("rank %d of %d on %s: loss=%.6f;" % (rank, size, os.environ["SM_CURRENT_HOST"], loss), flush=True)
if rank == 0:
    torch.save(model.module.state_dict(), os.path.join(os.environ["SM_MODEL_DIR"], "model.pt"))
distributed.destroy_process_group()
