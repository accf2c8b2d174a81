"""Overrides and keys of an evaluation, as a table may state them."""

import pytest

from seglab.errors import SeglabError
from seglab.tables.plan.read import plan_of
from tests.tables.plan.losses import changed


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed(rows=[{"label": "a", "overrides": ["loss"]}]), "expected KEY=VALUE .*; came 'loss'"),
        (
            changed(rows=[{"label": "a", "overrides": ["loss=ce,dice"]}]),
            "one value; came 'loss=ce,dice' - make a row of",
        ),
        (changed(common=["seed=3"]), "common: seed is decided by the table; came 'seed=3'"),
        (changed(common=["hydra.run.dir=x"]), r"hydra.run.dir is decided by the table"),
        (changed(evaluation={"splt": "val"}), "no key 'splt' in evaluation - did you mean 'split'?"),
        (changed(evaluation={"device": "cpu"}), "no key 'device' in evaluation"),
        (changed(evaluation={"split": []}), "evaluation: split: expected one split or more; came none"),
    ],
)
def test_settings_that_a_table_does_not_decide_are_told(content: object, message: str) -> None:
    with pytest.raises(SeglabError, match=message):
        plan_of(content, name="t")
