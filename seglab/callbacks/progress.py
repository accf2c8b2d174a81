"""One line for each epoch, and on a terminal one line that moves. No step waits for the device to print."""

import math
import sys
import time
from typing import Any, Literal

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar

from seglab.batch import Batch

_SHORTEST_PAUSE = 0.5  # seconds between two refreshes of the moving line
_CLEAR_LINE = "\r\x1b[K"


class QuietProgress(ProgressBar):
    """Prints `epoch  3/8   train/loss 0.532   val/miou 42.3 % *best   12.4 s  (34 img/s)` after each epoch.

    The seconds include the validation; images per second are those of the training alone, of all processes together.

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
        self._ended: tuple[str, str] | None = None  # title and speed of an epoch whose line is still to be printed
        self._epoch_began = self._validation_began = self._refreshed = 0.0
        self._validation_seconds = 0.0
        self._images = self._steps = 0

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
        self._begin_epoch()  # a run that is continued in the middle of an epoch does not start the epoch again

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._print_epoch(trainer)
        self._begin_epoch()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        self._images += batch["image"].shape[0] * trainer.world_size
        self._steps += 1
        if self._may_refresh():
            seconds = time.monotonic() - self._epoch_began - self._validation_seconds
            done, total = batch_idx + 1, self.total_train_batches
            left = (total - done) * seconds / self._steps
            rate = self._images / seconds
            self._show(f"{_epoch(trainer)}   step {done}/{total}   {rate:.0f} img/s   {left:.0f} s left in the epoch")

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._validation_began = time.monotonic()

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int, *unused: int
    ) -> None:
        if self._may_refresh():
            total = sum(trainer.num_sanity_val_batches if trainer.sanity_checking else trainer.num_val_batches)
            self._show(f"{_epoch(trainer)}   validation {batch_idx + 1}/{total}")

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
        rate = self._images / max(seconds - self._validation_seconds, 1e-9)
        self._ended = (_epoch(trainer), f"{seconds:.1f} s  ({rate:.0f} img/s)")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._print_epoch(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._print_epoch(trainer)
        self._clear()

    def _print_epoch(self, trainer: Trainer) -> None:
        if self._ended is not None:
            title, speed = self._ended
            self.print("   ".join([title, *self._values(trainer), speed]), flush=True)
            self._ended = None

    def _begin_epoch(self) -> None:
        self._epoch_began = time.monotonic()
        self._validation_seconds = 0.0
        self._images = self._steps = 0
        self._validated = False

    def _values(self, trainer: Trainer) -> list[str]:
        """The metrics of this epoch; those of a validation only if there was one."""
        shown = []
        for name in self.metrics:
            if name in trainer.callback_metrics and (self._validated or not name.startswith("val/")):
                value = float(trainer.callback_metrics[name])
                text = f"{name} {value:.3f}" if name.endswith("loss") else f"{name} {100 * value:.1f} %"
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


def _epoch(trainer: Trainer) -> str:
    """'epoch  3/12', or 'epoch 3' where only the number of steps is limited."""
    epoch, total = trainer.current_epoch + 1, trainer.max_epochs
    if total is None or total < 1:
        return f"epoch {epoch}"
    return f"epoch {epoch:{len(str(total))}d}/{total}"
