"""PyTorch's DistributedDataParallel with the library's arguments."""

import torch.nn.parallel as _parallel


class DistributedDataParallel(_parallel.DistributedDataParallel):
    """A model on the CPU knows no devices by number: they are left out for it."""

    def __init__(self, module, device_ids=None, output_device=None, broadcast_buffers=True, process_group=None, **more):
        if not any(parameter.is_cuda for parameter in module.parameters()):
            device_ids = output_device = None
        # Where a bucket's limit lies is the library's to choose when it is not given.
        more = {name: value for name, value in more.items() if value is not None}
        super().__init__(module, device_ids, output_device, 0, broadcast_buffers, process_group, **more)
