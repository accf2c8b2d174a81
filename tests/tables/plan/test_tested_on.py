"""Trained on x, tested on y: the rows that a table's YAML means."""

import pytest

from seglab.errors import SeglabError
from seglab.tables.plan.budgets import reduced
from seglab.tables.plan.read import plan_of
from tests.tables.plan.losses import changed

PLACES = {"day": {"data": "synthetic"}, "wet": {"data": "acdc", "split": "val_rain"}}
ROWS = [{"label": "ce", "overrides": ["loss=ce"], "evaluation": {"flip": True}}, {"label": "on", "starts_from": "ce"}]


def test_each_training_is_a_row_at_each_place_and_has_its_baseline_there() -> None:
    plan = plan_of(changed(rows=ROWS, tested_on=PLACES, baseline="ce"), name="t")
    assert [(row.label, row.training, row.place, row.needs) for row in plan.rows] == [
        ("ce on day", "ce", "day", None),
        ("ce on wet", "ce", "wet", None),
        ("on on day", "on", "day", "ce on day"),
        ("on on wet", "on", "wet", "ce on day"),
    ]
    assert [row.evaluation for row in plan.rows[:2]] == [
        {"flip": True, "data": "synthetic"},
        {"flip": True, "data": "acdc", "split": "val_rain"},
    ]
    assert [row.overrides for row in plan.rows] == [("loss=ce",)] * 2 + [()] * 2
    assert plan.baseline == ("ce on day", "ce on wet")


def test_a_reduced_form_marks_the_trainings_as_well() -> None:
    plan = reduced(plan_of(changed(rows=ROWS, tested_on=PLACES, baseline="ce"), name="t"), "smoke")
    assert [(row.label, row.training) for row in plan.rows][:2] == [
        ("ce on day (smoke)", "ce (smoke)"),
        ("ce on wet (smoke)", "ce (smoke)"),
    ]
    assert plan.baseline == ("ce on day (smoke)", "ce on wet (smoke)")


def test_without_places_rows_are_as_they_are_stated() -> None:
    plan = plan_of(changed(rows=ROWS, baseline="ce"), name="t")
    assert [(row.label, row.training, row.place) for row in plan.rows] == [("ce", None, None), ("on", None, None)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tested_on": ["acdc"]}, r"tested_on: expected \{title: \{data: NAME, ...\}\}; came \['acdc'\]"),
        ({"tested_on": {"wet": {"split": "val"}}}, r"tested_on.wet: expected \{data: NAME, ...\}; came"),
        ({"tested_on": {"wet": {"data": "acdc", "splt": "v"}}}, "no key 'splt' in evaluation - did you mean 'split'"),
        ({"rows": [{"label": "half", "downsample": 2}], "baseline": None}, "rows that are trained; came 'half'"),
        (
            {"rows": [{"label": "x", "evaluation": {"split": "val"}}], "baseline": None},
            "no data set beside tested_on; came split",
        ),
        ({"rows": [{"label": "x", "place": "y"}]}, "no key 'place'"),
        ({"baseline": "cee"}, "baseline: expected the label of a row .*; came 'cee' - did you mean 'ce'"),
    ],
)
def test_mistakes(changes: dict, message: str) -> None:
    with pytest.raises(SeglabError, match=message):
        plan_of(changed(**{"rows": ROWS, "tested_on": PLACES, **changes}), name="t")
