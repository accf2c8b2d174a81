"""Partial files: gone after a failure, and cleaned up when their process is."""

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress

from seglab.runs.partial import partial_of, remove_leftovers, written_beside


def test_of_a_failure_nothing_is_left(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with suppress(KeyboardInterrupt), written_beside(path) as partial:
        partial.write_text("new")
        raise KeyboardInterrupt
    assert (path.read_text(), len(list(tmp_path.iterdir()))) == ("old", 1)
    with written_beside(path) as partial:
        partial.write_text("new")
    assert (path.read_text(), len(list(tmp_path.iterdir()))) == ("new", 1)


def test_what_dead_processes_left_is_removed_and_what_others_write_stays(tmp_path):
    here, process = socket.gethostname(), subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    dead = f"{here}-{process.pid}"
    gone = [f".record.json.{dead}.partial", ".b.elsewhere-1.partial", ".last.ckpt.partial", ".old.77.partial"]
    stays = [f".a.{here}-{os.getppid()}.partial", ".c.elsewhere-1.partial"]
    stays += [partial_of(tmp_path / "d").name, "record.json"]
    for name in (*gone, *stays):
        (tmp_path / name).touch()
        if name in gone[1:]:
            os.utime(tmp_path / name, (time.time() - 90_000,) * 2)
    folder = tmp_path / f".city.{dead}.partial"
    (folder / "deep").mkdir(parents=True)
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(stays)
