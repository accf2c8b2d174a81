"""All tables in a list, each with its state."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from seglab.tables.plan.read import read_plan
from seglab.tables.survey import composed, inventory
from seglab.tables.survey.inventory import committed_csv, listed
from seglab.tables.survey.measurements import write_csv
from tests.tables.survey.finished import evaluation, surveyed

YAML = """
title: Mine
source: here
common: [data=synthetic]
seeds: [1, 2]
rows: [{label: ce, overrides: [loss=ce]}, {label: half, downsample: 2}]
columns: [miou]
budgets: {short: {overrides: [], seeds: [1]}}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "conf"
    folder.mkdir()
    (folder / "mine.yaml").write_text(YAML)
    return folder


def told(home: Path, overrides: Sequence[str] = ()) -> list[str]:
    return list(listed([home], output=home.parent / "outputs", overrides=overrides, search_path=()))


def test_where_nothing_was_run_nothing_is_composed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "kept_or_composed", None)
    (home / "broken.yaml").write_text("title: [")
    broken, mine, short = told(home)
    assert broken.startswith("broken\n    cannot be used: ")
    assert mine == "mine: Mine\n    3 runs: 3 missing"
    assert short == "    short: 2 runs: 2 missing"


def test_of_seeds_that_are_added_those_of_the_next_look_are_missing(home: Path, add: Callable[..., Path]) -> None:
    rule = "seeds: {until: {half_width: 0.5}, at_most: 4}\nbaseline: ce"
    text = YAML.replace("seeds: [1, 2]", rule).replace(
        "{label: half", "{label: dice, overrides: [loss=dice]}, {label: half"
    )
    (home / "mine.yaml").write_text(text)
    assert told(home)[0].endswith("\n    7 runs: 7 missing")
    add("outputs/sweeps/other/ce", "ce", 1, evaluation(0.5))  # of another configuration: now all are composed
    assert told(home)[0].endswith("\n    7 runs: 7 missing")


def test_a_committed_line_of_a_changed_configuration_counts_as_missing(home: Path, add: Callable[..., Path]) -> None:
    add("outputs/sweeps/other/ce", "ce", 1, evaluation(0.5))  # of another configuration
    write_csv(committed_csv(read_plan(home / "mine.yaml"), home), surveyed(home.parent / "outputs").measurements())
    _, state = told(home)[0].split("\n")
    assert state == "    3 runs: 3 missing"
    assert (home.parent / "outputs" / "tables" / "mine" / composed.FILE).is_file()
