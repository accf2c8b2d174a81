"""Files of a run's folder are whole at every moment, and its log lasts as long as it is asked to."""

import logging
import os
from pathlib import Path

import pytest

from seglab import runs


@pytest.mark.parametrize("write", [runs.write_atomically, runs.write_quickly])
def test_a_write_that_breaks_off_leaves_the_old_file(tmp_path, monkeypatch, write):
    path = tmp_path / "record.json"
    write(path, "old")

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            write(path, "new")
    assert path.read_text() == "old"
    write(path, "newer")
    assert path.read_text() == "newer"
    assert list(tmp_path.iterdir()) == [path]


def test_the_log_goes_to_the_folder_while_it_lasts(tmp_path):
    log = logging.getLogger("seglab")
    for word in ("first", "second"):
        with runs.logging_to(tmp_path):
            log.warning("the %s line", word)
        log.warning("between")
    lines = (tmp_path / "run.log").read_text().splitlines()
    assert [line.partition(" WARNING ")[2] for line in lines] == ["the first line", "the second line"]


def test_paths_are_shown_as_a_user_would_type_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert runs.shown(tmp_path / "outputs" / "x") == str(Path("outputs", "x"))
    assert runs.shown(tmp_path.parent) == str(tmp_path.parent)
