"""How long an exported network needs, beside the run in torch: medians on the device that is named."""

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import seglab.lean_imports  # noqa: F401

import numpy as np
import torch

from seglab.display.numbers import cell, word
from seglab.display.sheet import Sheet

BATCHES = (1, 8)
_WARM_UP = 2  # calls before the first that is timed


@dataclass(frozen=True)
class Latency:
    """Of one batch, from bytes to label maps.

    Attributes:
        program: torch, or onnxruntime.
        batch, threads: images of the batch; threads that compute.
        milliseconds: the median of the repetitions; shortest and longest beside it.
        device: its name.
    """

    program: str
    batch: int
    threads: int
    milliseconds: float
    shortest: float
    longest: float
    device: str

    @property
    def images_per_second(self) -> float:
        return 1000 * self.batch / self.milliseconds

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "images_per_second": self.images_per_second}


def measure(
    program: str,
    call: Callable[[np.ndarray], object],
    *,
    shape: Sequence[int],
    threads: int,
    device: str,
    repetitions: int,
) -> Latency:
    """`call` timed on noise uint8 of `shape`, the first of which is the batch.

    Args:
        threads: with which `call` computes; torch's are set meanwhile.
        device: its name.
    """
    images = np.random.default_rng(0).integers(0, 256, tuple(shape), dtype=np.uint8)
    with _torch_threads(threads):
        for _ in range(_WARM_UP):
            call(images)
        seconds = []
        for _ in range(repetitions):
            start = time.perf_counter()
            call(images)
            seconds.append(time.perf_counter() - start)
    milliseconds = [1000 * value for value in seconds]
    return Latency(
        program, shape[0], threads, statistics.median(milliseconds), min(milliseconds), max(milliseconds), device
    )


def thread_counts() -> list[int]:
    """One, and as many as this process may use."""
    return sorted({1, len(os.sched_getaffinity(0))})


def latency_sheet(latencies: Sequence[Latency], *, caption: str) -> Sheet:
    rows = [
        [
            word(one.program),
            cell(one.batch, "d"),
            cell(one.threads, "d"),
            cell(one.milliseconds, ".4g"),
            cell(one.shortest, ".4g"),
            cell(one.longest, ".4g"),
            cell(one.images_per_second, ".3g"),
        ]
        for one in latencies
    ]
    header = ("program", "batch", "threads", "ms", "shortest", "longest", "images/s")
    return Sheet(caption, header, rows, notes=[f"medians of a batch, on {latencies[0].device}"] if latencies else [])


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
