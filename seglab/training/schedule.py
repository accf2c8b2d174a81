"""Learning-rate schedules: called with the optimizer and the number of steps, they return what Lightning wants."""

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Protocol

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from seglab.errors import SeglabError

LRSchedulerConfig = dict[str, Any]  # Lightning's own: {"scheduler", "interval", "monitor"}


class Schedule(Protocol):
    def __call__(self, optimizer: Optimizer, *, total_steps: int) -> LRSchedulerConfig | None: ...


class Constant:
    """The learning rate of the optimizer, unchanged."""

    def __call__(self, optimizer: Optimizer, *, total_steps: int) -> LRSchedulerConfig | None:
        return None


class _Warmup(NamedTuple):
    """A linear rise of the rate from `start` at step 0 to all of it at step `steps`."""

    steps: int
    start: float

    def then(self, decay: Callable[[float], float], optimizer: Optimizer, *, total_steps: int) -> LRSchedulerConfig:
        """With, behind the rise, `decay` of the part of the remaining steps that is done, from 0 to 1."""
        if self.steps >= total_steps:
            raise SeglabError(
                f"scheduler.warmup_steps is {self.steps}; expected fewer than the {total_steps} steps of this training "
                "- lower it, or train for longer (trainer.max_epochs)"
            )

        def factor(step: int) -> float:
            if step < self.steps:
                return self.start + (1 - self.start) * step / self.steps
            return decay(min((step - self.steps) / (total_steps - self.steps), 1.0))

        return {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}


class Poly:
    """lr * (lowest + (1 - lowest) * (1 - t / T) ** power), t counted from the end of the warm-up.

    DeepLab, arXiv 1606.00915, with `lowest` 0; mmsegmentation's PolyLR with its eta_min as a share of lr.
    """

    def __init__(self, *, power: float, warmup_steps: int, warmup_start: float, lowest: float = 0.0) -> None:
        self.power = power
        self.lowest = lowest
        self._warmup = _Warmup(warmup_steps, warmup_start)

    def __call__(self, optimizer: Optimizer, *, total_steps: int) -> LRSchedulerConfig:
        return self._warmup.then(self._decay, optimizer, total_steps=total_steps)

    def _decay(self, progress: float) -> float:
        return self.lowest + (1 - self.lowest) * (1 - progress) ** self.power


class Cosine:
    """Half a cosine from lr to `final` * lr (SGDR without restarts, arXiv 1608.03983)."""

    def __init__(self, *, final: float, warmup_steps: int, warmup_start: float) -> None:
        self.final = final
        self._warmup = _Warmup(warmup_steps, warmup_start)

    def __call__(self, optimizer: Optimizer, *, total_steps: int) -> LRSchedulerConfig:
        return self._warmup.then(self._decay, optimizer, total_steps=total_steps)

    def _decay(self, progress: float) -> float:
        return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * progress))


class Plateau:
    """lr * factor whenever `monitor` has not improved for `patience` validations."""

    def __init__(self, *, monitor: str, mode: Literal["min", "max"], factor: float, patience: int) -> None:
        self.monitor = monitor
        self.mode = mode
        self.factor = factor
        self.patience = patience

    def __call__(self, optimizer: Optimizer, *, total_steps: int) -> LRSchedulerConfig:
        scheduler = ReduceLROnPlateau(optimizer, mode=self.mode, factor=self.factor, patience=self.patience)
        return {"scheduler": scheduler, "interval": "epoch", "monitor": self.monitor}
