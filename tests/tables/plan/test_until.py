"""Seeds that a table adds until it is settled: what its YAML may say of them."""

import pytest

from seglab.errors import SeglabError
from seglab.tables.plan.budgets import reduced
from seglab.tables.plan.model import Until
from seglab.tables.plan.read import plan_of
from tests.tables.plan.losses import changed, with_rows

RULE = {"until": {"column": "miou", "half_width": 0.5, "or_differs": True}, "at_most": 20}


def test_a_rule_in_place_of_seeds() -> None:
    plan = plan_of(changed(seeds=RULE), name="t")
    assert plan.until == Until(column="miou", half_width=0.5, or_differs=True, first=3, step=1, at_most=20)
    assert plan.seeds == tuple(range(1, 21))
    assert plan.until.looks == tuple(range(3, 21))
    assert plan.compared == ("dice",)
    assert plan_of(changed(), name="t").until is None


def test_what_is_left_out_is_the_first_score_and_a_difference() -> None:
    plan = plan_of(changed(seeds={"until": {}, "at_most": 9, "first": 4, "step": 2}), name="t")
    assert plan.until == Until(column="miou", half_width=None, or_differs=True, first=4, step=2, at_most=9)
    assert plan.until.looks == (4, 6, 8, 9)


def test_reduced_forms_with_seeds_of_their_own_have_no_rule() -> None:
    short = {"overrides": ["trainer.max_epochs=1"]}
    plan = plan_of(changed(seeds=RULE, budgets={"short": short}), name="t")
    assert reduced(plan, "short").until == plan.until
    assert (reduced(plan, "smoke").until, reduced(plan, "smoke").seeds) == (None, (1,))
    listed = plan_of(changed(seeds=RULE, budgets={"short": {**short, "seeds": [1, 2]}}), name="t")
    assert (reduced(listed, "short").until, reduced(listed, "short").seeds) == (None, (1, 2))


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ({"at_most": 5}, "table t: seeds: expected the key 'until'; it is not there - add it"),
        ({"until": {}}, "seeds: expected the key 'at_most'; it is not there"),
        ({**RULE, "most": 3}, "seeds: no key 'most'"),
        ({**RULE, "stp": 3}, "seeds: no key 'stp' - did you mean 'step'"),
        ({**RULE, "until": "miou"}, r"seeds.until: expected {column: ..., half_width: POINTS, .*}; came 'miou'"),
        ({**RULE, "until": {"colum": "miou"}}, "seeds.until: no key 'colum' - did you mean 'column'"),
        ({**RULE, "until": {"half_width": 0}}, r"half_width: expected percentage points > 0; came 0"),
        ({**RULE, "until": {"half_width": "0.5"}}, r"half_width: expected percentage points > 0; came '0.5'"),
        ({**RULE, "until": {"or_differs": 1}}, "or_differs: expected true or false; came 1"),
        ({**RULE, "until": {"or_differs": False}}, "until: expected half_width or or_differs: true; came neither"),
        ({**RULE, "first": 1}, "seeds.first: expected a whole number >= 2; came 1"),
        ({**RULE, "step": 0}, "seeds.step: expected a whole number >= 1; came 0"),
        ({**RULE, "at_most": 2}, "seeds.at_most: expected a whole number >= 3; came 2"),
        ({**RULE, "at_most": 101}, "seeds.at_most: expected 100 or fewer; came 101"),
        (
            {**RULE, "until": {"column": "mdice"}},
            "until.column: expected a score of .* columns, miou, .*'mdice'",
        ),
        ({**RULE, "until": {"column": "parameters"}}, "until.column: expected a score of the table's columns"),
    ],
)
def test_mistakes_are_named(seeds: object, message: str) -> None:
    with pytest.raises(SeglabError, match=message):
        plan_of(changed(seeds=seeds), name="t")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed(seeds=RULE, baseline=None), "seeds.until: expected one baseline, .*; came none - name it"),
        (changed(seeds=RULE, baseline=["ce", "dice"]), "seeds.until: expected one baseline, .*; came ce, dice"),
        (changed(seeds=RULE, evaluation={"split": ["val", "test"]}), "expected one split, .*; came test, val"),
        (with_rows({"overrides": ["loss=focal"], "evaluation": {"split": "val"}}) | {"seeds": RULE}, "came test, val"),
        (changed(seeds=RULE, rows=[{"label": "ce", "overrides": []}]), "expected a row beside the baseline; came none"),
        (changed(seeds=RULE, margin=0.5), "margin: expected a list of seeds beside it"),
        (changed(seeds=RULE, ranks=True), "ranks: expected a list of seeds beside it"),
    ],
)
def test_tables_that_a_rule_does_not_go_with(content: dict, message: str) -> None:
    with pytest.raises(SeglabError, match=message):
        plan_of(content, name="t")
