"""`python -m seglab.table` of rows that are tuned: broken off and typed again, recorded, rendered without any run."""

import csv
import json
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seglab.tables.plan.read import read_plan
from seglab.tables.render import readme
from tests.forked import Forked
from tests.waiting import PATIENCE, wait_for

MINE = """
title: Mine
source: measured here
common: [experiment=tiny, trainer.max_epochs=1, trainer.limit_train_batches=2]
seeds: [1, 2]
rows:
  - {label: ce, overrides: [loss=ce], tune: {optimizer.lr: [1e-7, 3e-2]}}
  - {label: broken, overrides: [loss=dice], tune: {optimizer.lr: [1e+30], data.batch_size: [2, 100]}}
columns: [miou]
evaluation: {split: val, resolution: network}
"""
# The second training waits after its first step, for the file `go` or a signal.
HELD = """
import json, time
from pathlib import Path

from lightning import Callback


class Held(Callback):
    def on_train_batch_start(self, trainer, module, batch, index):
        records = [json.loads(path.read_text()) for path in Path("outputs/sweeps/mine").glob("*/record.json")]
        others = any(record["status"] == "finished" for record in records)
        signalled = [callback for callback in trainer.callbacks if hasattr(callback, "received")]
        while index == 1 and others and not Path("go").exists() and not any(each.received for each in signalled):
            time.sleep(0.01)
"""


@pytest.fixture
def mine(tiny: list[str], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A table of the user's own: its arguments."""
    (tmp_path / "my_conf" / "table").mkdir()
    (tmp_path / "my_conf" / "table" / "mine.yaml").write_text(MINE)
    (tmp_path / "held.py").write_text(HELD)
    monkeypatch.setitem(environment, "SEGLAB_ALLOW", "held.Held")
    with (tmp_path / "my_conf" / "experiment" / "tiny.yaml").open("a") as experiment:
        experiment.write("callbacks: {held: {_target_: held.Held}}\n")
    return ["--config-dir", "my_conf", "table=mine", "write=[markdown]"]


def runs_of(folder: Path) -> dict[str, dict]:
    """{job: record}"""
    return {path.parent.name: json.loads(path.read_text()) for path in folder.glob("sweeps/mine/*/record.json")}


def best_val_miou(run: Path) -> float:
    """As metrics.csv has it."""
    with (run / "metrics.csv").open() as file:
        return max(float(line["val/miou"]) for line in csv.DictReader(file) if line["val/miou"])


@pytest.mark.slow
@pytest.mark.exhaustive
def test_broken_off_after_a_trial_and_typed_again_a_row_is_tuned_to_the_same(
    command: Callable, command_server, environment: dict[str, str], mine: list[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    outputs = tmp_path / "outputs"
    typed = [sys.executable, "-m", "seglab.table", *mine, "run=true"]
    first = Forked(command_server, typed, folder=tmp_path, environment=environment)
    try:
        wait_for(lambda: sorted(one["status"] for one in runs_of(outputs).values()) == ["finished", "running"], first)
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=PATIENCE)
    finally:
        first.kill()
        first.wait()
    told = command("table", *mine, small=False)
    assert "mine: 4 runs: 4 not tuned yet" in told.stdout
    assert "tuning: ce: 1 of 2 trials" in told.stdout
    assert "tuning: broken: 0 of 2 trials" in told.stdout
    assert "warning: ce, broken: tuned on synthetic val, and scored on it" in told.stdout

    (tmp_path / "go").touch()
    done = command("table", *mine, "run=true", "record=true", small=False)
    assert done.returncode == 1  # broken
    assert "Traceback" not in done.stderr
    assert "mine: 4 runs: 2 measured here, 2 not tuned yet" in done.stdout
    assert "tuning: broken: 1 of 2 trials" in done.stdout
    failed = "failed: broken: optimizer.lr=1e+30 data.batch_size=100 seed 1: SeglabError: expected at least one full"
    assert failed in done.stdout
    jobs = runs_of(outputs)
    by_rate = {
        rate: next(name for name, job in jobs.items() if {f"optimizer.lr={rate}", "seed=1"} <= set(job["overrides"]))
        for rate in ("1e-07", "0.03")
    }
    scores = {rate: best_val_miou(outputs / "sweeps/mine" / job) for rate, job in by_rate.items()}
    best = max(scores, key=lambda rate: scores[rate])
    assert jobs[by_rate["0.03"]]["attempts"] == 2
    others = [job["overrides"] for job in jobs.values() if {"loss=ce", "seed=2"} <= set(job["overrides"])]
    assert len(others) == 1
    assert f"optimizer.lr={best}" in others[0]
    whole = done_markdown(outputs)
    assert f"| ce | optimizer.lr={float(best)!r} | {100 * scores[best]:.1f} | 2 | 0 |" in whole

    again = command("table", *mine, "run=true", small=False)
    assert again.returncode == 1
    assert "seglab.train" not in again.stderr  # what diverged or failed is left alone
    assert done_markdown(outputs) == whole

    home = tmp_path / "my_conf" / "table"
    kept = json.loads((home / "mine.trials.json").read_text())["trials"]
    assert [trial["outcome"] for trial in kept] == ["finished", "finished", "diverged"]
    assert kept[2]["reason"].startswith("NonFiniteError: the loss")
    shutil.rmtree(outputs)
    committed = command("table", *mine, small=False)
    assert "mine: 4 runs: 2 committed, 2 not tuned yet" in committed.stdout
    assert done_markdown(outputs) == whole.replace("| failed |", "| missing |")  # why it failed is known here alone
    monkeypatch.setattr(readme, "FOLDER", home)
    monkeypatch.setattr(readme, "read_plan", lambda name: read_plan(home / f"{name}.yaml"))
    shown = readme.rendered("<!-- table mine -->\n<!-- end table -->\n")
    assert f"| ce | optimizer.lr={float(best)!r} | {100 * scores[best]:.1f} | 2 | 0 |" in shown


def done_markdown(outputs: Path) -> str:
    return (outputs / "tables/mine/mine.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tune", "message"),
    [
        ("{optimizer.lrr: [1, 2]}", "table mine, row 'ce: optimizer.lrr=1': "),
        ("{optimizer.lr: []}", "table mine: rows[0]: tune: optimizer.lr: expected a list of values; came none"),
        ("{optimizer.lr: '1,2'}", "optimizer.lr: expected a list of values; came '1,2' - list what is to be tried"),
        ("{trials: 3, optimizer.lr: {log: [1e-2, 1e-4]}}", "log: expected two numbers, the lower one first; came"),
    ],
)  # fmt: skip
def test_mistakes_are_told(command: Callable, mine: list[str], tmp_path: Path, tune: str, message: str) -> None:
    row = f"rows: [{{label: ce, overrides: [loss=ce], tune: {tune}}}]\n"
    text = MINE[: MINE.index("rows:")] + row + MINE[MINE.index("columns:") :]
    (tmp_path / "my_conf" / "table" / "mine.yaml").write_text(text)
    done = command("table", *mine, small=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
