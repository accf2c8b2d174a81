"""`python -m tests.benchmarks.cityscapes_scoring`: our Cityscapes evaluation and the official program, on one core.

A full-size pair, its maps in memory and read from PNG files. Milliseconds are CPU time, medians of interleaved runs.
"""

import importlib
import tempfile
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
from PIL import Image

from seglab.evaluation.cityscapes_files import read_png
from seglab.metrics.cityscapes import count_pair
from tests.benchmarks.interleaved import medians

HEIGHT, WIDTH = 1024, 2048
STUFF = np.array([7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 4, 9], dtype=np.uint8)
THINGS = (24, 25, 26, 26, 26, 27, 33, 32)
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


def measure(instances: int, folder: Path) -> str:
    maps = street(instances)
    paths = [folder / f"aachen_000000_000019_gtFine_{kind}.png" for kind in KINDS]
    for path, ids in zip(paths, maps, strict=True):
        Image.fromarray(ids).save(path)
    program = importlib.import_module("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    by_path = {str(path): Decoded(ids) for path, ids in zip(paths, maps, strict=True)}

    def theirs() -> None:
        matrix, instance_scores = program.generateMatrix(program.args), program.generateInstanceStats(program.args)
        program.evaluatePair(str(paths[0]), str(paths[1]), matrix, instance_scores, {}, program.args)

    def theirs_decoded() -> None:
        with patch.object(program.Image, "open", by_path.__getitem__):
            theirs()

    decoded, ours_decoded, read, ours_read = medians(
        theirs_decoded, lambda: count_pair(*maps), theirs, lambda: count_pair(*(read_png(path) for path in paths))
    )
    return (
        f"{instances} instances: official {decoded:.0f} ms, seglab {ours_decoded:.0f} ms, {decoded / ours_decoded:.1f} "
        f"times faster; with decoding {read:.0f} ms and {ours_read:.0f} ms, {read / ours_read:.1f} times"
    )


if __name__ == "__main__":
    vars(np)["in1d"] = np.isin  # numpy 2.4 removed it, cityscapesscripts 2.3.0 calls it
    with tempfile.TemporaryDirectory() as name:
        for instances in (20, 40):
            print(measure(instances, Path(name)))
