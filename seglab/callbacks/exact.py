"""What makes an interrupted and continued run equal to a straight one, and how it is interrupted."""

import logging
import signal
import threading
from types import FrameType
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks.early_stopping import EarlyStoppingReason

from seglab import runs
from seglab.callbacks.agreement import Agreement
from seglab.callbacks.checkpoint import LastCheckpoint, between_steps
from seglab.data.sampler import mix
from seglab.errors import Interrupted

log = logging.getLogger("seglab")


class StepSeed(Callback):
    """Seeds torch before every step from (seed, step, rank): dropout needs no state in a checkpoint."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: Trainer, *unused: Any) -> None:
        step = trainer.fit_loop.epoch_loop.batch_progress.total.ready
        seed = mix(self.seed, "step", step, trainer.global_rank)
        # torch.manual_seed takes 0.3 ms more: it formats a stack trace for each kind of device that nobody uses.
        is_on_cpu = trainer.strategy.root_device.type == "cpu"
        (torch.default_generator.manual_seed if is_on_cpu else torch.manual_seed)(seed)


class LoaderPosition(Callback):
    """Puts the training loader where the checkpoint left it.

    Lightning saves the loader's position and restores it, except where the number of steps was asked for before, as
    every schedule by steps does: `estimated_stepping_batches` sets the loader up too early for that (seen in 2.6.6).
    """

    def __init__(self) -> None:
        self._saved: list[dict[str, int]] = []

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        self._saved = checkpoint["loops"]["fit_loop"]["state_dict"]["combined_loader"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._saved:
            trainer.train_dataloader.load_state_dict(self._saved[0])
            self._saved = []


class EpochEnd(Callback):
    """A training of trainer.max_steps that was saved at the end of an epoch goes on with the next one.

    Lightning (2.6.6, `FitLoop.restarting`) takes it for one inside that epoch: it would end the epoch once more,
    without a batch, and count two, so that the samples come in another order.
    """

    def __init__(self) -> None:
        self._is_over = False

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        progress = checkpoint["loops"]["fit_loop"]["epoch_progress"]
        total, current = progress["total"], progress["current"]
        ended = total["ready"] == total["started"] == total["processed"] == total["completed"] + 1
        self._is_over = ended and trainer.max_steps != -1
        if self._is_over:
            total["completed"], current["completed"] = total["processed"], current["processed"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._is_over:
            trainer.fit_loop.epoch_loop.restarting = False
            self._is_over = False


class StoppedEarly(Callback):
    """A run that was killed after early stopping had ended its training makes no further epoch."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        reasons = [callback.stopping_reason for callback in trainer.early_stopping_callbacks]
        if any(reason is not EarlyStoppingReason.NOT_STOPPED for reason in reasons):
            trainer.should_stop = True


class StopOnSignal(Callback):
    """Ctrl-C and SIGTERM end the run after the step they come in, with everything saved; a second one ends it at once.

    Saving inside the handler would tear the state: batch statistics have moved, the weights have not. Of a training on
    several devices all processes stop after the same step, whichever of them the signal has reached.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self, last: LastCheckpoint | None) -> None:
        self.last = last
        self.received: int | None = None
        self._previous: dict[int, Any] = {}
        self._agreement: Agreement | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._agreement = Agreement() if trainer.world_size > 1 else None
        if threading.current_thread() is not threading.main_thread():
            return  # Python lets no other thread set handlers: whoever started this one hears the signal
        # Only now: Lightning, which has set its own by now, would end the run in the middle of a validation.
        self._previous = {number: signal.signal(number, self._on_signal) for number in self.SIGNALS}

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        for number, handler in self._previous.items():
            # Lightning has taken its own back by now: put there again, it would hold this trainer and its network.
            if signal.getsignal(number) == self._on_signal:
                signal.signal(number, handler)
        self._previous = {}
        self._agreement = None

    def on_train_batch_end(self, trainer: Trainer, *unused: Any) -> None:
        received = self._received_by_any()
        if received and between_steps(trainer):
            if self.last is not None:
                self.last.save(trainer)
            raise Interrupted(received)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Not at the end of the epoch before: Lightning logs that epoch's means only after its last hook.
        self._received_by_any()
        if received := self._received_by_any():  # the second answer is to what has come since the last step
            raise Interrupted(received)

    def _received_by_any(self) -> int:
        received = self.received or 0
        return received if self._agreement is None else self._agreement.exchange(received)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number
        if runs.is_first_process():
            log.warning("%s: stopping after this step (once more to stop at once)", signal.Signals(number).name)
