"""A sweep on the terminal: its jobs, the comparison at its end, and how long it is watched."""

import io
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seglab import runs
from seglab.errors import SeglabError
from seglab.multirun import live
from seglab.multirun.live import show_sweep, watch
from seglab.multirun.status import Job, Sweep
from seglab.runs import State

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def job(loss: str, status: str, *, folder: Path = Path("losses")) -> Job:
    return Job(folder=folder / loss, overrides={"loss": loss}, state=State(status=status))


def sweep(*statuses: str) -> Sweep:
    return Sweep(folder=Path("losses"), jobs=[job(f"loss{number}", status) for number, status in enumerate(statuses)])


@pytest.fixture
def recorded(tmp_path: Path) -> Callable[..., Sweep]:
    """`recorded(ce="finished", ...)`: a sweep of these jobs, the finished ones with a record; each mIoU is higher."""

    def written(**statuses: str) -> Sweep:
        for number, (loss, status) in enumerate(statuses.items()):
            if status == "finished":
                (tmp_path / loss).mkdir()
                metrics = {"miou": 0.5 + number / 10, "mdice": 0.5, "accuracy": 0.5}
                best = {"epoch": 3, "metrics": metrics}
                runs.write_record(tmp_path / loss, {"status": status, "overrides": [f"loss={loss}"], "best": best})
        return Sweep(folder=tmp_path, jobs=[job(loss, status, folder=tmp_path) for loss, status in statuses.items()])

    return written


def test_a_finished_sweep_is_compared(recorded, capsys):
    show_sweep(recorded(ce="finished", dice="failed", focal="finished"), now=NOW)
    jobs, _, table = capsys.readouterr().out.partition("comparison: best epoch of each finished job")
    assert "2/3 finished, 1 failed" in jobs
    assert "50.0 " in table
    assert "70.0*" in table
    assert "dice" not in table.replace("mDice", "")


@pytest.mark.parametrize(
    "statuses",
    [
        {"ce": "finished", "dice": "failed"},  # one alone is compared with nothing
        {"ce": "finished", "dice": "finished", "focal": "running"},
        {"ce": "finished", "dice": "finished", "focal": "pending"},
    ],
)
def test_before_the_end_and_of_one_job_there_is_no_comparison(recorded, capsys, statuses):
    show_sweep(recorded(**statuses), now=NOW)
    printed = capsys.readouterr().out
    assert f"/{len(statuses)} finished" in printed
    assert "comparison" not in printed


def test_a_sweep_without_jobs_says_so_and_what_is_damaged(capsys):
    show_sweep(Sweep(folder=Path("losses"), jobs=[]), now=NOW)
    show_sweep(Sweep(folder=Path("losses"), jobs=[], damage="sweep.json is not JSON"), now=NOW)
    assert capsys.readouterr().out.splitlines() == [
        "losses: no job has begun",
        "losses: no job has begun; damaged: sweep.json is not JSON",
    ]


class Clock:
    """Time that passes while `watch` sleeps, and no other."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(live, "time", clock)
    return clock


def statuses(sweeps: list[Sweep]) -> None:
    print(*(job.status for sweep in sweeps for job in sweep.jobs))


def test_it_is_watched_until_nothing_is_left(clock, capsys):
    readings = iter([[sweep("running", "pending")], [sweep("finished", "running")], [sweep("finished", "failed")]])
    watch(lambda: next(readings), statuses)
    assert clock.now == 1000 + 2 * 2  # read every 2 seconds
    assert "finished failed" in capsys.readouterr().out


def test_all_sweeps_are_watched_until_the_last_one_ends(clock, capsys):
    readings = iter([[sweep("finished"), sweep("running")], [sweep("finished"), sweep("finished")]])
    watch(lambda: next(readings), statuses)
    assert "finished finished" in capsys.readouterr().out


def test_a_sweep_that_stands_still_is_left_after_a_minute(clock):
    watch(lambda: [sweep("finished", "interrupted")], statuses)
    assert 60 < clock.now - 1000 <= 62


def test_a_pause_between_two_jobs_is_waited_for(clock):
    """The minute is counted from the last job that ran."""

    def read() -> list[Sweep]:
        seconds = clock.now - 1000
        return [sweep("running" if seconds in (0, 50, 100) else "pending")]

    watch(read, statuses)
    assert 160 < clock.now - 1000 <= 162


def test_ctrl_c_ends_it_and_other_errors_are_told(clock, capsys):
    readings = iter([[sweep("running")]])

    def read(error: BaseException) -> list[Sweep]:
        for reading in readings:
            return reading
        raise error

    try:
        watch(lambda: read(KeyboardInterrupt()), statuses)
    except KeyboardInterrupt:
        pytest.fail("expected Ctrl-C to end the watching alone")
    assert "running" in capsys.readouterr().out  # what was shown stays
    with pytest.raises(SeglabError, match="no sweeps yet"):
        watch(lambda: read(SeglabError("no sweeps yet")), statuses)


def test_on_a_terminal_each_status_has_its_colour(clock, capsys, monkeypatch):
    for name in ("NO_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    watch(lambda: [sweep("finished", "failed")], statuses)
    printed = capsys.readouterr().out
    assert "\x1b[32mfinished\x1b[0m" in printed
    assert "\x1b[31mfailed\x1b[0m" in printed


def test_a_line_wider_than_the_terminal_is_cut_and_not_folded(clock, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    watch(lambda: [sweep("finished")], lambda sweeps: print("x" * 50 + "\nsecond"))
    assert capsys.readouterr().out.splitlines() == ["x" * 40, "second"]


@pytest.mark.parametrize(("encoding", "dash"), [("utf-8", "–"), ("ascii", "-")])
def test_what_is_shown_can_be_written_in_the_terminals_encoding(clock, monkeypatch, encoding, dash):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", terminal)
    watch(lambda: [sweep("failed")], lambda sweeps: show_sweep(sweeps[0], now=NOW))
    terminal.flush()
    printed = terminal.buffer.getvalue().decode(encoding).replace("|", " ")
    (line,) = [line for line in printed.splitlines() if line.split()[:1] == ["loss0"]]
    assert line.split() == ["loss0", "failed", dash, dash, dash]
