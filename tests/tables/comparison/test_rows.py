"""The rows of a block: scores over seeds, paired with the baseline, corrected for the number of tests."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from seglab.tables.comparison.comparison import compare
from seglab.tables.comparison.significance import holm
from tests.tables.comparison.losses import (
    CE,
    DICE,
    FOCAL,
    all_measured,
    counted,
    of_images,
    plan,
)


def test_rows_over_seeds():
    (block,) = compare(plan(), all_measured()[::-1]).blocks  # in whatever order they come
    assert [(row.label, row.seeds, row.n) for row in block.rows] == [
        (name, (1, 2, 3), 3) for name in ("ce", "dice", "focal")
    ]
    ce, dice, _ = block.rows
    assert ce.is_baseline
    assert ce.columns["miou"].values == CE
    assert (ce.columns["miou"].mean, ce.columns["miou"].std) == pytest.approx((0.51, 0.01))
    assert dice.columns["miou"].interval == pytest.approx(stats.t.interval(0.95, 2, np.mean(DICE), stats.sem(DICE)))
    assert dice.columns["iou/thin things"].mean == pytest.approx(np.mean(DICE) - 0.2)
    assert dice.columns["parameters"].mean == 1000
    assert dice.columns["parameters"].interval is None
    assert list(dice.columns) == list(plan().columns)


def test_what_is_not_known_is_none():
    (block,) = compare(plan(columns=("miou", "flops")), all_measured()[:1]).blocks
    (ce,) = block.rows
    assert ce.columns["miou"].std is None
    assert ce.columns["miou"].interval is None
    assert ce.columns["flops"].mean is None
    assert ce.classes["train"].values == (None,)
    assert ce.classes["train"].n == 0


def test_differences_to_the_baseline():
    (block,) = compare(plan(), all_measured()).blocks
    ce, dice, focal = block.rows
    assert ce.differences == {}
    found, expected = dice.differences["miou"], stats.ttest_rel(DICE, CE)
    assert found.mean == pytest.approx(0.03)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.interval == pytest.approx(tuple(expected.confidence_interval()))
    assert (found.n, found.over, found.test) == (3, "seeds", "paired t over 3 seeds")
    assert found.effect == pytest.approx(0.03 / 0.01 / math.sqrt(math.pi))
    assert found.p_wilcoxon is None
    assert "parameters" not in dice.differences
    assert [row.differences["miou"].p_holm for row in (dice, focal)] == pytest.approx(
        holm([expected.pvalue, stats.ttest_rel(FOCAL, CE).pvalue])
    )


def test_class_deltas_are_corrected_for_rows_and_classes():
    (block,) = compare(plan(), all_measured()).blocks
    dice, focal = block.rows[1:]
    assert block.class_names == ("road", "pole", "sign", "train")
    assert dice.class_deltas["pole"].mean == pytest.approx(0.03)
    assert dice.class_deltas["pole"].interval == pytest.approx(dice.differences["miou"].interval)
    assert dice.class_deltas["pole"].p_holm == pytest.approx(min(1, 6 * dice.class_deltas["pole"].p), rel=1e-6)
    assert dice.class_deltas["train"].mean is None
    assert dice.class_deltas["train"].test == "none: no seed for which both are known"
    assert focal.class_deltas["pole"].p_holm == 1


def test_without_a_baseline_nothing_is_compared():
    comparison = compare(plan(baseline=(), columns=("miou",)), all_measured())
    assert all(row.differences == {} and not row.is_baseline for row in comparison.blocks[0].rows)
    assert comparison.warnings == ()


def test_a_column_that_only_some_runs_have_is_empty_for_the_others():
    rows = all_measured()
    rows[0] = replace(rows[0], metrics={**rows[0].metrics, "ece": 0.1})
    ce, dice, _ = compare(plan(columns=("miou", "ece")), rows).blocks[0].rows
    assert ce.columns["ece"].values == (0.1, None, None)
    assert dice.differences["ece"].mean is None


def test_without_images_one_seed_has_a_difference_and_no_interval():
    rows = [of_images("ce", counted()), of_images("dice", counted(better=0.2))]
    found = compare(plan(seeds=(1,)), rows, {("ce", 1): counted()}).blocks[0].rows[1].differences["miou"]
    assert found.mean > 0.1
    assert found.interval is None
    assert found.over is None
