"""A command in a process of its own, which dies with its parent and takes nothing of it along.

Jobs on one device are forked from a server that has imported torch and Lightning once for the whole sweep, and has not
touched CUDA. Jobs on several devices are fresh processes: Lightning starts their further ranks with the command line of
the first.
"""

import contextlib
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Protocol

LIFELINE = "SEGLAB_LIFELINE"  # set where standard input is a pipe from the parent, whose end is the parent's death

# What a launcher or an earlier job may have left and a job of its own must not inherit.
_LEAKING = ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "PL_GLOBAL_SEED")

_forking = multiprocessing.get_context("forkserver")


class JobProcess(Protocol):
    def wait(self, seconds: float | None) -> int | None:
        """The exit code, negative for a signal, or None when the job still runs after `seconds`."""

    def send(self, signal_number: int) -> None: ...


def start(
    arguments: Sequence[str],
    *,
    output: Path | None,
    fork: bool,
    gpu: str | None = None,
    module: str = "seglab.train",
) -> JobProcess:
    """`python -m MODULE ARGUMENTS` with what it prints appended to the file `output`.

    Args:
        output: None leaves out what it prints; its log goes where ours does.
        fork: from the server, where there can be one; for a job on one device, with an output of its own.
        gpu: the only one that the job may see, as CUDA_VISIBLE_DEVICES; None leaves it the parent's.
    """
    environment = {} if gpu is None else {"CUDA_VISIBLE_DEVICES": gpu}
    if fork and output is not None and _server_has_an_address():
        return _Forked(module, arguments, output=output, environment=environment)
    return _Fresh(module, arguments, output=output, environment=environment)


def _server_has_an_address() -> bool:
    """Whether the server's socket fits into the 104 to 108 bytes of a Unix address: a long TMPDIR leaves no room."""
    return len(os.fsencode(tempfile.gettempdir())) + len("/pymp-xxxxxxxx/listener-xxxxxxxx") < 104


def watch_lifeline() -> None:
    """In a command started by `start`: die at once when the parent does. Checkpoints are whole at every moment.

    So do the further processes of a training on several devices, which Lightning starts.
    """
    if os.environ.pop(LIFELINE, None):
        threading.Thread(target=_die_at_end_of_input, daemon=True).start()
    elif os.environ.get("LOCAL_RANK", "0") != "0":
        threading.Thread(target=_die_with, args=(partial(_wait_for, os.getppid()),), daemon=True).start()


@contextlib.contextmanager
def signals_reach(job: JobProcess) -> Iterator[list[int]]:
    """Hands Ctrl-C and SIGTERM on to the job, which has a session of its own, and collects them in a list."""
    received: list[int] = []

    def hand_on(number: int, frame: FrameType | None) -> None:
        received.append(number)
        job.send(number)

    if threading.current_thread() is not threading.main_thread():  # a launcher's worker thread may not set handlers
        yield received
        return
    previous = {number: signal.signal(number, hand_on) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class _Forked:
    def __init__(self, module: str, arguments: Sequence[str], *, output: Path, environment: dict[str, str]) -> None:
        # NVML answers "is there a GPU?" without initialising CUDA, which a forked child could then no longer use.
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
        _forking.set_forkserver_preload(["seglab.multirun.fork_server"])
        self._process = _forking.Process(target=_run_forked, args=(module, arguments, str(output), environment))
        if multiprocessing.get_start_method() == "loky":  # a worker of joblib: the child would be told to use it too
            multiprocessing.set_start_method("forkserver", force=True)
        self._process.start()

    def wait(self, seconds: float | None) -> int | None:
        self._process.join(seconds)
        return self._process.exitcode

    def send(self, signal_number: int) -> None:
        assert self._process.pid is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal_number)


class _Fresh:
    def __init__(
        self, module: str, arguments: Sequence[str], *, output: Path | None, environment: dict[str, str]
    ) -> None:
        inherited = {key: value for key, value in os.environ.items() if key not in _LEAKING}
        with open(os.devnull if output is None else output, "ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments], stdin=subprocess.PIPE, stdout=file,
                stderr=None if output is None else subprocess.STDOUT, start_new_session=True,
                env=inherited | environment | {LIFELINE: "1"},
            )  # fmt: skip

    def wait(self, seconds: float | None) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
            if self._process.stdin is not None:
                self._process.stdin.close()  # our end of the lifeline
        return self._process.returncode

    def send(self, signal_number: int) -> None:
        self._process.send_signal(signal_number)


def _run_forked(module: str, arguments: Sequence[str], output: str, environment: dict[str, str]) -> None:
    """The first function of a forked job: from here on it is an ordinary `python -m MODULE`."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_die_with, args=(parent.join,), daemon=True).start()
    os.setsid()
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)  # and no execution
    os.dup2(file, 1)
    os.dup2(file, 2)
    for key in _LEAKING:
        os.environ.pop(key, None)
    os.environ.update(environment)
    sys.argv = [module.replace(".", "-"), *arguments]
    runpy.run_module(module, run_name="__main__")


def _die_at_end_of_input() -> None:
    # Not sys.stdin.buffer.read: Python ends with a fatal error when a thread holds that lock at its exit.
    _die_with(lambda: os.read(sys.stdin.fileno(), 1))


def _wait_for(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    time.sleep(10)  # in which a training that is not stuck notices by itself, and says so


def _die_with(wait: Callable[[], object]) -> None:
    wait()
    os.kill(os.getpid(), signal.SIGKILL)
