"""The tables of sweeps from jobs made by hand."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from seglab.display.sheet import show
from seglab.multirun.overview import jobs_sheet, overview_sheet
from seglab.multirun.status import Job, Monitor, Sweep
from seglab.runs import State

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def job(name: str, status: str, *, seconds: float | None = None, damage: str | None = None, **state) -> Job:
    loss, seed = name.split("-")
    return Job(
        folder=Path("outputs/sweeps/losses") / name,
        overrides={"loss": loss, "seed": seed, "trainer": "gpu"},
        state=State(status=status, **{"attempts": 1, **state}),
        seconds=seconds,
        last_activity=NOW - timedelta(seconds=90),
        damage=damage,
    )


@pytest.fixture
def sweep() -> Sweep:
    jobs = [
        job("ce-1", "finished", seconds=100.0, best=0.41, epoch=12, max_epochs=12),
        job("ce-2", "running", seconds=30.0, best=0.5, epoch=3, max_epochs=12, host="gpu-3", pid=77, heartbeat_age=4.2),
        job("dice-1", "failed", seconds=5.0, best=0.9, error="OutOfMemoryError: 2 GiB\nwere wanted"),
        job("dice-2", "pending"),
    ]
    return Sweep(folder=Path("outputs/sweeps/losses"), jobs=jobs, command="python -m seglab.train -m loss=ce,dice")


def column(sheet, title: str) -> list[str]:
    index = list(sheet.header).index(title)
    return [row[index].text for row in sheet.rows]


def test_one_row_a_job(sweep):
    sheet = jobs_sheet(sweep, now=NOW)
    assert list(sheet.header) == ["loss", "seed", "status", "process", "epoch", "best mIoU", "time", "heartbeat"]
    assert column(sheet, "loss") == ["ce", "ce", "dice", "dice"]
    assert column(sheet, "epoch") == ["12/12", "3/12", "–", "–"]
    assert column(sheet, "best mIoU") == ["41.0 %", "50.0 %", "90.0 %", "–"]
    assert column(sheet, "process") == ["", "gpu-3:77", "", ""]
    assert column(sheet, "heartbeat") == ["", "4 s", "", ""]
    assert [row[5].best for row in sheet.rows] == [False, True, False, False]  # a failed job wins nothing
    assert sheet.caption.startswith("losses: 1/4 finished, 1 running, 1 failed, 1 pending; 2 min 15 s spent, ~3 min")
    assert "failed: loss=dice seed=1: OutOfMemoryError: 2 GiB were wanted  (" in sheet.notes[0]
    assert not any(note.startswith("to continue") for note in sheet.notes)


def test_what_stopped_says_how_to_go_on(sweep):
    stopped = [*sweep.jobs[:1], job("ce-2", "stale", host="gpu-3", pid=77), *sweep.jobs[2:]]
    sheet = jobs_sheet(Sweep(folder=sweep.folder, jobs=stopped, command=sweep.command), now=NOW)
    assert sheet.notes[-1] == f"to continue: {sweep.command}"
    assert "stale: loss=ce seed=2: process gpu-3:77 is gone" in sheet.notes[0]
    assert "left if continued, last active 1 min ago" in sheet.caption


def test_one_row_a_sweep(sweep):
    done = Sweep(folder=Path("outputs/sweeps/done"), jobs=[sweep.jobs[0]])
    sheet = overview_sheet([sweep, done], output="elsewhere", now=NOW)
    assert sheet.caption == "2 sweeps in elsewhere"
    name = "losses\n  1 running, 1 failed, 1 pending\n  best: loss=ce seed=2"
    assert [[cell.text for cell in row] for row in sheet.rows] == [
        [name, "1/4", "50.0 %", "2 min 15 s", "~3 min", "1 min ago"],
        ["done", "1/1", "41.0 %", "1 min 40 s", "–", "1 min ago"],
    ]
    assert sheet.notes == ["the jobs of one: python -m seglab.sweeps sweep=NAME output=elsewhere"]


def test_a_loss_is_no_percentage_and_the_lowest_is_best(sweep):
    by_loss = Sweep(folder=sweep.folder, jobs=sweep.jobs, monitor=Monitor("val/loss", "min"))
    sheet = jobs_sheet(by_loss, now=NOW)
    assert column(sheet, "best val/loss")[:2] == ["0.41", "0.5"]
    assert [row[5].best for row in sheet.rows] == [True, False, False, False]
    both = overview_sheet([sweep, by_loss], output="outputs", now=NOW)
    assert column(both, "best score") == ["50.0 %", "0.41"]


def test_a_damaged_job_is_named_and_the_others_shown(sweep):
    damaged = Sweep(
        folder=sweep.folder, jobs=[*sweep.jobs, job("focal-1", "pending", damage="record.json is not JSON")]
    )
    sheet = jobs_sheet(damaged, now=NOW)
    assert column(sheet, "status") == ["finished", "running", "failed", "pending", "damaged"]
    assert "damaged: record.json is not JSON" in sheet.notes
    assert "1 damaged" in overview_sheet([damaged], output="outputs", now=NOW).rows[0][0].text


@pytest.mark.parametrize("columns", [80, 160])
def test_fits(sweep, columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    show(overview_sheet([sweep], output="outputs", now=NOW))
    show(jobs_sheet(sweep, now=NOW))
    assert max(map(len, capsys.readouterr().out.splitlines())) <= columns


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.4, "0 s ago"), (59, "59 s ago"), (61, "1 min ago"), (7300, "2 h ago"), (200_000, "2 d ago")],
)
def test_ages(seconds, shown):
    job = Job(folder=Path("x/a"), overrides={}, state=State(status="finished"),
              last_activity=NOW - timedelta(seconds=seconds))  # fmt: skip
    sheet = overview_sheet([Sweep(folder=Path("x"), jobs=[job])], output="outputs", now=NOW)
    assert column(sheet, "active") == [shown]
