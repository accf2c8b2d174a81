"""Our Cityscapes evaluation against the official program on one full-size pair, per core.

`python -m pytest -s -m slow tests/metrics/test_cityscapes_speed.py` prints the ratios. Seconds are CPU time, medians of
interleaved runs, so that other work on the machine matters little. Both programs count the same matrix.
"""

import importlib
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from seglab.evaluation.cityscapes_files import read_png
from seglab.metrics.cityscapes import count_pair

HEIGHT, WIDTH = 1024, 2048
STUFF = np.array([7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 4, 9], dtype=np.uint8)
THINGS = (24, 25, 26, 26, 26, 27, 33, 32)
ROUNDS = 15
KINDS = ("prediction", "labelIds", "instanceIds")


class Decoded:
    """An image as PIL opens it, whose pixels are there already."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.size = array, array.shape[::-1]

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self.array


def street(instances: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Prediction, label ids and instance ids (H, W): smooth regions, ellipses of things, some spots wrong."""
    random = np.random.default_rng(0)
    label_ids = STUFF[regions(random, len(STUFF), 12)]
    instance_ids = label_ids.astype(np.uint16)
    for number in range(instances):
        label_id = THINGS[number % len(THINGS)]
        center = int(random.integers(100, 1900)), int(random.integers(100, 900))
        axes = int(random.integers(20, 90)), int(random.integers(20, 90))
        inside = cv2.ellipse(np.zeros((HEIGHT, WIDTH), np.uint8), center, axes, 0, 0, 360, 1, -1) > 0
        label_ids[inside], instance_ids[inside] = label_id, label_id * 1000 + number
    wrong = (regions(random, 2, 120) > 0) & (regions(random, 2, 40) > 0)
    prediction = cv2.medianBlur(np.where(wrong, np.roll(label_ids, 9, axis=1), label_ids), 5)
    return prediction, label_ids, instance_ids


def regions(random: np.random.Generator, count: int, rows: int) -> np.ndarray:
    """int (H, W): `count` kinds of smooth regions, some HEIGHT / rows pixels wide."""
    noise = random.normal(size=(rows, 2 * rows, count)).astype(np.float32)
    return cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).argmax(2)


def medians(*functions: Callable[[], object]) -> list[float]:
    """CPU milliseconds of each function, called in turn."""
    seconds: list[list[float]] = [[] for _ in functions]
    for _ in range(ROUNDS):
        for index, function in enumerate(functions):
            start = time.process_time()
            function()
            seconds[index].append(time.process_time() - start)
    return [1000 * statistics.median(values) for values in seconds]


@pytest.mark.slow
@pytest.mark.parametrize(("instances", "decoded", "with_decoding"), [(20, 5.0, 1.7), (40, 5.0, 2.2)])
def test_a_full_size_pair_is_counted_faster_than_by_the_official_program(
    tmp_path: Path, official, monkeypatch, instances: int, decoded: float, with_decoding: float
) -> None:
    """At least 5 times without decoding. Decoding three PNGs alone takes a third of the official program's time."""
    maps = street(instances)
    paths = [tmp_path / f"aachen_000000_000019_gtFine_{kind}.png" for kind in KINDS]
    for path, ids in zip(paths, maps, strict=True):
        Image.fromarray(ids).save(path)
    program = importlib.import_module("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    by_path = {str(path): Decoded(ids) for path, ids in zip(paths, maps, strict=True)}

    def theirs() -> np.ndarray:
        matrix, instance_scores = program.generateMatrix(program.args), program.generateInstanceStats(program.args)
        program.evaluatePair(str(paths[0]), str(paths[1]), matrix, instance_scores, {}, program.args)
        return matrix

    def theirs_decoded() -> np.ndarray:
        with monkeypatch.context() as patch:
            patch.setattr(program.Image, "open", by_path.__getitem__)
            return theirs()

    def ours() -> np.ndarray:
        return count_pair(*(read_png(path) for path in paths)).matrix

    def ours_decoded() -> np.ndarray:
        return count_pair(*maps).matrix

    assert np.array_equal(theirs(), ours())
    assert np.array_equal(theirs_decoded(), ours_decoded())
    times = medians(theirs_decoded, ours_decoded, theirs, ours)
    print(
        f"\n{instances} instances: official {times[0]:.1f} ms, seglab {times[1]:.1f} ms, {times[0] / times[1]:.1f}x; "
        f"with decoding {times[2]:.1f} ms, {times[3]:.1f} ms, {times[2] / times[3]:.1f}x"
    )
    assert times[0] >= decoded * times[1]
    assert times[2] >= with_decoding * times[3]
