"""Processes that read or write samples for another one: what is sent to a whole job is not for them."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator


def leave_signals_to_parent() -> None:
    """First in a worker: none of the parent's handlers, which a fork copies, runs here.

    A handler of submitit would requeue the job a second time, and SIGTERM to all processes of a job (scancel, docker
    stop) would take the samples away from a parent that is about to save its state. SIGTERM from the parent itself
    ends the worker.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not sys.platform.startswith("linux"):
        return
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)) or number in (signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGCHLD, signal.SIGTERM):  # an ignored SIGTERM would not be waited for either
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGTERM})
    threading.Thread(target=_end_when_the_parent_says_so, daemon=True).start()


@contextlib.contextmanager
def signals_held_back() -> Iterator[None]:
    """Around the start of workers: a signal that comes before they have put the handlers away waits until they have."""
    if not sys.platform.startswith("linux"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_when_the_parent_says_so() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)  # any other code, and PyTorch's loader tells of a worker that failed
