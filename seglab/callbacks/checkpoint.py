"""Checkpoints that survive a kill at any moment and continue bit for bit.

Three rules make the continuation exact (each was found by killing runs; Lightning issues #19815, #18060, #19367). The
state is saved between two optimizer steps, never inside an accumulation window and never from a signal handler. The
last batch of an epoch and one before a validation are no such places; the epoch's end is. A file is renamed into its
place when all of it is on the disk; of last.ckpt the predecessor is kept as previous.ckpt until the run has finished.
"""

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import lightning
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

from seglab.errors import DiskFullError, SeglabError, is_full
from seglab.runs.files import BEST, CONFIG, LAST, PREVIOUS
from seglab.runs.partial import written_beside


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the target and renames. Lightning's own writes to $TMPDIR, which may be another disk (#20011)."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write(checkpoint, target)
        except DiskFullError:
            previous = target.with_name(PREVIOUS)
            if not previous.exists() or not target.with_name(LAST).exists():
                raise
            previous.unlink()  # last.ckpt is there
            _write(checkpoint, target)


def _write(checkpoint: Mapping[str, Any], target: Path) -> None:
    """Raises DiskFullError where there is no room; the file of before is still there then."""
    with written_beside(target) as partial:
        try:
            with open(partial, "wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
        except (OSError, RuntimeError) as error:  # torch's own error hides that of the system
            cause = next((link for link in _chain(error) if is_full(link)), None)
            if cause is None:
                raise
            written, free = partial.stat().st_size, shutil.disk_usage(target.parent).free
            raise DiskFullError(
                f"expected room for the checkpoint '{target}'; {getattr(cause, 'strerror', cause)} after "
                f"{written / 1e6:.1f} MB (free before: {(written + free) / 1e6:.1f} MB) - free some space and type the "
                "same again: the run goes on from the checkpoint before"
            ) from error
        if target.name == LAST and target.exists():
            os.replace(target, target.with_name(PREVIOUS))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


class BestCheckpoint(Checkpoint):
    """Keeps the weights of the validation with the best `monitor` in checkpoints/best.ckpt; NaN never wins.

    They are copied when the validation begins: callbacks that average weights put them in for a validation alone, and
    take them out before its scores are known.
    """

    def __init__(self, *, monitor: str, mode: Literal["min", "max"]) -> None:
        if mode not in ("min", "max"):
            raise SeglabError(
                f"callbacks.best.mode is {mode!r}; expected min or max, the direction in which {monitor} is better"
            )
        self.monitor = monitor
        self.mode = mode
        self.best: dict[str, float] = {}
        self._scored: dict[str, Any] = {}  # the module's weights in the validation that is going on

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        if batch_idx == 0 and _counts(trainer):
            weights = trainer.strategy.lightning_module_state_dict()
            self._scored = {name: tensor.clone() for name, tensor in weights.items()}

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not _counts(trainer):
            return
        value = self._monitored(trainer)
        if self._is_better(value):
            self.best = {"value": value, "epoch": _epoch(trainer), "step": trainer.global_step}
            self._save(trainer, pl_module)
        self._scored = {}

    def result(self) -> dict[str, Any]:
        """{"name", "mode", "value"} of what the best checkpoint was chosen by."""
        return {"name": self.monitor, "mode": self.mode, "value": self.best.get("value")}

    def state_dict(self) -> dict[str, Any]:
        return {"best": dict(self.best)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best = dict(state_dict["best"])

    def _save(self, trainer: Trainer, pl_module: LightningModule) -> None:
        checkpoint = {
            "epoch": _epoch(trainer),
            "global_step": trainer.global_step,
            "pytorch-lightning_version": lightning.__version__,
            "state_dict": self._scored,
        }
        pl_module.on_save_checkpoint(checkpoint)
        trainer.strategy.save_checkpoint(checkpoint, checkpoint_folder(trainer) / BEST)

    def _monitored(self, trainer: Trainer) -> float:
        if self.monitor not in trainer.callback_metrics:
            logged = ", ".join(sorted(name for name in trainer.callback_metrics if name.count("/") == 1))
            raise SeglabError(f"callbacks.best.monitor is {self.monitor!r}; expected a logged value, one of {logged}")
        return float(trainer.callback_metrics[self.monitor])

    def _is_better(self, value: float) -> bool:
        if value != value:  # NaN
            return False
        if not self.best:
            return True
        return value > self.best["value"] if self.mode == "max" else value < self.best["value"]


def _counts(trainer: Trainer) -> bool:
    """Whether a validation is one of a training's; of a network that is not trained, the only one."""
    return not trainer.sanity_checking and (trainer.state.fn == "fit" or trainer.max_epochs == 0)


def _epoch(trainer: Trainer) -> int:
    """Of the weights, counted from 0; -1 before the first."""
    return -1 if trainer.max_epochs == 0 else trainer.current_epoch


class LastCheckpoint(Checkpoint):
    """Rolls checkpoints/last.ckpt: at the end of every epoch, and between steps every so many minutes or steps."""

    def __init__(self, *, every_minutes: float | None, every_n_steps: int | None) -> None:
        self.every_minutes = every_minutes
        self.every_n_steps = every_n_steps
        self._saved_at = time.monotonic()
        self._is_run = False  # has a configuration beside, as long as nobody deletes it

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._saved_at = time.monotonic()
        self._is_run = _configuration(trainer).exists()

    def on_train_batch_end(self, trainer: Trainer, *unused: Any) -> None:
        if self._is_due(trainer) and between_steps(trainer):
            self.save(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.save(trainer)

    def save(self, trainer: Trainer) -> None:
        if self._is_run and not _configuration(trainer).exists():
            raise SeglabError(
                f"{trainer.default_root_dir} was deleted or moved while the run wrote into it; expected its "
                f"{CONFIG} - start it again, or continue what was moved with resume=FOLDER"
            )
        trainer.save_checkpoint(checkpoint_folder(trainer) / LAST, weights_only=False)
        self._saved_at = time.monotonic()

    def _is_due(self, trainer: Trainer) -> bool:
        if self.every_n_steps is not None and trainer.global_step % self.every_n_steps == 0:
            return True
        if self.every_minutes is None or trainer.world_size > 1:  # the clocks of two processes would disagree
            return False
        return time.monotonic() - self._saved_at > 60 * self.every_minutes


def checkpoint_folder(trainer: Trainer) -> Path:
    return Path(trainer.default_root_dir) / "checkpoints"


def _configuration(trainer: Trainer) -> Path:
    return Path(trainer.default_root_dir) / CONFIG


def between_steps(trainer: Trainer) -> bool:
    """Whether the state, right after a batch, can be continued from exactly."""
    progress = trainer.fit_loop.epoch_loop.batch_progress
    window_closed = progress.current.ready % trainer.accumulate_grad_batches == 0
    counted = progress.total.ready if trainer.check_val_every_n_epoch is None else progress.current.ready
    # Lightning validates right after this hook, and would not when it continues from here
    validation_follows = trainer.val_check_batch is not None and counted % trainer.val_check_batch == 0
    return window_closed and not validation_follows and not trainer.is_last_batch
