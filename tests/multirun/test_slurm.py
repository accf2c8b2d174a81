"""A sweep on a real SLURM of one node: its jobs, a killed one, and one that is preempted, requeued and finished.

Runs where the extra `slurm` is installed and a SLURM answers or can be started, see slurm_cluster.py.
"""

import importlib.util
import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.multirun.slurm_cluster import slurm_cluster  # noqa: F401 - a fixture

pytestmark = [
    pytest.mark.slow,
    pytest.mark.slurm,
    pytest.mark.skipif(importlib.util.find_spec("submitit") is None, reason="the extra slurm is missing"),
    pytest.mark.usefixtures("slurm_cluster"),
]
# a job whose time limit is near is preempted two minutes before: while it still imports torch, if the limit is short
QUEUE = ("hydra/launcher=submitit_slurm", "hydra.launcher.timeout_min=30", "hydra.launcher.cpus_per_task=1",
         "hydra.launcher.mem_gb=3", "callbacks.pictures=null")  # fmt: skip
DYING = """
import os, signal
from lightning import Callback


class Dying(Callback):
    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_epoch_start(self, trainer, pl_module) -> None:
        if self.seed == 1:
            os.kill(os.getpid(), signal.SIGKILL)
"""


def record(folder: Path) -> dict:
    return json.loads((folder / "record.json").read_text())


def jobs_of(tmp_path: Path) -> dict[int, Path]:
    return {record(path.parent)["seed"]: path.parent for path in tmp_path.glob("outputs/sweeps/x/*/record.json")}


def test_a_killed_job_harms_no_other_and_finished_ones_are_skipped(command, environment, monkeypatch, tmp_path):
    (tmp_path / "dying.py").write_text(DYING)
    monkeypatch.setitem(environment, "SEGLAB_ALLOW", "dying.Dying")
    dying = "+callbacks.dying={_target_: dying.Dying, seed: ${seed}}"
    done = command("train", "-m", "seed=2,1", *QUEUE, "sweep=x", dying, timeout=500)
    assert done.returncode == 1, done.stdout + done.stderr
    jobs = jobs_of(tmp_path)
    assert record(jobs[2])["status"] == "finished"
    assert record(jobs[2])["slurm_job"].endswith("_0")
    assert record(jobs[1])["status"] == "running"  # it could not say what happened to it, nor could a parent
    assert "mIoU" in done.stdout
    plan = json.loads((tmp_path / "outputs" / "sweeps" / "x" / "sweep.json").read_text())
    assert list(plan["jobs"]) == [jobs[2].name, jobs[1].name]
    again = command("train", "-m", "seed=2", *QUEUE, "sweep=x", dying, timeout=500)
    assert again.returncode == 0, again.stdout + again.stderr
    assert record(jobs[2])["attempts"] == 1


@pytest.mark.usefixtures("slow")
def test_a_preempted_job_is_requeued_and_finishes_as_if_nothing_had_happened(started, tmp_path):
    arguments = ("trainer.max_epochs=5", "callbacks.last.every_n_steps=1", "logger=[csv,wandb]", "sweep=x")
    process = started("train", "-m", "seed=1", *QUEUE, *arguments)
    deadline = time.monotonic() + 500
    while not list(tmp_path.glob("outputs/sweeps/x/*/checkpoints/last.ckpt")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (folder,) = jobs_of(tmp_path).values()
    job = record(folder)["slurm_job"]
    subprocess.run(["scancel", "--signal=USR2", job], check=True)
    while process.poll() is None:  # SLURM lets a requeued job wait two minutes, unless it is told otherwise
        assert time.monotonic() < deadline, process.kill()
        subprocess.run(["scontrol", "update", f"JobId={job}", "StartTime=now"], capture_output=True, check=False)
        time.sleep(1)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    ended = record(folder)
    assert (ended["status"], ended["attempts"], ended["epochs"], ended["slurm_job"]) == ("finished", 2, 5, job)
