"""The sweeps of a folder, read from records as a training leaves them."""

import json
import os
import socket
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from seglab.errors import SeglabError
from seglab.multirun.status import Job, Monitor, Sweep, best_job, read_sweep, read_sweeps, seconds_left, sweep_folder
from seglab.runs import State

NOW = datetime.now().astimezone()


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def write(folder: Path, *, beat: dict | None = None, **record) -> Path:
    folder.mkdir(parents=True)
    record = {"attempts": 1, "started": ago(100), "attempted": ago(100), "overrides": [], "error": None, **record}
    (folder / "record.json").write_text(json.dumps(record))
    if beat:
        (folder / "heartbeat.json").write_text(json.dumps(beat))
    return folder


def finished(folder: Path, *, value: float = 0.4, seconds: float = 10.0, **record) -> Path:
    monitor = {"name": "val/mdice", "mode": "max", "value": value}
    return write(folder, status="finished", seconds=seconds, ended=ago(90), monitor=monitor, epochs=2, **record)


def plan(folder: Path, jobs: dict[str, list[str]], **launch) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    launches = [{"command": "python -m seglab.train -m", "time": ago(101), "host": "elsewhere", "pid": 1, **launch}]
    (folder / "sweep.json").write_text(json.dumps({"jobs": jobs, "launches": launches}))


def test_every_status(tmp_path):
    plan(tmp_path, {"e": ["loss=e"], "a": ["loss=a", "sweep=x"]})
    finished(tmp_path / "a")
    write(tmp_path / "b", status="failed", ended=ago(70), overrides=["+loss=b"], error="boom", started=ago(99))
    write(tmp_path / "c", status="interrupted", ended=ago(60), started=ago(98))
    beat = {"time": ago(40), "epoch": 1, "max_epochs": 4, "step": 3, "total_steps": 12, "best": 0.5}
    write(tmp_path / "d", status="running", host=socket.gethostname(), pid=1, beat=beat, started=ago(97))
    running = write(tmp_path / "f", status="running", host=socket.gethostname(), pid=os.getpid(), started=ago(96))
    with FileLock(running / ".lock"):
        sweep = read_sweep(tmp_path)
    statuses = {job.folder.name: job.status for job in sweep.jobs}
    assert list(statuses) == ["e", "a", "b", "c", "d", "f"]  # as asked for, then by their start
    assert list(statuses.values()) == ["pending", "finished", "failed", "interrupted", "stale", "running"]
    pending, first, failed, interrupted, stale, _ = sweep.jobs
    assert (pending.overrides, first.overrides, failed.overrides) == ({"loss": "e"}, {"loss": "a"}, {"loss": "b"})
    assert failed.seconds == pytest.approx(30, abs=1)
    assert interrupted.seconds == pytest.approx(40, abs=1)
    assert stale.seconds == pytest.approx(60, abs=1)  # until its last heartbeat, not until now
    assert stale.progress == 0.25
    assert sweep.monitor == Monitor("val/mdice", "max")
    assert sweep.command == "python -m seglab.train -m"
    assert sweep.is_running
    assert not sweep.is_finished


def test_between_two_jobs_a_sweep_runs_as_long_as_its_command(tmp_path):
    plan(tmp_path, {"a": [], "b": []}, host=socket.gethostname(), pid=os.getpid())
    finished(tmp_path / "a")
    assert read_sweep(tmp_path).is_running
    finished(tmp_path / "b")
    assert not read_sweep(tmp_path).is_running  # the process may be a notebook


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '"x"', "\xff", '{"status": "failed", "ended": 3}'])
def test_a_damaged_record_is_named_and_harms_no_other(tmp_path, text):
    finished(tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "record.json").write_text(text, encoding="latin-1")
    sweep = read_sweep(tmp_path)
    assert {job.folder.name: job.status for job in sweep.jobs} == {"a": "finished", "b": "damaged"}
    (damage,) = [job.damage for job in sweep.jobs if job.damage]
    assert str(tmp_path / "b" / "record.json") in damage
    assert "delete it" in damage


@pytest.mark.parametrize("text", ["", "{", "[]", '{"jobs": 1, "launches": []}'])
def test_a_damaged_plan_is_named_and_the_jobs_shown(tmp_path, text):
    finished(tmp_path / "a")
    (tmp_path / "sweep.json").write_text(text)
    sweep = read_sweep(tmp_path)
    assert [job.status for job in sweep.jobs] == ["finished"]
    assert sweep.damage is not None
    assert "sweep.json" in sweep.damage


def test_before_a_job_is_finished_its_configuration_tells_the_monitor(tmp_path):
    write(tmp_path / "a", status="interrupted", ended=ago(1))
    (tmp_path / "a" / "config.yaml").write_text("callbacks: {best: {monitor: val/loss, mode: min}}")
    assert read_sweep(tmp_path).monitor == Monitor("val/loss", "min")


def test_the_last_active_sweep_comes_first(tmp_path):
    finished(tmp_path / "a" / "job")
    write(tmp_path / "b" / "job", status="failed", ended=ago(5))
    (tmp_path / "empty").mkdir()
    assert [sweep.name for sweep in read_sweeps(tmp_path)] == ["b", "a", "empty"]


def test_errors_say_what_to_do(tmp_path):
    with pytest.raises(SeglabError, match=r"no sweeps yet: expected folders in .* - start one with python -m seglab"):
        read_sweeps(tmp_path / "nothing")
    with pytest.raises(SeglabError, match="there are no sweeps yet"):
        sweep_folder(tmp_path, "losses")
    (tmp_path / "losses").mkdir()
    assert sweep_folder(tmp_path, "losses") == tmp_path / "losses"
    with pytest.raises(SeglabError, match=r"sweep=loses: .* - did you mean 'losses'"):
        sweep_folder(tmp_path, "loses")
    with pytest.raises(SeglabError, match="there are losses"):
        sweep_folder(tmp_path, "optimizers")


def job(status: str, seconds: float | None = None, *, done: int = 0, attempts: int = 1, best=None, name="") -> Job:
    state = State(status=status, attempts=attempts, epoch=done, max_epochs=10, best=best)
    return Job(folder=Path(name or f"{status}-{seconds}-{done}"), overrides={}, state=state, seconds=seconds)


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [
        ([job("finished", 100.0), job("finished", 200.0), job("pending")], 150.0),
        ([job("finished", 100.0), job("finished", 3.0, attempts=2), job("pending")], 100.0),  # only its last part
        ([job("finished", 100.0), job("running", 30.0, done=6)], 20.0),  # at its own pace
        ([job("finished", 100.0), job("running", 1.0, done=6, attempts=2)], 40.0),  # its pace is not known
        ([job("running", 30.0, done=6), job("pending", name="a"), job("pending", name="b")], 20.0 + 2 * 50.0),
        # two at once: 90 + 10 + 100 seconds of work
        ([job("running", 10.0, done=1), job("running", 90.0, done=9), job("finished", 100.0), job("pending")], 100.0),
        ([job("running", 10.0, done=1), job("running", 90.0, done=9), job("finished", 100.0)], 90.0),  # the slower one
        ([job("finished", 100.0), job("interrupted", 20.0, done=5), job("stale", 50.0, done=5)], 20.0 + 50.0),
        ([job("finished", 100.0), job("failed", 7.0)], 0.0),  # is left alone
        ([job("pending")], None),
        ([job("running", 5.0)], None),
        ([job("failed", 7.0), job("pending")], None),
    ],
)
def test_seconds_left(jobs, expected):
    left = seconds_left(Sweep(folder=Path("x"), jobs=jobs))
    assert left == (None if expected is None else pytest.approx(expected))


def test_the_best_job_is_none_that_failed_or_is_not_a_number():
    jobs = [job("finished", 1.0, best=0.4), job("running", 2.0, best=0.5), job("failed", best=0.9),
            job("interrupted", best=float("nan")), job("pending")]  # fmt: skip
    assert best_job(Sweep(folder=Path("x"), jobs=jobs)) is jobs[1]
    assert best_job(Sweep(folder=Path("x"), jobs=jobs, monitor=Monitor("val/loss", "min"))) is jobs[0]
    assert best_job(Sweep(folder=Path("x"), jobs=jobs[2:])) is None


def test_each_of_two_hundred_records_is_read_once(tmp_path, monkeypatch):
    classes = {f"class {number}": {"iou": 0.1, "dice": 0.1, "accuracy": 0.1, "pixels": 1} for number in range(19)}
    for number in range(200):
        finished(tmp_path / str(number % 4) / f"job-{number}", best={"classes": classes}, last={"classes": classes})
    read = Counter()
    read_text = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda path, **how: (read.update([path]), read_text(path, **how))[1])
    assert sum(len(sweep.jobs) for sweep in read_sweeps(tmp_path)) == 200
    assert sum(path.name == "record.json" for path in read) == 200
    assert set(read.values()) == {1}, "and no other file of theirs more often"
