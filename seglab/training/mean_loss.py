"""The mean of a loss over an epoch: of all processes, and of both parts where the epoch was interrupted."""

from collections.abc import Callable, Sequence

import seglab.lean_imports  # noqa: F401

import torch
from torch import Tensor
from torchmetrics import Metric


class MeanLoss(Metric):
    """The weighted mean of scalar losses over batches and processes; never waits for the device."""

    full_state_update = False
    total: Tensor
    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("weight", torch.zeros(()), dist_reduce_fx="sum")

    def update(self, loss: Tensor, weight: Tensor | float = 1.0) -> None:
        self.total += loss.float() * weight
        self.weight += weight

    def compute(self) -> Tensor:
        return self.total / self.weight

    def of_processes(self, all_gather: Callable[[Tensor], Tensor]) -> list[list[float]]:
        """[total, weight] of the epoch so far, of each process."""
        return all_gather(torch.stack([self.total, self.weight])).view(-1, 2).tolist()


def own_part(of_processes: Sequence[Sequence[float]], *, rank: int, of: int) -> Sequence[float]:
    """[total, weight] that one of `of` processes goes on from; where their number has changed, the first has it all."""
    if len(of_processes) == of:
        return of_processes[rank]
    return [sum(values) if rank == 0 else 0.0 for values in zip(*of_processes, strict=True)]
