"""A kept composition is valid while the code that composes is the same: all of it."""

import shutil
import subprocess
import sys

import pytest

from seglab import PACKAGE
from seglab.tables.survey import composed

PATTERNS = ("labels.py", "config/*.py", "runs/*.py", "tables/plan/*.py", "tables/survey/*.py")
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
