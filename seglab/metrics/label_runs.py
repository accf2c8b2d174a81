"""Stretches of pixels in which several label maps are constant: maps are smooth, so they are few."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_BLOCK = 1 << 17  # pixels looked at at once: the buffers stay in the processor's cache; a multiple of _WORD
_WORD = 8  # bytes


class Runs(NamedTuple):
    """Flat runs, row by row: values of each map (R,), and how many pixels long each run is (R,)."""

    values: tuple[np.ndarray, ...]
    pixels: np.ndarray


def label_runs(*maps: np.ndarray) -> Runs:
    """Of flat maps (N,) of one length: what follows handles some 40 times fewer values than pixels."""
    first = _starts(maps)
    return Runs(tuple(ids[first] for ids in maps), np.diff(first, append=maps[0].size))


def _starts(maps: Sequence[np.ndarray]) -> np.ndarray:
    """Where a pixel differs from the one before it in any map; the first pixel always does."""
    count = maps[0].size
    starts, differs = np.empty(_BLOCK, dtype=bool), np.empty(_BLOCK, dtype=bool)
    positions = []
    for begin in range(0, count, _BLOCK):
        end, skipped = min(begin + _BLOCK, count), 1 if begin == 0 else 0
        low, high = begin + skipped, end
        here, other = starts[skipped : end - begin], differs[: high - low]
        np.not_equal(maps[0][low:high], maps[0][low - 1 : high - 1], out=here)
        for ids in maps[1:]:
            np.not_equal(ids[low:high], ids[low - 1 : high - 1], out=other)
            here |= other
        starts[:skipped] = True
        starts[end - begin :] = False
        positions.append(_where(starts) + begin)
    return np.concatenate(positions) if positions else np.empty(0, dtype=np.intp)


def _where(flags: np.ndarray) -> np.ndarray:
    """np.flatnonzero of bool (N,), N a multiple of 8: twice as fast where few are set, as it skips eight at a time."""
    words = flags.view(np.uint64)
    busy = np.flatnonzero(words != 0)
    inside = np.flatnonzero(words[busy].view(bool))
    return busy[inside // _WORD] * _WORD + inside % _WORD
