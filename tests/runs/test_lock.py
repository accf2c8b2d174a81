"""One process in a folder."""

import errno
import json
import subprocess
import sys

import pytest

from seglab import runs
from seglab.errors import SeglabError


def test_second_process_in_a_folder_is_refused_and_a_dead_one_is_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr("seglab.runs.lock.PATIENCE", 0.1)
    holder = (
        "import sys\nfrom pathlib import Path\nfrom seglab import runs\n"
        "with runs.only_process_in(Path(sys.argv[1])): print('in', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", holder, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "in\n"
    (tmp_path / "record.json").write_text(json.dumps({"status": "running", "pid": process.pid, "host": "here"}))
    with pytest.raises(SeglabError, match=rf"in use by process {process.pid} on here"), runs.only_process_in(tmp_path):
        pass
    process.kill()
    process.communicate()
    with runs.only_process_in(tmp_path):
        pass


def test_without_locks_a_file_stands_in_for_one(tmp_path, monkeypatch, caplog):
    def flock(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    monkeypatch.setattr("seglab.runs.lock.PATIENCE", 0.1)
    (tmp_path / ".lock").touch()  # of an earlier run, when there were locks
    with runs.only_process_in(tmp_path):
        assert "a file stands in for the lock" in caplog.text
        assert (tmp_path / ".lock").stat().st_size
        with pytest.raises(SeglabError, match="is in use by process"), runs.only_process_in(tmp_path):
            pass
    with runs.only_process_in(tmp_path):
        pass
