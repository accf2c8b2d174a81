"""Learning-rate schedules: called with the optimizer and the number of steps, they return what Lightning wants."""

import math
from typing import Any, Literal, Protocol

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


class Poly:
    """lr * (1 - t / T) ** power, t counted from the end of the warm-up (DeepLab, arXiv 1606.00915)."""

    def __init__(self, *, power: float, warmup_steps: int, warmup_start: float) -> None:
        self.power = power
        self.warmup_steps = warmup_steps
        self.warmup_start = warmup_start

    def __call__(self, optimizer: Optimizer, *, total_steps: int) -> LRSchedulerConfig:
        _check_warmup(self.warmup_steps, total_steps)

        def factor(step: int) -> float:
            if step < self.warmup_steps:
                return _warmup(step, steps=self.warmup_steps, start=self.warmup_start)
            progress = (step - self.warmup_steps) / (total_steps - self.warmup_steps)
            return (1 - min(progress, 1.0)) ** self.power

        return {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}


class Cosine:
    """Half a cosine from lr to `final` * lr (SGDR without restarts, arXiv 1608.03983)."""

    def __init__(self, *, final: float, warmup_steps: int, warmup_start: float) -> None:
        self.final = final
        self.warmup_steps = warmup_steps
        self.warmup_start = warmup_start

    def __call__(self, optimizer: Optimizer, *, total_steps: int) -> LRSchedulerConfig:
        _check_warmup(self.warmup_steps, total_steps)

        def factor(step: int) -> float:
            if step < self.warmup_steps:
                return _warmup(step, steps=self.warmup_steps, start=self.warmup_start)
            progress = min((step - self.warmup_steps) / (total_steps - self.warmup_steps), 1.0)
            return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * progress))

        return {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}


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


def _warmup(step: int, *, steps: int, start: float) -> float:
    """Rises linearly from `start` at step 0 to 1 at step `steps`."""
    return start + (1 - start) * step / steps


def _check_warmup(warmup_steps: int, total_steps: int) -> None:
    if warmup_steps >= total_steps:
        raise SeglabError(
            f"scheduler.warmup_steps is {warmup_steps}; expected fewer than the {total_steps} steps of this training - "
            "lower it, or train for longer (trainer.max_epochs)"
        )
