"""Our Cityscapes counts against the official program's on a full-size pair with many instances, files included."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seglab.evaluation.cityscapes_files import read_png
from seglab.metrics.cityscapes import count_pair
from tests.benchmarks.cityscapes_scoring import KINDS, street


@pytest.mark.slow
@pytest.mark.parametrize("instances", [20, 40])
@pytest.mark.usefixtures("official")
def test_a_full_size_pair_is_counted_as_by_the_official_program(tmp_path: Path, instances: int) -> None:
    maps = street(instances)
    paths = [tmp_path / f"aachen_000000_000019_gtFine_{kind}.png" for kind in KINDS]
    for path, ids in zip(paths, maps, strict=True):
        Image.fromarray(ids).save(path)
    program = importlib.import_module("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    matrix, instance_scores = program.generateMatrix(program.args), program.generateInstanceStats(program.args)
    program.evaluatePair(str(paths[0]), str(paths[1]), matrix, instance_scores, {}, program.args)
    assert np.array_equal(matrix, count_pair(*(read_png(path) for path in paths)).matrix)
    assert np.array_equal(matrix, count_pair(*maps).matrix)
