"""Runs of several maps: against a plain loop, at the borders of the blocks."""

import numpy as np
import pytest

from seglab.metrics import label_runs


def by_loop(maps: list[np.ndarray]) -> list[int]:
    return [i for i in range(len(maps[0])) if i == 0 or any(ids[i] != ids[i - 1] for ids in maps)]


@pytest.mark.parametrize("size", [1, 7, 16, 17, 31, 32, 33, 64, 100])
@pytest.mark.parametrize("values", [1, 2, 40])
def test_runs_are_those_of_a_plain_loop(monkeypatch, size: int, values: int) -> None:
    monkeypatch.setattr(label_runs, "_BLOCK", 16)
    random = np.random.default_rng(size)
    maps = [random.integers(0, values, size).astype(kind) for kind in (np.uint8, np.uint8, np.uint16)]
    first = by_loop(maps)
    runs = label_runs.label_runs(*maps)
    assert [ids.tolist() for ids in runs.values] == [ids[first].tolist() for ids in maps]
    assert runs.pixels.tolist() == np.diff([*first, size]).tolist()


def test_maps_without_a_pixel_have_no_run() -> None:
    runs = label_runs.label_runs(np.zeros(0, dtype=np.uint8))
    assert runs.pixels.tolist() == runs.values[0].tolist() == []
