"""A sweep on a real SLURM of one node: its jobs, a killed one, and one that is preempted, requeued and finished.

Runs where the extra `slurm` is installed and a SLURM answers or can be started, see slurm_cluster.py.
"""

import importlib.util
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from tests.multirun.slurm_cluster import slurm_cluster  # noqa: F401 - a fixture
from tests.waiting import PATIENCE, wait_for

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
    done = command("train", "-m", "seed=2,1", *QUEUE, "sweep=x", dying)
    assert done.returncode == 1, done.stdout + done.stderr
    jobs = jobs_of(tmp_path)
    assert record(jobs[2])["status"] == "finished"
    assert record(jobs[2])["slurm_job"].endswith("_0")
    assert record(jobs[1])["status"] == "running"  # it could not say what happened to it, nor could a parent
    assert "mIoU" in done.stdout
    assert f"[1] {jobs[2].name}  mIoU " in done.stderr
    assert f"[2] {jobs[1].name}  died unseen" in done.stderr
    assert "Traceback" not in done.stderr
    plan = json.loads((tmp_path / "outputs" / "sweeps" / "x" / "sweep.json").read_text())
    assert list(plan["jobs"]) == [jobs[2].name, jobs[1].name]
    again = command("train", "-m", "seed=2", *QUEUE, "sweep=x", dying)
    assert again.returncode == 0, again.stdout + again.stderr
    assert record(jobs[2])["attempts"] == 1


# side by side: without loader workers, and with two, to which SLURM sends every signal as well
BOTH = ("callbacks.last.every_n_steps=1", "experiment=tiny,workers", "sweep=x")


@pytest.fixture
def queued(environment, tiny, held, tmp_path):
    """`queued(attempt, ...)`: a sweep of two jobs and the folder of each; both have made a step in that attempt and go
    no further without `held.go()`."""
    own = tmp_path / "my_conf" / "experiment"
    (own / "workers.yaml").write_text((own / "tiny.yaml").read_text().replace("num_workers: 0", "num_workers: 2"))

    def start(attempt: int, *arguments: str) -> tuple[subprocess.Popen, list[Path]]:
        process = subprocess.Popen(
            [sys.executable, "-m", "seglab.train", "-m", *tiny[:2], *QUEUE, *BOTH, *arguments],
            cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        wait_for(lambda: len(in_steps(tmp_path, attempt)) == 2, process, pause=0.1)
        return process, in_steps(tmp_path, attempt)

    return start


def in_steps(tmp_path: Path, attempt: int) -> list[Path]:
    folders = []
    for path in sorted(tmp_path.glob("outputs/sweeps/x/*/checkpoints/last.ckpt")):
        told = record(path.parents[1])
        saved = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
        if told["attempts"] == attempt and saved > datetime.fromisoformat(told["attempted"]):
            folders.append(path.parents[1])
    return folders


def send(folders: list[Path], *flags: str) -> None:
    subprocess.run(["scancel", *flags, *(record(folder)["slurm_job"] for folder in folders)], check=True)


@pytest.mark.exhaustive
def test_preempted_jobs_are_requeued_and_finish_as_if_nothing_had_happened(queued, held):
    process, folders = queued(1, "logger=[csv,wandb]")
    jobs = [record(folder)["slurm_job"] for folder in folders]
    send(folders, "--signal=USR2")

    def are_back() -> bool:
        for job in jobs:  # SLURM lets a requeued job wait two minutes, unless it is told otherwise
            subprocess.run(["scontrol", "update", f"JobId={job}", "StartTime=now"], capture_output=True, check=False)
        return all(record(folder)["attempts"] == 2 for folder in folders)

    wait_for(are_back, process, pause=1)
    held.go()
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    for folder, job in zip(folders, jobs, strict=True):
        ended = record(folder)
        assert (ended["status"], ended["attempts"], ended["epochs"], ended["slurm_job"]) == ("finished", 2, 2, job)
        assert f"{folder.name}  mIoU " in output


@pytest.mark.exhaustive
def test_a_time_limit_and_scancel_interrupt_and_the_same_command_goes_on(queued, held):
    process, folders = queued(1, "hydra.launcher.timeout_min=5")  # of so few minutes, each one is near the limit
    send(folders, "--signal=USR2")
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, output
    assert [record(folder)["status"] for folder in folders] == ["interrupted"] * 2, output
    for folder in folders:
        assert f"{folder.name}  interrupted: SLURM's time limit" in output
    assert "is continued by the same command with sweep=x" in output
    assert "Traceback" not in output
    process, _ = queued(2)
    send(folders)
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, output
    for folder in folders:
        assert f"{folder.name}  interrupted: Interrupted: interrupted by SIGTERM" in output
    process, _ = queued(3)
    held.go()
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    assert [(record(folder)["status"], record(folder)["epochs"]) for folder in folders] == [("finished", 2)] * 2
