"""What a table has trained and evaluated, and that a signal or a failure loses nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seglab.tables import launch
from seglab.tables.model import Plan, Row
from seglab.tables.state import State, Survey

PLAN = Plan(
    name="t",
    title="T",
    source="s",
    rows=(Row(label="ce", overrides=("loss=ce",)), Row(label="dice", overrides=("loss=dice",))),
    columns=("miou",),
    seeds=(1, 2),
    common=("data.size=[32,64]",),
    evaluation={"split": "test", "data": "my set", "tile": [32, 64]},
)
Calls = list[tuple[str, list[str]]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """The commands that would be run; each ends with exit code 1."""
    found: Calls = []

    def call(module: str, arguments: list[str]) -> int:
        found.append((module, list(arguments)))
        return 1

    monkeypatch.setattr(launch, "_call", call)
    return found


def survey(*statuses: str) -> Survey:
    planned = [(row.label, seed) for row in PLAN.rows for seed in PLAN.seeds]
    states = [State(row=row, seed=seed, status=status, folder=Path("outputs/runs") / f"{row} {seed}")
              for (row, seed), status in zip(planned, statuses, strict=True)]  # type: ignore[arg-type]  # fmt: skip
    return Survey(plan=PLAN, states=tuple(states))


def test_a_row_is_a_sweep_over_its_missing_seeds(calls: Calls) -> None:
    launch.train_missing(
        survey("missing", "measured", "interrupted", "stale"),
        output=Path("outputs"), overrides=["trainer=gpu"], search_path=[], retry_failed=False,
    )  # fmt: skip
    assert calls == [
        ("seglab.train", ["-m", "data.size=[32,64]", "loss=ce", "trainer=gpu", "seed=1", "sweep=t"]),
        ("seglab.train", ["-m", "data.size=[32,64]", "loss=dice", "trainer=gpu", "seed=1,2", "sweep=t"]),
    ]


def test_finished_running_and_failed_ones_are_left_alone_unless_asked(calls: Calls) -> None:
    one = survey("committed", "running", "failed", "trained")
    launch.train_missing(one, output=Path("outputs"), overrides=[], search_path=[], retry_failed=False)
    assert calls == []
    launch.train_missing(one, output=Path("my out"), overrides=[], search_path=["/conf"], retry_failed=True)
    assert calls == [
        (
            "seglab.train",
            ["-m", "--config-dir", "/conf", "data.size=[32,64]", "loss=dice", "seed=1", "sweep=t", 'output="my out"',
             "retry_failed=true"],
        )
    ]  # fmt: skip


def test_a_failed_evaluation_does_not_keep_the_others(calls: Calls, caplog: pytest.LogCaptureFixture) -> None:
    trained = survey("trained", "trained", "measured", "missing").to_evaluate()
    launch.evaluate_trained(trained, PLAN, search_path=[])
    assert calls == [
        ("seglab.evaluate", [f'run="outputs/runs/ce {seed}"', "split=test", 'data="my set"', "tile=[32, 64]"])
        for seed in (1, 2)
    ]
    assert "ce seed 1: the evaluation FAILED, exit code 1" in caplog.text


CHILD = """
import pathlib, signal, sys, threading, time
from seglab import jobs
jobs.watch_lifeline()
def stop(number, frame):
    pathlib.Path("saved").touch()
    sys.exit(3)
signal.signal(signal.SIGTERM, stop)
pathlib.Path("ready").write_text(str(__import__("os").getpid()))
time.sleep(60)
"""
PARENT = """
from seglab.tables import launch
try:
    launch._call("child", [])
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.fixture
def parent(tmp_path: Path) -> subprocess.Popen:
    """A process that waits for a command of its own, which is ready."""
    (tmp_path / "child.py").write_text(CHILD)
    path = os.pathsep.join([str(tmp_path), str(Path(launch.__file__).parents[2])])
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    wait_for(lambda: (tmp_path / "ready").exists() and (tmp_path / "ready").read_text() != "")
    return process


@pytest.mark.slow
def test_sigterm_reaches_the_command_which_saves_its_state(parent: subprocess.Popen, tmp_path: Path) -> None:
    parent.send_signal(signal.SIGTERM)
    assert parent.communicate(timeout=60)[0] == "interrupted\n"
    assert (tmp_path / "saved").exists()


@pytest.mark.slow
def test_the_command_dies_with_us(parent: subprocess.Popen, tmp_path: Path) -> None:
    child = int((tmp_path / "ready").read_text())
    assert is_alive(child)
    parent.kill()
    parent.communicate()
    wait_for(lambda: not is_alive(child))


def wait_for(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
