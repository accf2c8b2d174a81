"""How fast a training went, for its record."""

import time
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from seglab.batch import Batch


class Throughput(Callback):
    """Counts the images and the seconds of the training steps, waiting for batches included, validations left out.

    The first step of a process is not counted: it starts the loader, chooses algorithms and fills caches. The device is
    waited for at the end of an epoch only, and where the epoch is a single step.
    """

    def __init__(self) -> None:
        self._images, self._seconds = 0, 0.0
        self._since: float | None = None  # when the step before ended; None where something else came between
        self._is_first = True

    @property
    def images_per_second(self) -> float | None:
        """Of all processes together; None before the second step."""
        return self._images / self._seconds if self._seconds > 0 else None

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int) -> None:
        if self._since is None:
            self._since = time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        if trainer.is_last_batch and pl_module.device.type == "cuda":
            torch.cuda.synchronize(pl_module.device)
        now = time.perf_counter()
        if self._is_first:
            self._is_first = False
        elif self._since is not None:
            self._images += batch["image"].shape[0] * trainer.world_size
            self._seconds += now - self._since
        self._since = None if trainer.is_last_batch else now

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._since = None
