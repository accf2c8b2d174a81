"""How far a run is, in a small file beside its record: for whoever watches it, and for a sweep on another machine."""

import json
import math
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from seglab import runs
from seglab.callbacks.checkpoint import BestCheckpoint

PAUSE = 10.0  # seconds between two writings; the ends of validations and epochs are written at once


class Heartbeat(Callback):
    """Writes heartbeat.json while steps are made. All of it are numbers of the host: no step waits for the device.

    Args:
        best: of the same trainer; its best value so far is written too.
    """

    def __init__(self, best: BestCheckpoint | None) -> None:
        self._best = best
        self._written = -math.inf

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._write(trainer)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._write_if_due(trainer)

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._write_if_due(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._write(trainer)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._write_if_due(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._write(trainer)

    def _write_if_due(self, trainer: Trainer) -> None:
        if time.monotonic() - self._written >= PAUSE:
            self._write(trainer)

    def _write(self, trainer: Trainer) -> None:
        if not trainer.is_global_zero or trainer.sanity_checking or trainer.state.fn != "fit":
            return
        beat = {
            "time": runs.now(),
            "epoch": trainer.current_epoch,
            "max_epochs": trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else None,
            "step": trainer.global_step,
            "total_steps": _total_steps(trainer),
            "best": self._best.result()["value"] if self._best else None,
        }
        folder = Path(trainer.default_root_dir)
        with suppress(OSError):  # what only informs must not end a run
            folder.mkdir(parents=True, exist_ok=True)
            runs.write_quickly(folder / runs.HEARTBEAT, json.dumps(beat) + "\n")
        self._written = time.monotonic()


def _total_steps(trainer: Trainer) -> int | None:
    """Optimizer steps of the whole run; None where neither steps nor epochs are limited.

    Lightning's `estimated_stepping_batches` would set the loader up anew.
    """
    limits = [trainer.max_steps] if trainer.max_steps > 0 else []
    if trainer.max_epochs and trainer.max_epochs > 0 and math.isfinite(trainer.num_training_batches):
        limits.append(trainer.max_epochs * math.ceil(trainer.num_training_batches / trainer.accumulate_grad_batches))
    return min(limits, default=None)
