"""What is said before anything is read off the rows."""

from dataclasses import replace

import pytest

from seglab.tables.comparison.comparison import compare
from tests.tables.comparison.losses import (
    CE,
    DICE,
    all_measured,
    plan,
)


def test_few_seeds_are_said_once_for_all_rows():
    warnings = compare(plan(columns=("miou",)), all_measured()).warnings
    assert len(warnings) == 1
    assert warnings[0].startswith("dice, focal: 3 seeds: a 95 % interval reaches ±2.5")


def test_seeds_without_a_partner_are_left_out_and_named():
    rows = [each for each in all_measured() if (each.row, each.seed) not in {("ce", 3), ("dice", 1)}]
    comparison = compare(plan(), rows)
    dice = comparison.blocks[0].rows[1]
    assert dice.n == 2
    assert dice.differences["miou"].n == 1
    assert dice.differences["miou"].mean == pytest.approx(DICE[1] - CE[1])
    assert dice.differences["miou"].p is None
    assert dice.differences["miou"].test == "none: one seed in common"
    assert comparison.missing == (("ce", 3), ("dice", 1))
    assert "dice minus ce: without seed 3 of dice, which ce lacks" in comparison.warnings
    assert "dice minus ce: without seed 1 of ce, which dice lacks" in comparison.warnings
    assert "focal minus ce: without seed 3 of focal, which ce lacks" in comparison.warnings


def test_other_commits_and_devices_are_said():
    rows = [replace(each, commit="99887766aa and changes", device="cuda") if each.row == "dice" else each
            for each in all_measured()]  # fmt: skip
    warnings = compare(plan(), rows).warnings
    assert "the rows were measured at different commits: 4f1c2a9b, 99887766 and changes" in warnings
    assert any(line.startswith("seconds were taken on different devices") for line in warnings)
    assert not any("seconds" in line for line in compare(plan(columns=("miou",)), rows).warnings)
