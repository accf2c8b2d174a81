"""The code that a run's record names is all of the package."""

import shutil

import pytest

from seglab import PACKAGE
from seglab.runs import provenance

ROOMS = sorted({path.parent.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py")})


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return shutil.copytree(
        PACKAGE, tmp_path_factory.mktemp("code") / "seglab", ignore=shutil.ignore_patterns("__pycache__")
    )


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_a_change_in_any_room_is_another_code(copy, monkeypatch, room):
    monkeypatch.setattr(provenance, "PACKAGE", copy)
    code = provenance.code.__wrapped__  # as every process computes it once
    before = code()
    assert code() == before
    file = min((copy / room).glob("*.py"))
    file.write_text(file.read_text() + "# a change\n")
    assert code() != before


def test_the_code_is_that_which_runs():
    assert provenance.PACKAGE == PACKAGE
    assert (PACKAGE / "runs" / "provenance.py").samefile(provenance.__file__)
