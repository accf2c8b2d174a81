"""Ground truth at a lower resolution: voted for by hand, scored as the official program scores it."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seglab.data.image_files import read_ids
from seglab.labels import CITYSCAPES_LABELS
from seglab.tables.launch import downsampled
from seglab.tables.plan.model import Plan, Row
from tests.tables.controls import OFFICIAL, measure

ORDER = tuple(range(34))


def test_the_majority_of_a_square_wins_and_the_first_of_a_draw() -> None:
    ids = np.array([[1, 1, 2, 3, 9],
                    [1, 5, 3, 2, 9],
                    [7, 0, 4, 4, 8]], dtype=np.uint8)  # fmt: skip
    assert downsampled.lowered(ids, factor=2, order=ORDER).tolist() == [
        [1, 1, 2, 2, 9],
        [1, 1, 2, 2, 9],
        [0, 0, 4, 4, 8],
    ]
    void_last = (*range(1, 34), 0)
    assert downsampled.lowered(ids, factor=2, order=void_last)[2].tolist() == [7, 7, 4, 4, 8]


@pytest.mark.parametrize("factor", [2, 3, 8, 64])
def test_as_counted_square_by_square(factor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downsampled, "_STRIP", 1000)  # several strips
    ids = np.random.default_rng(factor).choice([0, 7, 11, 26, 255], size=(21, 50)).astype(np.uint8)
    found = downsampled.lowered(ids, factor=factor, order=(26, 7, 0, 11, 255))
    for top in range(0, 21, factor):
        for left in range(0, 50, factor):
            square = (slice(top, top + factor), slice(left, left + factor))
            votes = Counter(ids[square].ravel().tolist())
            winner = max((26, 7, 0, 11, 255), key=lambda label: votes[label])  # max takes the first
            assert (found[square] == winner).all()


def test_all_four_scores_are_those_of_the_official_program(controls: Plan, city, official, tmp_path: Path) -> None:
    first, second = measure(controls, tmp_path / "out").measurements()
    evaluated_first = sorted(
        (label for label in CITYSCAPES_LABELS if label.id >= 0), key=lambda one: one.ignore_in_eval
    )
    order = [label.id for label in evaluated_first]
    for factor, measured in ((2, first), (16, second)):
        predictions = tmp_path / f"by {factor}"
        predictions.mkdir()
        for mask in city[1].rglob("*_gtFine_labelIds.png"):
            ids = read_ids(mask)
            Image.fromarray(downsampled.lowered(ids, factor=factor, order=order)).save(predictions / mask.name)
        theirs = official(predictions, city[1])
        assert {name: measured.metrics[name] for name in OFFICIAL} == {
            name: theirs[key] for name, key in OFFICIAL.items()
        }
        assert measured.metrics["miou"] == pytest.approx(theirs["averageScoreClasses"], abs=1e-12)
        assert measured.class_iou["car"] == pytest.approx(theirs["classScores"]["car"], abs=1e-12)
    assert 0 < second.metrics["official_iiou"] < first.metrics["official_iiou"] < 1
    assert measured.protocol["images"] == 4


def test_the_ground_truth_itself_is_perfect(controls: Plan, tmp_path: Path) -> None:
    perfect = replace(controls, rows=(Row(label="by 1", downsample=1),))
    (measured,) = measure(perfect, tmp_path).measurements()
    assert {measured.metrics[name] for name in ("miou", "accuracy", "fwiou", *OFFICIAL)} == {1.0}
