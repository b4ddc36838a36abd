"""Several processes that train one model, each on its own batches: started by `torchrun`."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, distributed


@dataclass(frozen=True)
class Group:
    """The processes of a run, which average their gradients.

    Attributes:
        rank: Number of this one; the first writes, logs and validates.
        size: How many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    def average_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Replace every gradient by the mean over all processes."""
        if self.size == 1:
            return
        # Heads that no example of a process was for have no gradient there.
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        means = torch.split(flat / self.size, [p.numel() for p in parameters])
        for parameter, mean in zip(parameters, means, strict=True):
            parameter.grad = mean.view_as(parameter)

    def total(self, value: float, device: torch.device) -> float:
        """Add a number up over all processes."""
        if self.size == 1:
            return value
        number = torch.tensor(value, dtype=torch.float64, device=device)
        distributed.all_reduce(number)
        return float(number)

    def told_by_first(self, values: Sequence[float], device: torch.device) -> list[float]:
        """Take over the first process's numbers: its clock decides when a run ends."""
        if self.size == 1:
            return list(values)
        numbers = torch.tensor(values, dtype=torch.float64, device=device)
        distributed.broadcast(numbers, 0)
        found: list[float] = numbers.tolist()
        return found

    def close(self) -> None:
        """Leave the group."""
        if self.size > 1:
            distributed.destroy_process_group()


def open_group(device: torch.device) -> tuple[Group, torch.device]:
    """Join the processes that `torchrun` started, if it did.

    Args:
        device: "cuda" becomes this process's own GPU.

    Returns:
        The group, and the device of this process.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return Group(), device
    rank = int(os.environ["RANK"])
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Group(rank, size), device
