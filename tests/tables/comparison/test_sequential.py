"""Seeds until it is settled: which looks were made, what they said, and which seeds come next."""

from dataclasses import replace

import numpy as np
import pytest

from seglab.tables.comparison.boundaries import boundaries
from seglab.tables.comparison.comparison import compare
from seglab.tables.comparison.sequential import Decision, decided, reached, settled
from seglab.tables.comparison.significance import half_width
from seglab.tables.plan.model import Measurement, Plan, Row
from tests.tables.comparison.looks import drawn, simulated, until
from tests.tables.comparison.losses import measured, plan, with_protocol

RULE = until(half_width=0.5, first=3, step=2, at_most=9)
STRAYS = np.array([1, -1, 0.5, -0.5, 0.8, -0.8, 0.2, -0.2, 0.0]) / 100
CE = 0.5 + np.array([3, 1, 4, 1, 5, 9, 2, 6, 5]) / 1000


def sequential(**changes: object) -> Plan:
    return plan(**{"seeds": RULE.seeds, "until": RULE, **changes})


def runs(row: str, scores: np.ndarray) -> list[Measurement]:
    return [measured(row, seed, float(score)) for seed, score in enumerate(scores, 1)]


def table(*, ce: int, dice: int, focal: int, gain: float = 0.06) -> list[Measurement]:
    """So many seeds of each: dice is better by `gain` ± 0.1 points, focal strays by nearly a point."""
    return [
        *runs("ce", CE[:ce]),
        *runs("dice", (CE + gain + STRAYS / 10)[:dice]),
        *runs("focal", (CE + STRAYS)[:focal]),
    ]


def test_looks_are_counted_from_the_first_to_the_last() -> None:
    assert until(first=3, step=1, at_most=6).looks == (3, 4, 5, 6)
    assert until(first=3, step=4, at_most=9).looks == (3, 7, 9)
    assert until(first=5, step=3, at_most=5).looks == (5,)
    assert RULE.seeds == (1, 2, 3, 4, 5, 6, 7, 8, 9)


def test_before_anything_is_measured_all_rows_have_the_seeds_of_the_first_look() -> None:
    found = reached(sequential(), [])
    assert found.seeds == (1, 2, 3)
    assert found.reached == {"ce": 3, "dice": 3, "focal": 3}
    assert reached(plan(), []) == plan()  # a list of seeds


def test_what_is_not_settled_goes_on_and_what_is_stays() -> None:
    runs_of_two = table(ce=5, dice=5, focal=5)
    decisions = decided(sequential(), runs_of_two)
    assert decisions["dice"].settled is not None
    assert (decisions["focal"].looks, decisions["focal"].seeds, decisions["focal"].settled) == (2, 5, None)
    found = reached(sequential(), runs_of_two)
    assert found.reached == {"ce": 7, "dice": decisions["dice"].seeds, "focal": 7}
    assert [found.seeds_of(row)[-1] for row in found.rows] == [7, decisions["dice"].seeds, 7]
    more = reached(sequential(), table(ce=9, dice=5, focal=9))
    assert more.reached["dice"] == found.reached["dice"]  # nothing that comes later changes a look that was made


def test_a_look_is_made_where_both_have_all_its_seeds() -> None:
    assert decided(sequential(), table(ce=4, dice=5, focal=5))["focal"].seeds == 3
    gap = [one for one in table(ce=5, dice=5, focal=5) if one.key != ("focal", 2)]
    assert decided(sequential(), gap)["focal"] == Decision()
    assert reached(sequential(), gap).reached["focal"] == 3
    elsewhere = [
        with_protocol(one, split="test") if one.row == "focal" else one for one in table(ce=5, dice=5, focal=5)
    ]
    assert decided(sequential(), elsewhere)["focal"] == Decision()  # not scored as the baseline is


def test_the_last_look_ends_it() -> None:
    decisions = decided(sequential(), table(ce=9, dice=9, focal=9))
    assert decisions["focal"].words(RULE) == "not settled after 4 looks (9 seeds), the last one"
    assert reached(sequential(), table(ce=9, dice=9, focal=9)).reached["focal"] == 9


def test_words() -> None:
    assert Decision(looks=3, seeds=5, settled="differs").words(RULE) == "settled after 3 looks (5 seeds): differs"
    narrow = Decision(looks=1, seeds=3, half_width=0.432, settled="narrow")
    assert narrow.words(RULE) == "settled after 1 look (3 seeds): mIoU known to ± 0.43 points"
    assert Decision(looks=2, seeds=5).words(RULE) == "not settled after 2 looks (5 seeds)"
    assert Decision().words(RULE) == "not looked at before 3 seeds"


def test_a_row_that_others_start_from_has_their_seeds() -> None:
    rows = (Row(label="ce"), Row(label="first", overrides=("x=1",)), Row(label="focal", starts_from="first"))
    started = sequential(rows=rows)
    scores = [*runs("ce", CE[:5]), *runs("first", (CE + 0.06 + STRAYS / 10)[:5]), *runs("focal", (CE + STRAYS)[:5])]
    decisions, found = decided(started, scores), reached(started, scores)
    assert decisions["first"].settled is not None
    assert found.reached == {"ce": 7, "first": 7, "focal": 7}


def test_only_a_narrow_interval_settles_where_a_difference_does_not() -> None:
    rule = replace(RULE, or_differs=False)
    decisions = decided(sequential(until=rule), table(ce=9, dice=9, focal=9))
    assert decisions["dice"].settled == "narrow"
    wide = decided(sequential(until=replace(rule, half_width=1e-4)), table(ce=9, dice=9, focal=9))
    assert wide["dice"].settled is None
    assert wide["dice"].seeds == 9


def test_the_table_shows_what_its_looks_have_seen() -> None:
    comparison = compare(sequential(), table(ce=7, dice=7, focal=6))
    (block,) = comparison.blocks
    by_label = {row.label: row for row in block.rows}
    looks = boundaries(RULE.looks)
    dice, focal = comparison.decisions["dice"], by_label["focal"]
    assert by_label["dice"].n == dice.seeds
    assert by_label["dice"].note == dice.words(RULE)
    assert focal.seeds == (1, 2, 3, 4, 5)  # the sixth seed is between two looks
    assert focal.note == "not settled after 2 looks (5 seeds)"
    difference = focal.differences["miou"]
    assert difference.test == "sequential paired t over 5 seeds (look 2 of 4)"
    assert difference.p_wilcoxon is None
    strays = STRAYS[:5]
    assert difference.interval is not None
    half = (difference.interval.high - difference.interval.low) / 2
    expected = half_width(5, level=1 - looks.nominal(5)) * strays.std(ddof=1)
    assert half == pytest.approx(expected)
    assert half > half_width(5) * strays.std(ddof=1)
    assert comparison.decisions["focal"].half_width == pytest.approx(100 * half)
    mean = focal.columns["miou"].interval
    assert mean is not None
    spread = np.array([run.metrics["miou"] for run in focal.measurements]).std(ddof=1)
    assert (mean.high - mean.low) / 2 == pytest.approx(half_width(5, level=1 - looks.nominal(5)) * spread)
    assert comparison.missing == (("focal", 7),)
    assert comparison.plan.notes[0].startswith(
        "seeds are added to each row until its difference to the baseline in mIoU is known to ± 0.5 points or it "
        "differs, with looks at 3, 5, 7, 9 seeds; p-values and 95 % intervals are those of repeated looks"
    )
    assert not any("without seed" in warning or "seeds:" in warning for warning in comparison.warnings)


def test_before_the_first_look_there_is_no_test_and_all_rows_of_the_plan_count() -> None:
    early = compare(sequential(), table(ce=3, dice=2, focal=0))
    (dice,) = [row for row in early.blocks[0].rows if row.label == "dice"]
    assert dice.differences["miou"].p is None
    assert dice.differences["miou"].test == "none: no look is at 2 seeds"
    assert dice.note == "not looked at before 3 seeds"
    first = compare(sequential(), table(ce=3, dice=3, focal=0))
    (dice,) = [row for row in first.blocks[0].rows if row.label == "dice"]
    assert dice.differences["miou"].p_holm == pytest.approx(min(1.0, 2 * (dice.differences["miou"].p or 0)))
    delta = min(dice.class_deltas.values(), key=lambda delta: 1.0 if delta.p is None else delta.p)
    assert delta.p_holm == pytest.approx(min(1.0, 2 * len(dice.class_deltas) * (delta.p or 0)))


def test_what_the_rule_settles_is_what_the_table_marks() -> None:
    comparison = compare(sequential(until=replace(RULE, half_width=None)), table(ce=9, dice=9, focal=9))
    for row in comparison.blocks[0].rows:
        if not row.is_baseline:
            assert row.differences["miou"].significant == (comparison.decisions[row.label].settled == "differs")
    assert comparison.decisions["dice"].settled == "differs"


@pytest.mark.parametrize("width", [None, 1.2])
def test_tables_at_once_are_settled_as_one_by_one(width: float | None) -> None:
    rule = until(first=3, step=2, at_most=9, half_width=width)
    points = drawn(40, 3, 9, differences=[2.5], seed=6)
    at_once = simulated(points, rule, [2.5])
    for index in range(40):
        baseline = np.zeros(9)
        rows = {str(row): points[index, row] / 100 for row in range(3)}
        alone = settled(rows, baseline, rule)
        assert [one.seeds for one in alone.values()] == at_once.seeds[index].tolist()
        assert [one.settled == "differs" for one in alone.values()] == at_once.differs[index].tolist()
    assert at_once.differs.any()
    assert len(np.unique(at_once.seeds)) > 1


def test_equal_rows_differ_in_no_more_than_five_percent_of_the_tables() -> None:
    rule, tables = until(first=3, step=1, at_most=8, half_width=1.0), 10_000
    found = simulated(drawn(tables, 3, 8, differences=[], seed=1), rule, [])
    error = (0.05 * 0.95 / tables) ** 0.5
    assert found.differs.any(1).mean() <= 0.05 + 2 * error
    assert found.covered.mean(0).min() >= 0.95 - 2 * error
