"""A table that gives each source of chance seeds: its runs, and what it says of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seglab import runs
from seglab.tables.analysis.noise import noise
from seglab.tables.comparison.comparison import compare
from seglab.tables.comparison.variance_components import crossed
from seglab.tables.launch.launch import train_arguments
from seglab.tables.plan.model import Plan
from seglab.tables.plan.read import plan_of
from seglab.tables.render.csv_file import to_csv
from seglab.tables.render.sheets import markdown
from seglab.tables.survey.configurations import configurations
from tests.tables.comparison.losses import measured

SCORES = np.random.default_rng(5).normal(0.5, 0.01, (3, 2, 2))


def plan(**seeds: object) -> Plan:
    stated = {"title": "Noise", "source": "measured here", "columns": ["miou"], "rows": [{"label": "ce"}],
              "common": ["data.size=[32,64]"], "seeds": seeds}  # fmt: skip
    return plan_of(stated, name="noise")


CROSSED = {"init": [1, 2, 3], "order": [1, 2], "augment": [7, 8]}


def test_every_combination_is_a_run_and_one_is_repeated():
    found = plan(**CROSSED, repeat=True)
    assert found.seeds == tuple(range(1, 14))
    assert found.seed_settings(1) == {"seeds.init": 1, "seeds.order": 1, "seeds.augment": 7}
    assert found.seed_settings(2) == {"seeds.init": 1, "seeds.order": 1, "seeds.augment": 8}
    assert found.seed_settings(12) == {"seeds.init": 3, "seeds.order": 2, "seeds.augment": 8}
    assert found.seed_settings(13) == found.seed_settings(1) | {"seeds.repeat": 1}
    one = plan(**CROSSED, vary="one_at_a_time")
    assert [tuple(one.seed_settings(number).values()) for number in one.seeds] == [
        (1, 1, 7), (2, 1, 7), (3, 1, 7), (1, 2, 7), (1, 1, 8),
    ]  # fmt: skip


def test_a_run_has_the_seeds_of_its_combination_and_nothing_else_changes():
    found = plan(init=[1, 2], augment=[1, 3], repeat=True)
    composed = {key: runs.plain(cfg) for key, cfg in configurations(found).items()}
    assert [cfg["seeds"] for cfg in composed.values()] == [
        {"init": init, "order": None, "augment": augment, "repeat": repeat}
        for init, augment, repeat in ((1, 1, None), (1, 3, None), (2, 1, None), (2, 3, None), (1, 1, 1))
    ]
    assert {cfg["seed"] for cfg in composed.values()} == {1}
    assert len({runs.fingerprint(cfg) for cfg in composed.values()}) == 5
    arguments = train_arguments(found, found.rows[0], [5], output=Path("outputs"), overrides=[])
    assert arguments == ["data.size=[32,64]", "seeds.init=1", "seeds.augment=1", "seeds.repeat=1", "sweep=noise"]


def compared(found: Plan, scores: list[float], **changes: object):
    return compare(found, [measured("ce", number, score, **changes) for number, score in enumerate(scores, 1)])


def test_the_components_stand_below_the_table():
    comparison = compared(plan(**CROSSED), SCORES.ravel().tolist())
    (sheet,) = noise(comparison).sheets
    expected = crossed(SCORES, ("init", "order", "augment"))
    assert [row[1].text for row in sheet.rows] == [
        "initial weights", "order of images", "augmentation and dropout", "initial weights x order of images",
        "initial weights x augmentation and dropout", "order of images x augmentation and dropout",
        "initial weights x order of images x augmentation and dropout, and the rest",
    ]  # fmt: skip
    assert [float(row[2].exact) ** 2 for row in sheet.rows] == pytest.approx([one.variance for one in expected])
    assert [row[4].text for row in sheet.rows] == [f"{100 * one.share:.0f}" for one in expected]
    text = markdown(comparison)
    assert "mean ± standard deviation over runs that share seeds" in text
    assert "crossed: 12 runs of a row" in text
    assert "ce: no run was repeated with everything fixed (repeat: true)" in text
    assert any(one.estimate < 0 for one in expected)
    assert "ce: estimated below zero, set to zero: " in text


def test_runs_that_share_seeds_have_no_interval_of_their_mean():
    comparison = compared(plan(**CROSSED), SCORES.ravel().tolist())
    assert comparison.blocks[0].rows[0].columns["miou"].interval is None
    assert "miou low" in to_csv(comparison)


def test_a_source_with_one_seed_is_fixed():
    comparison = compared(plan(init=[1, 2, 3], order=[4]), [0.5, 0.52, 0.53])
    (sheet,) = noise(comparison).sheets
    assert [row[1].text for row in sheet.rows] == ["initial weights"]


def test_one_source_at_a_time_is_the_variance_of_its_runs():
    comparison = compared(plan(**CROSSED, vary="one_at_a_time"), [0.50, 0.52, 0.55, 0.51, 0.46])
    (sheet,) = noise(comparison).sheets
    deviations = [np.std(runs, ddof=1) for runs in ([0.50, 0.52, 0.55], [0.50, 0.51], [0.50, 0.46])]
    assert [float(row[2].exact) for row in sheet.rows] == pytest.approx(deviations)
    assert any("interactions are not told apart" in note for note in sheet.notes)


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (0.50, "ce: repeated with everything fixed, equal in every digit of all scores, classes and epochs"),
        (0.5001, "ce: repeated with everything fixed, NOT equal: scores differ by up to 0.01 points"),
    ],
)
def test_a_repetition_is_compared_digit_by_digit(last, said):
    comparison = compared(plan(init=[1, 2], repeat=True), [0.50, 0.52, last])
    (sheet,) = noise(comparison).sheets
    assert any(note.startswith(said) for note in sheet.notes)
    assert float(sheet.rows[0][2].exact) == pytest.approx(np.std([0.50, 0.52], ddof=1))  # without the repetition
    (row,) = comparison.blocks[0].rows
    assert (row.n, row.columns["miou"].mean) == (2, pytest.approx(0.51))
    assert "| ce | 51.0 ± 1.4 | 2 |" in markdown(comparison)


def test_another_curve_of_the_same_scores_is_no_repetition():
    first, second, again = (measured("ce", number, 0.5 + 0.01 * (number == 2)) for number in (1, 2, 3))
    changed = replace(again, curve=(0.2, again.metrics["miou"]))
    (sheet,) = noise(compare(plan(init=[1, 2], repeat=True), [first, second, changed])).sheets
    assert any("NOT equal: scores differ by up to 0 points" in note for note in sheet.notes)


def test_what_is_not_complete_has_no_components():
    (sheet,) = noise(compared(plan(**CROSSED), SCORES.ravel().tolist()[:11])).sheets
    assert not sheet.rows
    assert "ce: no components: 11 of 12 runs are measured, and all are needed" in sheet.notes


def test_a_table_with_a_list_of_seeds_says_nothing_of_noise():
    assert noise(compare(replace(plan(**CROSSED), noise=None), [measured("ce", 1, 0.5)])) is None
