"""Compositions are kept beside a table, and made anew where what they are made of has changed: all of the code too."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from seglab import PACKAGE, runs
from seglab.errors import SeglabError
from seglab.tables.plan.model import Plan, Row
from seglab.tables.survey import composed
from seglab.tables.survey.composed import FILE, Kept, kept_or_composed

PATTERNS = ("labels/*.py", "config/*.py", "runs/*.py", "tables/plan/*.py", "tables/survey/*.py")
FILES = sorted(path.relative_to(PACKAGE) for pattern in PATTERNS for path in PACKAGE.glob(pattern))


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return shutil.copytree(
        PACKAGE, tmp_path_factory.mktemp("code") / "seglab", ignore=shutil.ignore_patterns("__pycache__")
    )


@pytest.fixture
def key(copy, monkeypatch, tmp_path):
    """`key()` of what every composition is made of, with the code in `copy`."""
    monkeypatch.setattr(composed, "PACKAGE", copy)
    monkeypatch.setattr(composed.config, "FOLDER", tmp_path)
    return lambda: composed._files.__wrapped__(())


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_change_of_any_file_that_composes_makes_another_key(copy, key, file):
    before = key()
    assert key() == before
    (copy / file).write_text((copy / file).read_text() + "# a change\n")
    assert key() != before


def test_every_module_that_composing_imports_is_one_of_those_files():
    program = (
        "import sys, seglab.tables.survey.composed\n"
        "print(*(module.__file__ for name, module in sys.modules.items() if name.partition('.')[0] == 'seglab'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PACKAGE.parent, capture_output=True, text=True, check=True
    )
    files = {str(path) for pattern in composed._CODE for path in PACKAGE.glob(pattern)}
    assert set(done.stdout.split()) - files == set(), "to be added to _CODE"


PLAN = Plan(name="t", title="T", source="s", rows=(Row(label="ce"),), columns=("miou",), seeds=(1, 2),
            common=("data=synthetic",))  # fmt: skip


@pytest.fixture
def kept(tmp_path: Path) -> Callable[..., Kept]:
    def called(plan: Plan = PLAN, overrides: tuple[str, ...] = ()) -> Kept:
        return kept_or_composed(plan, overrides=overrides, search_path=(), output=tmp_path)

    return called


def test_a_kept_composition_is_read_and_equal(kept, monkeypatch: pytest.MonkeyPatch) -> None:
    first = kept()
    monkeypatch.setattr(composed, "compose", None)  # nothing is composed again
    assert kept() == first
    assert list(first.rows) == [("ce", 1), ("ce", 2)]
    again = first.only([("ce", 2)])
    assert {which: runs.fingerprint(runs.plain(cfg)) for which, cfg in again.configurations.items()} == {
        ("ce", 2): first.rows["ce", 2][0]
    }
    assert again.evaluation["split"] == "val"


def test_another_plan_and_other_overrides_are_composed(kept) -> None:
    first = kept()
    other = kept(overrides=("optimizer.lr=0.5",))
    assert other.rows["ce", 1][0] != first.rows["ce", 1][0]
    assert kept(replace(PLAN, rows=(Row(label="dice", overrides=("loss=dice",)),))).rows.keys() == {
        ("dice", 1), ("dice", 2),
    }  # fmt: skip
    with pytest.raises(SeglabError, match="no option 'syntetic' for 'data' - did you mean 'synthetic'"):
        kept(replace(PLAN, common=("data=syntetic",)))


def test_a_damaged_file_is_made_anew(kept, tmp_path: Path) -> None:
    first = kept()
    path = tmp_path / "tables" / "t" / FILE
    path.write_text("{")
    assert kept() == first
    assert path.read_text() != "{"
