"""The processes of a training on several devices: when one of them is lost, the others end with one message."""

import contextlib
import os
import signal
import subprocess
import time

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from seglab import runs
from seglab.errors import SeglabError

_PATIENCE = 5.0  # seconds from the loss of a connection to the end of the process behind it
_ORDERLY = 20.0  # seconds that the others have to end by themselves after a signal


class OtherProcesses(Callback):
    """Those that Lightning has started for the further devices of this machine, seen from the first; or the first."""

    def __init__(self) -> None:
        self._started: list[subprocess.Popen[bytes]] = []
        self._parent = os.getppid()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        started: list[subprocess.Popen[bytes]] = getattr(trainer.strategy.launcher, "procs", [])
        self._started = [*started]
        # Lightning watches them in a thread that kills this process as well, before the record says how it ended.
        started.clear()

    def refuse_loss(self, error: Exception) -> None:
        """Raises SeglabError where the error is only that another process has ended. The first one still there says so.

        Raises:
            SystemExit: this is not the first process.
        """
        if not _is_loss(error):
            return
        is_first, deadline = runs.is_first_process(), time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            for number, process in enumerate(self._started, start=1):
                if process.poll():
                    raise SeglabError(_message(f"process {number}", process.returncode)) from error
            if not is_first and os.getppid() != self._parent:
                raise SeglabError(_message("the first process", None)) from error
            time.sleep(0.05)
        if not is_first:
            raise SystemExit(1)
        raise SeglabError(_message("another one", None)) from error

    def end(self, *, orderly: bool) -> None:
        """Waits for them, for a while if they are about to end by themselves."""
        deadline = time.monotonic() + (_ORDERLY if orderly else 0)
        for process in self._started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0, deadline - time.monotonic()))
            process.kill()
            process.wait()


def _is_loss(error: Exception) -> bool:
    """Whether a connection between the processes broke."""
    return isinstance(error, RuntimeError) and any(word in str(error) for word in ("gloo", "NCCL", "Connection"))


def _message(process: str, code: int | None) -> str:
    """In three parts."""
    if code is None:
        how = "has ended"
    elif code < 0:
        hint = " (out of memory?)" if code == -signal.SIGKILL else ""
        how = f"was killed by {signal.Signals(-code).name}{hint}"
    else:
        how = f"ended with exit code {code}, its own message stands above"
    return (
        f"expected all processes of the training to run until its end; {process} {how} - mend the cause and resume "
        "the run, which goes on from its last checkpoint"
    )
