"""What the launch of a sweep tells of jobs that ran in a queue, where their own words are not seen."""

import inspect
import logging
import subprocess
from pathlib import Path

import pytest

from seglab import runs
from seglab.multirun import launch, queued


class FailedJobError(RuntimeError):
    """As submitit's, which is an optional package."""


ERROR = """\
Job (task=0) failed during processing with trace:
----------------------
Traceback (most recent call last):
  File "x.py", line 1, in run
seglab.errors.Interrupted: interrupted by SIGTERM

----------------------
You can check full logs with 'job.stderr(0)' and 'job.stdout(0)'or at paths:
  - /x/0_log.err"""


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "x"
    jobs = {name: () for name in ("done", "stopped", "wrong", "killed", "waiting")}
    for name, record in {
        "done": {"status": "finished", "seconds": 3.2},
        "stopped": {"status": "interrupted", "error": "SLURM's time limit"},
        "wrong": {"status": "failed", "error": "ValueError: x"},
        "killed": {"status": "running", "host": "here"},
    }.items():
        (folder / name).mkdir(parents=True)
        runs.write_record(folder / name, record)
    monkeypatch.setattr("socket.gethostname", lambda: "here")
    launch.plan.write(folder, jobs, command="python -m seglab.train -m ...")
    monkeypatch.setattr(launch, "_sweep", launch._Sweep(folder, jobs, [], is_queued=True))
    return folder


def test_every_job_has_its_line_and_the_way_on_is_named(sweep, caplog, capsys) -> None:
    caplog.set_level(logging.INFO, "seglab")
    assert launch.finish() == 1
    lines = [record.message for record in caplog.records]
    assert lines == [
        "[1] done  finished, nothing was validated, 3 s",
        "[2] stopped  interrupted: SLURM's time limit",
        "[3] wrong  FAILED: ValueError: x",
        "[4] killed  died unseen: cancelled, killed, or its node went down",
        "[5] waiting  has not begun; what SLURM's job has said stands in .submitit",
        "what is left is continued by the same command with sweep=x",
        "what has failed is tried again with sweep=x retry_failed=true",
    ]


def test_a_damaged_record_is_told_once_and_the_others_as_ever(sweep, caplog) -> None:
    caplog.set_level(logging.INFO, "seglab")
    (sweep / "wrong" / "record.json").write_text("")
    assert launch.finish() == 1
    told = [record.message for record in caplog.records]
    assert sum("wrong" in line for line in told) == 1
    assert "[4] killed  died unseen: cancelled, killed, or its node went down" in told


def test_the_end_of_one_job_is_not_the_end_of_the_others(sweep, monkeypatch, caplog) -> None:
    (sweep / ".submitit" / "12_0").mkdir(parents=True)
    (sweep / ".submitit" / "12_1").mkdir()
    asked, queue = [], [b"12_1 debug\n", b""]

    def run(command, **unused):
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, stdout=queue.pop(0))

    monkeypatch.setattr(queued, "_PAUSE", 0)
    monkeypatch.setattr("subprocess.run", run)

    def task() -> None:
        raise FailedJobError(ERROR)

    launch.to_the_end(task)()
    assert asked == [["squeue", "--noheader", "--jobs", "12"]] * 2
    assert "a job of SLURM has not ended well: seglab.errors.Interrupted: interrupted by SIGTERM" in caplog.text


def test_another_error_is_raised(sweep) -> None:
    def task() -> None:
        raise ValueError("not SLURM's")

    with pytest.raises(ValueError, match="not SLURM's"):
        launch.to_the_end(task)()


def test_a_command_keeps_its_name() -> None:
    """By which its --help is found."""

    def task() -> None: ...

    assert inspect.unwrap(launch.to_the_end(task)) is task
