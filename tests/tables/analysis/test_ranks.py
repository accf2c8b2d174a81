"""What a table says of its ranks: where it is asked to, over seeds, and over images where they were counted."""

from dataclasses import replace

import numpy as np
import pytest

from seglab.tables.analysis.ranks import ranks
from seglab.tables.comparison import ranking
from seglab.tables.comparison.comparison import compare
from seglab.tables.comparison.per_image import scores
from seglab.tables.render.sheets import markdown
from tests.tables.comparison.losses import CE, DICE, FOCAL, all_measured, counted, measured, of_images, plan


def test_nothing_is_said_unless_the_plan_asks():
    assert ranks(compare(plan(), all_measured())) is None
    assert "Ranks" not in markdown(compare(plan(), all_measured()))


def test_ranks_over_seeds_stand_below_the_table():
    comparison = compare(plan(ranks=True), all_measured())
    expected = ranking.over_seeds(np.array([CE, DICE, FOCAL]))
    (sheet,) = ranks(comparison).sheets
    assert list(sheet.header) == ["row", "rank", "best % over 3 seeds", "95 % ranks over 3 seeds"]
    assert [[cell.text for cell in row] for row in sheet.rows] == [
        [label, place, f"{100 * best:.1f}", f"{low} to {high}"]
        for label, place, best, low, high in zip(("ce", "dice", "focal"), "212", *expected, strict=True)
    ]
    text = markdown(comparison)
    assert "\nRanks by mIoU\n" in text
    assert "as the paired t over 3 seeds says, whose normality is assumed" in text


def test_seeds_that_not_all_rows_have_are_named():
    (sheet,) = ranks(compare(plan(ranks=True), all_measured()[:-1])).sheets
    assert sheet.header[2] == "best % over 2 seeds"
    assert "without ce seed 3, dice seed 3, which not all rows have" in sheet.notes


def test_ranks_over_images_are_of_the_mean_over_seeds():
    """Brute force: the same resamples, the mIoU of each seed, their mean."""
    labels, better = ("ce", "dice", "focal"), (0.0, 0.004, 0.2)
    images = {(label, seed): counted(better=more, seed=10 * seed + index)
              for index, (label, more) in enumerate(zip(labels, better, strict=True)) for seed in (1, 2)}  # fmt: skip
    runs = [replace(of_images(label, images[label, seed]), seed=seed) for label in labels for seed in (1, 2)]
    stated = plan(ranks=True, columns=("miou",), groups={}, seeds=(1, 2))
    (sheet,) = ranks(compare(stated, runs, images)).sheets
    weights = np.random.default_rng(0).multinomial(24, [1 / 24] * 24, size=10_000)
    means = np.array([
        np.mean([scores(np.einsum("rn,nkc->rkc", weights, images[label, seed].counts))["miou"] for seed in (1, 2)], 0)
        for label in labels
    ])  # fmt: skip
    best = [float(np.mean(means.argmax(0) == row)) for row in range(3)]
    assert sheet.header[4:] == ["best % over 24 images", "95 % ranks over 24 images"]
    assert [float(row[4].exact) for row in sheet.rows] == pytest.approx(best, abs=1e-9)
    assert [row[5].text for row in sheet.rows] == ["3", "2", "1"]
    assert any(note.startswith("over images: of these trained networks") for note in sheet.notes)


def test_one_seed_has_ranks_over_images_alone():
    images = {("ce", 1): counted(), ("dice", 1): counted(better=0.2, seed=1)}
    runs = [of_images(row, counts) for (row, _), counts in images.items()]
    stated = plan(ranks=True, rows=plan().rows[:2], columns=("miou",), groups={}, seeds=(1,))
    (sheet,) = ranks(compare(stated, runs, images)).sheets
    assert list(sheet.header) == ["row", "rank", "best % over 24 images", "95 % ranks over 24 images"]
    assert ranks(compare(stated, runs)) is None  # nothing to resample


def test_a_column_that_is_better_when_lower_is_ranked_so():
    errors = {"ce": (0.10, 0.11, 0.12), "dice": (0.30, 0.33, 0.31)}
    runs = [measured(row, seed, 0.5, metrics={"miou": 0.5, "ece": error})
            for row, each in errors.items() for seed, error in enumerate(each, 1)]  # fmt: skip
    stated = plan(ranks=True, rows=plan().rows[:2], columns=("ece",), groups={}, evaluation={"extra": ["calibration"]})
    (sheet,) = ranks(compare(stated, runs)).sheets
    assert [[cell.text for cell in row][1:] for row in sheet.rows] == [["1", "100.0", "1"], ["2", "0.1", "2"]]
