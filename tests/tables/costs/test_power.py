"""How many rows are compared with one baseline, and what one seed of them costs."""

from dataclasses import replace
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from seglab.errors import SeglabError
from seglab.tables.comparison.comparison import compare
from seglab.tables.costs.power import _compared, answer
from seglab.tables.plan.model import Plan, Row, Until
from seglab.tables.plan.read import read_plan
from seglab.tables.plan.tested_on import expanded
from seglab.tables.plan.tuning import Trial, Tune
from seglab.tables.survey.composed import Composed
from seglab.tables.survey.standing import State
from seglab.tables.survey.survey import Survey
from tests.tables.comparison.losses import all_measured, plan
from tests.tables.costs.test_costs import CONFIG


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


def test_several_baselines_at_each_place_are_in_its_family() -> None:
    places = {"here": {"data": "synthetic"}, "there": {"data": "synthetic", "split": "test"}}
    rows = expanded(plan().rows, places, where="t")
    tested = plan(rows=rows, tested_on=places, baseline=tuple(row.label for row in rows if row.training != "focal"))
    assert len(tested.baseline) == 4
    assert _compared(tested) == _compared(plan(baseline=("ce", "dice"))) == 2


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


def test_trials_are_no_part_of_a_seed(tmp_path: Path) -> None:
    low, high = ("optimizer.lr=0.001",), ("optimizer.lr=0.01",)
    ce, dice, focal = plan().rows
    tuned = plan(rows=(ce, replace(dice, tune=Tune(candidates=(low, high), seed=9)), focal))
    trials = [
        Trial(row="dice", values=values, seed=9, fingerprint=values[0], column="miou", checkpoint="best",
              dataset="synthetic", split="val", outcome="finished", score=0.5, seconds=1000.0, config=CONFIG)
        for values in (low, high)
    ]  # fmt: skip
    states = [
        State(row=row.label, seed=seed, status="missing" if seed == 3 else "trained", seconds=None if seed == 3 else 10)
        for row in tuned.rows
        for seed in tuned.seeds
    ]
    asked = answer(
        Survey(plan=tuned, states=tuple(states), trials={"dice": trials}),
        Composed({(row.label, 1): OmegaConf.create(CONFIG) for row in tuned.rows}, {}),
        [compare(plan(), all_measured())],
        column=None, difference=None, output=tmp_path,
    ).question  # fmt: skip
    assert (asked.seconds, asked.spent, list(asked.unknown)) == (30, 60, [])


def test_of_seeds_that_are_added_the_looks_are_told(tmp_path: Path) -> None:
    rule = Until(column="miou", half_width=None, or_differs=True, first=2, step=1, at_most=4)
    for until, looks in ((None, ()), (rule, (2, 3, 4))):
        survey = Survey(plan=plan(until=until), states=())
        measured = [compare(plan(), all_measured())]
        found = answer(survey, Composed({}, {}), measured, column=None, difference=None, output=tmp_path)
        assert found.question.looks == looks
