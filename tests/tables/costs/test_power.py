"""How many rows are compared with one baseline."""

from dataclasses import replace

import pytest

from seglab.errors import SeglabError
from seglab.tables.costs.power import _compared
from seglab.tables.plan.model import Plan, Row
from seglab.tables.plan.read import read_plan
from tests.tables.comparison.losses import plan


def test_the_family_is_all_rows_but_the_baseline() -> None:
    assert _compared(plan()) == 2
    assert _compared(plan(rows=(*plan().rows, Row(label="half", downsample=2)))) == 2
    assert _compared(plan(baseline=("ce", "dice"))) == 2  # they may all be measured alike: the first is the baseline


def test_each_place_has_a_family_of_its_own() -> None:
    table = replace(read_plan("synthetic_weather"), baseline=())
    places = list(table.tested_on)
    first = table.rows[0].training
    tested = replace(table, baseline=tuple(row.label for row in table.rows if row.training == first))
    assert len(tested.baseline) == len(places)
    assert _compared(tested) == len(table.rows) // len(places) - 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (plan(baseline=()), "losses has no baseline - state `baseline: LABEL` in its YAML"),
        (plan(rows=plan().rows[:1]), "losses has no other row"),
    ],
)
def test_without_a_comparison_there_is_no_power(wrong: Plan, message: str) -> None:
    with pytest.raises(SeglabError, match=message):
        _compared(wrong)
