"""A run on a disk that is full, or may not be written: a real one, in memory."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
Resize = Callable[[str], None]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Resize]:
    """A file system of its own in tmp_path/disk; `disk("size=1m")` and `disk("ro")` change it."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> subprocess.CompletedProcess[str]:
        typed = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        return subprocess.run(typed, capture_output=True, text=True, check=False)

    if mount("size=200k").returncode:
        pytest.skip("file systems can be mounted by root alone")
    yield lambda options: mount(f"remount,{options}")
    subprocess.run(["umount", "-l", folder], check=False)


def test_a_full_disk_is_told_frees_what_is_partial_and_the_run_goes_on(command, tmp_path, disk):
    typed = ("train", "-m", "seed=1", "callbacks.pictures=null", "output=disk", "sweep=x", "trainer.max_epochs=1")
    data = f"data.root={tmp_path / 'data'}"
    done = command(*typed, data)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "interrupted: DiskFullError: expected room for the checkpoint" in done.stderr
    (folder,) = (tmp_path / "disk" / "sweeps" / "x").glob("*seed-1*")
    assert json.loads((folder / "record.json").read_text())["status"] == "interrupted"
    assert not list(folder.rglob(".*.partial"))
    disk("size=20m")
    done = command(*typed, data)
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "record.json").read_text())["status"] == "finished"


def test_a_disk_that_may_not_be_written_is_one_message(command, disk):
    disk("ro")
    done = command("train", "output=disk")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("seglab: 'disk/runs")
    assert "Read-only file system - choose another folder" in done.stderr
    assert len(done.stderr.splitlines()) == 1
