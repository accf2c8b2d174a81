"""`python -m seglab.sweeps` as a user types it, on records made by hand and on a real sweep."""

import json
import os
import pty
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from filelock import FileLock

from tests.waiting import PATIENCE


def write_job(folder: Path, status: str, **record) -> Path:
    folder.mkdir(parents=True)
    now = datetime.now().astimezone().isoformat()
    loss = folder.name.partition("-")[2]
    record = {"status": status, "attempts": 1, "started": now, "attempted": now, "overrides": [f"loss={loss}"],
              "host": socket.gethostname(), "pid": os.getpid(), **record}  # fmt: skip
    (folder / "record.json").write_text(json.dumps(record))
    return folder


@pytest.fixture
def losses(tmp_path: Path) -> Path:
    """A sweep with a finished and a failed job."""
    sweep = tmp_path / "outputs" / "sweeps" / "losses"
    scores = {"miou": 0.4321, "mdice": 0.5, "accuracy": 0.9, "loss": 1.0}
    monitor = {"name": "val/miou", "mode": "max", "value": 0.4321}
    write_job(sweep / "loss-ce", "finished", seconds=12.0, monitor=monitor, best={"epoch": 1, "metrics": scores})
    write_job(sweep / "loss-dice", "failed", error="ValueError: boom")
    return sweep


def test_all_sweeps_and_one(command, losses, tmp_path):
    done = command("sweeps", small=False, fresh=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 sweep in outputs" in done.stdout
    for part in ("losses", "1/2", "43.2 %", "1 failed", "best: loss=ce"):
        assert part in done.stdout
    one = command("sweeps", "sweep=losses", small=False)
    assert (one.returncode, one.stderr) == (0, "")
    assert "failed: loss=dice: ValueError: boom" in one.stdout
    assert "comparison" not in one.stdout  # of a single finished job
    assert "\x1b" not in one.stdout
    assert {path.name for path in tmp_path.iterdir()} <= {"outputs", "my_conf"}  # nothing was written


def test_mistakes(command, losses):
    for overrides, message in (
        (["sweep=loses"], "sweep=loses: expected the name of a folder in outputs/sweeps - did you mean 'losses'?"),
        (["output=elsewhere"], "no sweeps yet: expected folders in elsewhere/sweeps - start one with"),
        (["live=true"], "live=true expects a terminal"),
    ):
        done = command("sweeps", *overrides, small=False)
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout == ""


def test_nothing_heavy_is_imported(losses, environment, tmp_path):
    code = """
import sys
from seglab import sweeps
sys.argv = ["seglab-sweeps", "sweep=losses"]
sweeps.main()
print([name for name in ("torch", "lightning", "numpy", "pandas") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_live_until_ctrl_c(losses, in_terminal):
    running = write_job(losses / "loss-focal", "running")
    with FileLock(running / ".lock"):
        process, terminal = in_terminal("sweep=losses")
        shown = read_until(terminal, "running")
        now = datetime.now().astimezone().isoformat()
        beat = {"time": now, "epoch": 7, "max_epochs": 9, "best": 0.5}
        (running / "heartbeat.json").write_text(json.dumps(beat))
        shown += read_until(terminal, "7/9")  # it is read again
        os.write(terminal, b"\x03")
        shown += read_until(terminal, None)
        assert process.wait(PATIENCE) == 0
    assert "50.0 %" in shown
    assert shown.count("loss ") >= 2
    assert "Traceback" not in shown
    assert shown.rstrip().endswith("\x1b[?25h")  # the cursor is shown again


def test_live_ends_with_the_sweep(losses, in_terminal):
    running = write_job(losses / "loss-focal", "running")
    with FileLock(running / ".lock"):
        process, terminal = in_terminal()
        read_until(terminal, "1 running")
        write_job(losses / "loss-other", "failed", error="x")
        record = json.loads((running / "record.json").read_text())
        (running / "record.json").write_text(json.dumps({**record, "status": "failed", "error": "boom"}))
    shown = read_until(terminal, None)
    assert process.wait(PATIENCE) == 0
    assert "3 failed" in shown


@pytest.fixture
def in_terminal(environment, tmp_path) -> Iterator[Callable[..., tuple[subprocess.Popen, int]]]:
    """`in_terminal("sweep=x")`: the command in a pseudo terminal, whose Ctrl-C reaches it, and our end of it."""
    code = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); from seglab.sweeps import main; main()"
    started = []

    def start(*overrides: str) -> tuple[subprocess.Popen, int]:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", code, *overrides], cwd=tmp_path, env={**environment, "TERM": "xterm"},
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        started.append((process, ours))
        return process, ours

    yield start
    for process, ours in started:
        process.kill()
        process.wait()
        os.close(ours)


def read_until(terminal: int, word: str | None) -> str:
    """What the terminal shows up to `word`, or until its end, without colours."""
    text, deadline = "", time.monotonic() + PATIENCE
    while word is None or word not in text:
        assert time.monotonic() < deadline, text
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                part = os.read(terminal, 65536)
            except OSError:  # Linux: the other end is closed
                part = b""
            if not part:
                break
            text = re.sub(r"\x1b\[[0-9;]*m", "", text + part.decode(errors="replace"))
    return text
