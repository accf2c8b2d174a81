"""One line for each epoch, and on a terminal one line that moves. No step waits for the device to print."""

import logging
import math
import sys
import time
from typing import Any, Literal

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar

from seglab.batch import Batch
from seglab.display.numbers import duration
from seglab.runs.files import RUN_LOG

log = logging.getLogger(RUN_LOG)

_SHORTEST_PAUSE = 0.5  # seconds between two refreshes of the moving line
_CLEAR_LINE = "\r\x1b[K"


class QuietProgress(ProgressBar):
    """Prints `epoch  3/8  train/loss 0.532  val/loss 0.571  val/miou 42.3 % *best  12.4 s` after each epoch.

    No wider than 80 columns, and in run.log as well. The seconds include the validation. The moving line has the images
    per second of the training alone, of all processes together, and the time left of the whole run.

    Args:
        metrics: logged names to show; a name that ends in "loss" is shown as a number, any other in percent.
        monitor: the one that is shown as well, and marked when it is the best so far.
        mode: in which direction `monitor` is better.
    """

    def __init__(
        self,
        *,
        metrics: tuple[str, ...] | list[str] = ("train/loss", "val/loss", "val/miou"),
        monitor: str = "val/miou",
        mode: Literal["min", "max"] = "max",
    ) -> None:
        super().__init__()
        self.metrics = (*metrics, *([] if monitor in metrics else [monitor]))
        self.monitor = monitor
        self.mode = mode
        self.best: float | None = None
        self._enabled = True
        self._is_best = False
        self._validated = False
        self._ended: tuple[str, str] | None = None  # title and time of an epoch whose line is still to be printed
        self._began = self._epoch_began = self._validation_began = self._refreshed = 0.0
        self._validation_seconds = 0.0
        self._images = 0
        self._batches = 0  # since this process began to train

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def print(self, *args: Any, **kwargs: Any) -> None:
        """Prints beside the moving line, as `self.print` of a LightningModule does."""
        if self._enabled:
            self._clear()
            print(*args, **kwargs)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best = state_dict["best"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._began, self._batches = time.monotonic(), 0
        self._begin_epoch()  # a run that is continued in the middle of an epoch does not start the epoch again

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._print_epoch(trainer)
        self._begin_epoch()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        self._images += batch["image"].shape[0] * trainer.world_size
        self._batches += 1
        if self._may_refresh():
            seconds = time.monotonic() - self._epoch_began - self._validation_seconds
            done, total = batch_idx + 1, self.total_train_batches
            left = _batches_left(trainer, done=done, total=total)
            pace = (time.monotonic() - self._began) / self._batches  # with the validations so far
            rest = [] if left is None else [f"{duration(left * pace)} left"]
            self._show(
                "  ".join([_epoch(trainer), f"step {done}/{total}", f"{self._images / seconds:.0f} img/s", *rest])
            )

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._validation_began = time.monotonic()

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int, *unused: int
    ) -> None:
        if self._may_refresh():
            total = sum(trainer.num_sanity_val_batches if trainer.sanity_checking else trainer.num_val_batches)
            self._show(f"{_epoch(trainer)}  validation {batch_idx + 1}/{total}")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._validation_seconds += time.monotonic() - self._validation_began
        if trainer.sanity_checking:
            return
        self._validated = True
        value = float(trainer.callback_metrics.get(self.monitor, math.nan))
        self._is_best = not math.isnan(value) and (
            self.best is None or (value > self.best if self.mode == "max" else value < self.best)
        )
        if self._is_best:
            self.best = value

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Printed later: Lightning calls this before the module's own hook, which logs the epoch's training loss.
        seconds = time.monotonic() - self._epoch_began
        self._ended = (_epoch(trainer), f"{seconds:.{int(seconds < 1000)}f} s")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._print_epoch(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._print_epoch(trainer)
        self._clear()

    def _print_epoch(self, trainer: Trainer) -> None:
        if self._ended is not None and self._enabled:
            title, seconds = self._ended
            line = "  ".join([title, *self._values(trainer), seconds])
            self.print(line, flush=True)
            log.info(line)
        self._ended = None

    def _begin_epoch(self) -> None:
        self._epoch_began = time.monotonic()
        self._validation_seconds = 0.0
        self._images = 0
        self._validated = False

    def _values(self, trainer: Trainer) -> list[str]:
        """The metrics of this epoch; those of a validation only if there was one."""
        shown = []
        for name in self.metrics:
            if name in trainer.callback_metrics and (self._validated or not name.startswith("val/")):
                value = float(trainer.callback_metrics[name])
                digits = ".3f" if abs(value) < 10 else ".4g"
                text = f"{name} {value:{digits}}" if name.endswith("loss") else f"{name} {100 * value:.1f} %"
                shown.append(text + (" *best" if name == self.monitor and self._is_best else ""))
        return shown

    def _may_refresh(self) -> bool:
        return self._enabled and time.monotonic() - self._refreshed >= _SHORTEST_PAUSE and sys.stdout.isatty()

    def _show(self, line: str) -> None:
        self._refreshed = time.monotonic()
        sys.stdout.write(_CLEAR_LINE + line)
        sys.stdout.flush()

    def _clear(self) -> None:
        if self._enabled and sys.stdout.isatty():
            sys.stdout.write(_CLEAR_LINE)
            sys.stdout.flush()


def _batches_left(trainer: Trainer, *, done: int, total: float) -> float | None:
    """Training batches to the end of the run, after `done` of the `total` of this epoch; None where it has no end."""
    limits = []
    if trainer.max_epochs is not None and trainer.max_epochs > 0 and math.isfinite(total):
        limits.append((trainer.max_epochs - trainer.current_epoch) * total - done)
    if trainer.max_steps > 0:
        limits.append((trainer.max_steps - trainer.global_step) * trainer.accumulate_grad_batches)
    return min(limits, default=None)


def _epoch(trainer: Trainer) -> str:
    """'epoch  3/12', or 'epoch 3' where only the number of steps is limited."""
    epoch, total = trainer.current_epoch + 1, trainer.max_epochs
    if total is None or total < 1:
        return f"epoch {epoch}"
    return f"epoch {epoch:{len(str(total))}d}/{total}"
