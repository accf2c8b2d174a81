"""The reduced forms of a table."""

from dataclasses import replace

import pytest

from seglab.errors import SeglabError
from seglab.tables.plan.budgets import form, picked, reduced
from seglab.tables.plan.model import Plan
from seglab.tables.plan.read import plan_of, read_plan
from seglab.tables.survey.configurations import configurations


@pytest.fixture
def plan() -> Plan:
    return plan_of(
        {
            "title": "Losses", "source": "here", "seeds": [3, 4], "baseline": "ce", "columns": ["miou"],
            "rows": [
                {"label": "ce", "overrides": ["trainer.max_epochs=9"]},
                {"label": "tuned", "overrides": ["loss=dice"], "starts_from": "ce"},
                {"label": "half", "downsample": 2},
            ],
            "evaluation": {"split": "test", "flip": True},
            "budgets": {
                "short": {"overrides": ["trainer.max_epochs=2"], "evaluation": {"flip": False}, "note": "2 epochs"},
            },
        },
        name="t",
    )  # fmt: skip


def test_a_reduced_form_is_marked_wherever_it_is_named(plan: Plan) -> None:
    short = reduced(plan, "short")
    assert (short.name, short.budget, form(short)) == ("t", "short", "t.short")
    assert (short.title, short.baseline) == ("Losses (short)", ("ce (short)",))
    assert [(row.label, row.overrides, row.starts_from) for row in short.rows] == [
        ("ce (short)", ("trainer.max_epochs=9", "trainer.max_epochs=2"), None),
        ("tuned (short)", ("loss=dice", "trainer.max_epochs=2"), "ce (short)"),
        ("half (short)", (), None),
    ]
    assert short.seeds == (3, 4)
    assert short.evaluation == {"split": "test", "flip": False}
    assert short.notes == ("short form of t: 2 epochs",)


def test_the_full_form_is_the_table(plan: Plan) -> None:
    assert reduced(plan, "full") is plan
    assert form(plan) == "t"


def test_every_table_has_a_smoke_form_of_two_steps(plan: Plan) -> None:
    smoke = reduced(plan, "smoke")
    assert smoke.seeds == (3,)
    assert smoke.evaluation["limit"] == 2
    cfg = configurations(smoke)["ce (smoke)", 3]
    assert (cfg.trainer.max_epochs, cfg.trainer.limit_train_batches, cfg.data.cache) == (1, 2, None)


def test_a_form_that_is_not_stated_is_told_with_those_that_are(plan: Plan) -> None:
    with pytest.raises(SeglabError, match=r"table synthetic_losses has no form 'short'; expected one of full, smoke"):
        reduced(read_plan("synthetic_losses"), "short")
    with pytest.raises(SeglabError, match=r"no form 'shrt'; expected one of full, smoke, short - did you mean 'short'"):
        reduced(plan, "shrt")


def test_picked_rows_bring_those_that_they_start_from(plan: Plan) -> None:
    assert picked(plan, None) == ["ce", "tuned", "half"]
    assert picked(plan, ["tuned"]) == ["tuned", "ce"]
    assert picked(reduced(plan, "short"), ["half"]) == ["half (short)"]
    with pytest.raises(SeglabError, match=r"rows='tunde': expected labels of rows, ce, tuned, half - did you mean"):
        picked(plan, ["tunde"])


def test_a_reduced_form_goes_before_what_a_row_states_of_its_evaluation(plan: Plan) -> None:
    rows = (replace(plan.rows[0], evaluation={"limit": 40, "flip": True}), *plan.rows[1:])
    assert reduced(replace(plan, rows=rows), "smoke").rows[0].evaluation == {"limit": 2, "flip": True}
