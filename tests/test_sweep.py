"""`python -m seglab.train -m ...`: processes, skipping, continuing, failing, comparing."""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.slow
LOSSES = ("experiment-tiny_loss-dice", "experiment-tiny_loss-focal", "experiment-tiny_loss-ce")


def weights(folder: Path) -> str:
    state = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    return hashlib.sha256(b"".join(value.numpy().tobytes() for value in state.values())).hexdigest()


def record(folder: Path) -> dict:
    return json.loads((folder / "record.json").read_text())


def test_killed_sweep_typed_again_equals_an_unbroken_one(command, environment, tiny, tmp_path):
    arguments = (
        "-m",
        "loss=dice,focal,ce",
        "callbacks.last.every_n_steps=1",
        "callbacks.pictures=null",
    )
    whole = command("train", *arguments, "sweep=whole")
    assert whole.returncode == 0, whole.stderr
    process = subprocess.Popen(
        [sys.executable, "-m", "seglab.train", "-m", *tiny, *arguments[1:], "sweep=killed"],
        cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    second = tmp_path / "outputs" / "sweeps" / "killed" / LOSSES[1]
    deadline = time.monotonic() + 120
    while not (second / "checkpoints" / "last.ckpt").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    job = record(second)["pid"]
    while is_alive(job):  # the job follows its parent by itself
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert record(second)["status"] == "running"

    again = command("train", *arguments, "sweep=killed")
    assert again.returncode == 0, again.stderr
    assert "finished before" in again.stderr
    sweeps = tmp_path / "outputs" / "sweeps"
    for name in LOSSES:
        assert weights(sweeps / "killed" / name) == weights(sweeps / "whole" / name), name
        assert record(sweeps / "killed" / name)["best"] == record(sweeps / "whole" / name)["best"], name
    assert record(second)["attempts"] == 2
    assert record(second)["command"].startswith("python -m seglab.train ")
    assert "loss=focal" in record(second)["command"]
    assert [record(sweeps / "killed" / name)["attempts"] for name in LOSSES] == [1, 2, 1]
    assert "mIoU" in whole.stdout
    rows = list(csv.DictReader((sweeps / "killed" / "comparison.csv").read_text().splitlines()))
    assert [row["loss"] for row in rows] == ["dice", "focal", "ce"]
    assert (sweeps / "killed" / "comparison.md").exists()


def test_a_failing_job_is_named_and_harms_no_other(command, tmp_path):
    done = command("train", "-m", "data.batch_size=2,100,4", "sweep=x")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr

    def job(batch_size: int) -> str:
        return f"data.batch_size-{batch_size}_experiment-tiny"

    folder = tmp_path / "outputs" / "sweeps" / "x"
    statuses = {path.name: record(path)["status"] for path in folder.iterdir() if path.is_dir()}
    assert statuses == {job(2): "finished", job(100): "failed", job(4): "finished"}
    assert "batch_size" in record(folder / job(100))["error"]
    assert "100" in done.stdout
    again = command("train", "-m", "data.batch_size=2,100,4", "sweep=x")
    assert again.returncode == 1
    assert "retry_failed=true" in again.stderr


def test_a_sweep_is_refused_before_its_first_job_when_the_config_is_wrong(command, tmp_path):
    done = command("train", "-m", "loss=dice,ce", "model.widht=3")
    assert done.returncode != 0
    assert "widht" in done.stderr
    assert not list(tmp_path.glob("outputs/sweeps/*/*/record.json"))


def test_an_edited_configuration_is_noticed(command, tmp_path):
    assert command("train", "-m", "seed=1,2", "sweep=x").returncode == 0
    mine = tmp_path / "my_conf" / "experiment" / "tiny.yaml"
    mine.write_text(mine.read_text() + "optimizer:\n  lr: 0.5\n")
    done = command("train", "-m", "seed=1,2", "sweep=x")
    assert done.returncode != 0
    assert "optimizer.lr: 0.002 -> 0.5" in done.stderr


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
