"""A function of every sample of a split, computed by all cores."""

import multiprocessing
import multiprocessing.queues
import multiprocessing.util
import os
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from functools import partial
from typing import Any, Protocol, TypeVar

import cv2

from seglab.data.progress import tracked
from seglab.data.workers import leave_signals_to_parent, signals_held_back
from seglab.errors import SeglabError

# A child forked after OpenCV has started its threads waits for ever on a pool that did not survive the fork.
cv2.setNumThreads(0)

_FEW = 32  # samples: for fewer, starting processes takes longer than they save
_SHORT = ("/tmp", "/var/tmp", "/dev/shm")
_LONGEST = 103 - len("/pymp-xxxxxxxx/listener-xxxxxxxx")  # of a folder, in bytes: an address has 104 to 108
_CHUNK = 16  # samples that a process takes at once: few enough that all end at about the same time


class Listing(Protocol):
    """What has samples: a split of a data set, or pairs of files."""

    @property
    def samples(self) -> Sequence[Any]: ...


Result = TypeVar("Result")
AnyListing = TypeVar("AnyListing", bound=Listing)
_source: Any  # the listing, in a worker process


def map_samples(
    function: Callable[[AnyListing, int], Result], source: AnyListing, *, title: str, processes: int | None = None
) -> Iterator[Result]:
    """`function(source, index)` of every sample, in their order, with a progress bar called `title` on a terminal.

    `function` is defined at the top of a module, so that other processes find it. `processes`: None for one a CPU.
    Raises SeglabError when a process is killed, and whatever `function` raises.
    """
    count = len(source.samples)
    processes = available_cpus() if processes is None else processes
    # A notebook's kernel has threads, and a fork copies the locks that they hold: its children may wait for ever.
    if processes <= 1 or count < _FEW or in_kernel():
        yield from tracked((function(source, index) for index in range(count)), count=count, title=title)
        return
    # fork starts at once and hands the source over as it is; macOS' own libraries do not survive it
    method = "fork" if sys.platform.startswith("linux") else "spawn"
    chunk = max(1, min(_CHUNK, count // (4 * processes)))
    with ProcessPoolExecutor(
        processes, multiprocessing.get_context(method), initializer=_start_worker, initargs=(source, os.getpid())
    ) as pool:
        with signals_held_back():  # a pool starts its processes with the first task
            results = pool.map(partial(_call, function), range(count), chunksize=chunk)
        try:
            # closed at once where the caller stops early: what has not begun is given up
            with closing(tracked(results, count=count, title=title)) as shown:
                yield from shown
        except BrokenProcessPool as error:
            raise SeglabError(
                f"{title}: expected {processes} processes to read the samples; one of them was killed, perhaps for "
                "want of memory - give the command fewer CPUs (taskset) or more memory"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def in_kernel() -> bool:
    """Whether this process is the kernel of a notebook: one that has only imported a part of ipykernel is none."""
    kernelapp = sys.modules.get("ipykernel.kernelapp")
    return kernelapp is not None and kernelapp.IPKernelApp.initialized()


def available_cpus() -> int:
    """How many CPUs this process may use, which in a container or a batch job are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def shorten_sockets() -> None:
    """Lets worker processes hand over their batches where TMPDIR is too long for the address of a socket.

    Raises:
        SeglabError: there is no shorter folder.
    """
    if _fits(tempfile.gettempdir()) or not hasattr(socket, "AF_UNIX"):
        return
    place = next((path for path in _SHORT if os.access(path, os.W_OK | os.X_OK)), None)
    if place is None:
        raise SeglabError(
            f"expected a temporary folder of at most {_LONGEST} bytes for the sockets of worker processes; came "
            f"TMPDIR='{tempfile.gettempdir()}', and {', '.join(_SHORT)} cannot be written - set a shorter TMPDIR, or "
            "data.num_workers=0"
        )
    before, tempfile.tempdir = tempfile.tempdir, place
    try:
        multiprocessing.util.get_temp_dir()  # made once in a process, and inherited by its workers
    finally:
        tempfile.tempdir = before


def _fits(folder: str) -> bool:
    return len(os.fsencode(folder)) <= _LONGEST


def end_at_lost_batches() -> None:
    """Ends this worker process when a batch cannot be handed over: who waits for it would do so for ever."""
    multiprocessing.queues.Queue._on_queue_feeder_error = staticmethod(_end_of_worker)  # type: ignore[attr-defined]


def _end_of_worker(error: BaseException, batch: object) -> None:
    traceback.print_exception(error)
    os._exit(1)


def _start_worker(source: Listing, parent: int) -> None:
    global _source
    leave_signals_to_parent()
    _source = source
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """Ends a worker whose parent was killed: it would wait for work for ever."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _call(function: Callable[[Any, int], Result], index: int) -> Result:
    return function(_source, index)
