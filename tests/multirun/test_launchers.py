"""Several jobs at once, and searches: what the optional launchers and sweepers do with the jobs of a sweep."""

import importlib.util
import json
import os
import signal
from pathlib import Path

import pytest

from tests.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.slow


def is_missing(package: str) -> bool:
    return importlib.util.find_spec(package) is None


joblib = pytest.mark.skipif(is_missing("joblib") or is_missing("hydra_plugins"), reason="the extra joblib is missing")
optuna = pytest.mark.skipif(is_missing("optuna") or is_missing("hydra_plugins"), reason="the extra optuna is missing")
AT_ONCE = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "callbacks.pictures=null")


def record(folder: Path) -> dict:
    return json.loads((folder / "record.json").read_text())


def jobs_of(tmp_path: Path, sweep: str) -> dict[str, Path]:
    folder = tmp_path / "outputs" / "sweeps" / sweep
    return {path.name: path for path in folder.iterdir() if (path / "record.json").exists()}


@pytest.mark.exhaustive
@joblib
def test_two_jobs_at_once_each_with_its_own_loader_processes(
    command, started, held, environment, monkeypatch, tmp_path
):
    (tmp_path / "dying.py").write_text(DYING)
    monkeypatch.setitem(environment, "SEGLAB_GPUS", "7,8")  # what the jobs see as CUDA_VISIBLE_DEVICES
    monkeypatch.setitem(environment, "SEGLAB_ALLOW", "held.Held,dying.Dying")
    jobs = (*AT_ONCE, "+callbacks.dying={_target_: dying.Dying, seed: ${seed}}",
            "callbacks.last.every_n_steps=1", "data.num_workers=1", "trainer.accelerator=auto", "sweep=x")  # fmt: skip
    process = started("train", "-m", "seed=1,2,3", *jobs)
    wait_for(lambda: len(list(tmp_path.glob("outputs/sweeps/x/*/checkpoints/last.ckpt"))) == 2, process)
    held.go()
    output, _ = process.communicate(timeout=PATIENCE)
    monkeypatch.delitem(environment, "SEGLAB_GPUS")
    assert process.returncode == 0, output
    records = [record(folder) for folder in jobs_of(tmp_path, "x").values()]
    assert [job["status"] for job in records] == ["finished"] * 3
    spans = sorted((job["attempted"], job["ended"]) for job in records)
    assert spans[1][0] < spans[0][1], "the second began before the first ended"
    assert len({job["pid"] for job in records}) == 3
    assert {job["visible_gpus"] for job in records} == {"7", "8"}
    assert "mIoU" in output
    assert "seed=2" in output  # what the workers say is seen

    again = command("train", "-m", "seed=1,2,3,4,5,6", *jobs)
    assert again.returncode == 1, again.stderr
    assert again.stderr.count("finished before") == 3
    by_seed = {job["seed"]: job for job in map(record, jobs_of(tmp_path, "x").values())}
    assert {seed: job["attempts"] for seed, job in by_seed.items()} == dict.fromkeys(range(1, 7), 1)
    statuses = {seed: job["status"] for seed, job in by_seed.items()}
    assert statuses == {seed: "failed" if seed == 4 else "finished" for seed in range(1, 7)}, "one that is killed"
    assert "SIGKILL" in by_seed[4]["error"]


DYING = """
import os, signal
from lightning import Callback


class Dying(Callback):
    def __init__(self, seed: int) -> None:
        self.dies = seed == 4

    def on_train_epoch_start(self, trainer, pl_module) -> None:
        if self.dies and trainer.current_epoch == 1:
            os.kill(os.getpid(), signal.SIGKILL)
"""


@joblib
def test_ctrl_c_ends_every_process_and_the_same_command_goes_on(command, started, held, tmp_path):
    arguments = ("-m", "seed=1,2", *AT_ONCE, "callbacks.last.every_n_steps=1",
                 "data.num_workers=2", "sweep=x")  # fmt: skip
    process = started("train", *arguments, new_session=True)
    wait_for(lambda: len(list(tmp_path.glob("outputs/sweeps/x/*/checkpoints/last.ckpt"))) == 2, process)
    pids = [record(folder)["pid"] for folder in jobs_of(tmp_path, "x").values()]
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, output
    wait_for(lambda: not any(is_alive(pid) for pid in pids))
    held.go()
    done = command("train", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    for folder in jobs_of(tmp_path, "x").values():
        assert (record(folder)["status"], record(folder)["attempts"], record(folder)["epochs"]) == ("finished", 2, 2)


SEARCH = ("hydra/sweeper=search", "hydra.sweeper.sampler.n_startup_trials=1", "callbacks.pictures=null",
          "optimizer.lr=tag(log,interval(1e-4,1e-1))", "loss=choice(ce,dice)", "sweep=x")  # fmt: skip


@optuna
def test_a_search_typed_again_repeats_no_trial_and_goes_on(command, tmp_path):
    done = command("train", "-m", *SEARCH, "hydra.sweeper.n_trials=2")
    assert done.returncode == 0, done.stdout + done.stderr
    first = {name: record(folder)["best"]["metrics"]["miou"] for name, folder in jobs_of(tmp_path, "x").items()}
    assert len(first) == 2
    again = command("train", "-m", *SEARCH, "hydra.sweeper.n_trials=3")
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("finished before") == 2
    jobs = jobs_of(tmp_path, "x")
    assert len(jobs) == 3
    assert set(first) <= set(jobs)
    best = max(record(folder)["monitor"]["value"] for folder in jobs.values())
    result = (tmp_path / "outputs" / "sweeps" / "x" / "optimization_results.yaml").read_text()
    assert f"best_value: {best}" in result, "the largest mIoU, not the smallest"


@pytest.mark.exhaustive
@optuna
def test_a_failing_trial_ends_no_search_and_of_a_loss_the_lowest_is_best(command, tmp_path):
    space = ("data.batch_size=choice(4,100)", "seed=range(1,9)")
    done = command("train", "-m", "hydra/sweeper=search", "hydra.sweeper.n_trials=4", *space,
                   "hydra.sweeper.sampler.seed=3", "callbacks.pictures=null", "callbacks.best.monitor=val/loss",
                   "sweep=x")  # fmt: skip
    statuses = [record(folder)["status"] for folder in jobs_of(tmp_path, "x").values()]
    assert done.returncode == 1, done.stdout + done.stderr
    assert {"failed", "finished"} == set(statuses), statuses
    assert len(statuses) == 4
    monitors = [record(folder).get("monitor", {}).get("value") for folder in jobs_of(tmp_path, "x").values()]
    best = min(value for value in monitors if value is not None)
    result = (tmp_path / "outputs" / "sweeps" / "x" / "optimization_results.yaml").read_text()
    assert f"best_value: {best}" in result


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
