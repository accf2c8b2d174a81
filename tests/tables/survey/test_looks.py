"""The looks at a table are kept, and other looks than were planned are told of."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from seglab.errors import SeglabError
from seglab.tables.comparison.comparison import Comparison, compare
from seglab.tables.plan.model import Until
from seglab.tables.survey.looks import committed_looks, keep
from tests.tables.comparison.losses import plan
from tests.tables.comparison.test_sequential import RULE, sequential, table


def compared(rule: Until = RULE, seeds: int = 5) -> Comparison:
    return compare(sequential(until=rule), table(ce=seeds, dice=seeds, focal=seeds))


def test_the_looks_that_were_made_are_kept(tmp_path: Path) -> None:
    place = tmp_path / "tables" / "looks.json"
    assert keep(compared(), [place, tmp_path / "none.json"]) is None
    kept = json.loads(place.read_text())
    assert kept["planned"] == [[3, 5, 7, 9]]
    assert kept["made"]["focal"] == {"looks": 2, "seeds": 5, "settled": None}
    assert kept["made"]["dice"]["settled"] is not None
    before = place.read_text()
    assert keep(compared(), [place]) is None
    assert place.read_text() == before


def test_nothing_is_kept_before_a_look_and_of_a_list_of_seeds(tmp_path: Path) -> None:
    assert keep(compared(seeds=2), [tmp_path / "looks.json"]) is None
    assert keep(compare(plan(), table(ce=3, dice=3, focal=3)), [tmp_path / "looks.json"]) is None
    assert not list(tmp_path.iterdir())


def test_who_plans_other_looks_after_the_first_is_told_whichever_file_knows_it(tmp_path: Path) -> None:
    here, committed = tmp_path / "looks.json", committed_looks(sequential(), tmp_path)
    assert committed.name == "losses.looks.json"
    keep(compared(), [committed])
    longer = compared(replace(RULE, at_most=11))
    told = keep(longer, [here, committed])
    assert told is not None
    assert told.startswith(
        "the looks were planned at 3, 5, 7, 9 seeds when the first was made, and are at 3, 5, 7, 9, 11"
    )
    assert keep(longer, [here]) == told  # it is not forgotten
    assert keep(compared(replace(RULE, half_width=0.4)), [tmp_path / "other.json", committed]) is None  # may be changed


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "looks.json").write_text("{}")
    with pytest.raises(SeglabError, match="expected the looks at a table, with planned as a list; came nothing"):
        keep(compared(), [tmp_path / "looks.json"])
