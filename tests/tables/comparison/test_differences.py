"""Differences to the baseline: over seeds, over images, and when one is called significant."""

from dataclasses import replace

import pytest

from seglab.errors import SeglabError
from seglab.tables.comparison.comparison import compare
from tests.tables.comparison.losses import (
    all_measured,
    counted,
    measured,
    of_images,
    plan,
)


def test_significance_is_that_of_the_corrected_p():
    (block,) = compare(plan(), all_measured()).blocks
    found = block.rows[1].differences["miou"]
    assert found.p < 0.05 < found.p_holm
    assert not found.significant
    alone = plan(rows=plan().rows[:2])
    (block,) = compare(alone, all_measured()[:6]).blocks
    assert block.rows[1].differences["miou"].p_holm == block.rows[1].differences["miou"].p
    assert block.rows[1].differences["miou"].significant


def test_six_seeds_allow_the_signed_ranks():
    seeds = range(1, 7)
    rows = [measured("ce", seed, 0.5 + 0.01 * seed) for seed in seeds]
    rows += [measured("dice", seed, 0.52 + 0.011 * seed) for seed in seeds]
    comparison = compare(plan(seeds=tuple(seeds), rows=plan().rows[:2]), rows)
    assert comparison.blocks[0].rows[1].differences["miou"].p_wilcoxon == pytest.approx(2 / 64)
    assert comparison.warnings == ()


def test_one_seed_is_compared_over_images_and_claims_nothing():
    images = {("ce", 1): counted(), ("dice", 1): counted(seed=1), ("focal", 1): counted(better=0.2, seed=2)}
    rows = [of_images(row, counts) for (row, _), counts in images.items()]
    comparison = compare(plan(seeds=(1,)), rows, images)
    _, dice, focal = comparison.blocks[0].rows
    found = focal.differences["miou"]
    assert found.over == "images"
    assert found.test == "bootstrap over 24 images, one seed"
    assert found.p_holm < 0.05
    assert found.interval.low > 0
    assert found.mean == pytest.approx(rows[2].metrics["miou"] - rows[0].metrics["miou"])
    assert not found.significant
    assert dice.differences["miou"].interval.low < 0 < dice.differences["miou"].interval.high
    thin = focal.differences["iou/thin things"]
    assert thin.interval.low < thin.mean < thin.interval.high
    assert focal.class_deltas["road"].over == "images"
    assert focal.class_deltas["train"].mean is None
    assert any("one seed: no test over seeds" in line for line in comparison.warnings)
    assert any("intervals over images are of these trained networks" in line for line in comparison.warnings)


def test_other_images_are_refused():
    images = {("ce", 1): counted(), ("dice", 1): replace(counted(), names=tuple("abcdefghijklmnopqrstuvwx"))}
    rows = [of_images(row, counts) for (row, _), counts in images.items()]
    with pytest.raises(SeglabError, match="expected the images of dice, seed 1 in ce, seed 1 as well"):
        compare(plan(seeds=(1,)), rows, images)


def test_the_same_table_twice_is_the_same():
    images = {("ce", 1): counted(), ("dice", 1): counted(seed=1)}
    rows = [of_images(row, counts) for (row, _), counts in images.items()]
    one, two = (compare(plan(seeds=(1,)), rows, images).blocks[0].rows[1].differences for _ in range(2))
    assert one == two
