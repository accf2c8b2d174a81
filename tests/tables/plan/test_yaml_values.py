"""Values that no table can mean are told where they stand."""

import pytest

from seglab.errors import SeglabError
from seglab.tables.plan.read import plan_of
from tests.tables.plan.losses import GOOD, changed


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1], r"table t: expected a mapping with title, .*; came \[1\]"),
        (changed(colums=["miou"]), "table t: no key 'colums' - did you mean 'columns'?"),
        (changed(title=None), "table t: expected the key 'title'; it is not there"),
        (changed(title=3), "table t: title: expected a text; came 3 - put it in quotes"),
        (changed(rows=[{"label": "ce", "override": []}]), r"rows\[0\]: no key 'override' - did you mean 'overrides'?"),
        (changed(rows=[{"label": True, "overrides": []}]), r"rows\[0\]: label: expected a text; came True"),
        (
            changed(rows=GOOD["rows"] + [{"label": "ce", "overrides": ["loss=focal"]}]),
            "different labels; came ce twice",
        ),
        (changed(rows=GOOD["rows"] + [{"label": "Theirs", "overrides": ["loss=focal"]}]), "came Theirs twice"),
        (changed(columns=["miou", "miou"]), "different columns; came miou twice"),
        (changed(seeds=[1, -1]), "seeds: expected whole numbers >= 0; came -1"),
        (changed(seeds=[True]), "seeds: expected whole numbers >= 0; came True"),
        (changed(seeds=[1, 1]), "different seeds; came 1 twice"),
        (changed(seeds=3), "seeds: expected a list; came 3"),
        (changed(groups={"small": ["pole", "pole"]}), "different classes; came pole twice"),
        (
            changed(published=[{"label": "T", "source": "s", "values": {}, "verified": "yes"}]),
            "verified: expected true or false; came 'yes'",
        ),
        (changed(evaluation={"split": ["val", "val"]}), "different splits; came val twice"),
        (changed(transposed="yes"), "transposed: expected true or false; came 'yes'"),
        (changed(budget="short"), "no key 'budget' - did you mean 'budgets'?"),
    ],
)
def test_what_is_no_such_value_is_told(content: object, message: str) -> None:
    with pytest.raises(SeglabError, match=message):
        plan_of(content, name="t")
