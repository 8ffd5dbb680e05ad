"""Data parallel training with Horovod and PyTorch, as its users write it."""

import argparse
import os

import horovod.torch as hvd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

arguments = argparse.ArgumentParser()
arguments.add_argument("--epochs", type=int, default=1)
arguments.add_argument("--batch-size", type=int, default=64, help="over all workers")
arguments = arguments.parse_args()

hvd.init()
torch.manual_seed(1)
x = torch.randn(2048, 16)
y = torch.sin(x @ torch.randn(16, 1)) + 0.1 * torch.randn(2048, 1)
data = TensorDataset(x, y)
sampler = DistributedSampler(data, num_replicas=hvd.size(), rank=hvd.rank(), shuffle=True, seed=1)
loader = DataLoader(data, batch_size=arguments.batch_size // hvd.size(), sampler=sampler)

model = nn.Sequential(nn.Linear(16, 64), nn.Tanh(), nn.Linear(64, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
optimizer = hvd.DistributedOptimizer(optimizer, named_parameters=model.named_parameters())
hvd.broadcast_parameters(model.state_dict(), root_rank=0)
hvd.broadcast_optimizer_state(optimizer, root_rank=0)
for epoch in range(arguments.epochs):
    sampler.set_epoch(epoch)
    for inputs, labels in loader:
        optimizer.zero_grad()
        nn.functional.mse_loss(model(inputs), labels).backward()
        optimizer.step()
with torch.no_grad():
    loss = nn.functional.mse_loss(model(x), y).item()
place = (hvd.rank(), hvd.size(), os.environ["SM_CURRENT_HOST"])
print("rank %d of %d on %s: loss=%.6f;" % (*place, loss), flush=True)
if hvd.rank() == 0:
    torch.save(model.state_dict(), os.path.join(os.environ["SM_MODEL_DIR"], "model.pt"))
