"""Data parallel training by Amazon's smdistributed, as its examples have it: its backend, or its older interface."""

import argparse
import os

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

arguments = argparse.ArgumentParser()
arguments.add_argument("--epochs", type=int, default=5)
arguments.add_argument("--batch-size", type=int, default=64, help="over all workers")
arguments.add_argument("--older", type=lambda text: text == "True", default=False)
arguments = arguments.parse_args()

if arguments.older:
    import smdistributed.dataparallel.torch.distributed as dist
    from smdistributed.dataparallel.torch.parallel.distributed import DistributedDataParallel as DDP

    dist.init_process_group()
    local_rank = dist.get_local_rank()
else:
    import smdistributed.dataparallel.torch.torch_smddp
    import torch.distributed as dist
    from torch.nn.parallel import DistributedDataParallel as DDP

    dist.init_process_group(backend="smddp")
    local_rank = int(os.environ["LOCAL_RANK"])

device = torch.device("cuda", local_rank) if torch.cuda.is_available() else torch.device("cpu")
torch.manual_seed(1)
x = torch.randn(2048, 16)
y = torch.sin(x @ torch.randn(16, 1)) + 0.1 * torch.randn(2048, 1)
data = TensorDataset(x, y)
sampler = DistributedSampler(data, num_replicas=dist.get_world_size(), rank=dist.get_rank(), shuffle=True, seed=1)
loader = DataLoader(data, batch_size=arguments.batch_size // dist.get_world_size(), sampler=sampler)

network = nn.Sequential(nn.Linear(16, 64), nn.Tanh(), nn.Linear(64, 1)).to(device)
model = DDP(network, device_ids=[local_rank]) if arguments.older or device.type == "cuda" else DDP(network)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(arguments.epochs):
    sampler.set_epoch(epoch)
    for inputs, labels in loader:
        optimizer.zero_grad()
        nn.functional.mse_loss(model(inputs.to(device)), labels.to(device)).backward()
        optimizer.step()
with torch.no_grad():
    loss = nn.functional.mse_loss(model.module(x.to(device)), y.to(device))
total = loss.clone()
dist.all_reduce(total)
assert torch.allclose(total, loss * dist.get_world_size())  # every worker has the same model
dist.barrier()
place = (dist.get_rank(), dist.get_world_size(), os.environ["SM_CURRENT_HOST"])
print("rank %d of %d on %s: loss=%.6f;" % (*place, loss.item()), flush=True)
if dist.get_rank() == 0:
    torch.save(model.module.state_dict(), os.path.join(os.environ["SM_MODEL_DIR"], "model.pt"))
