"""`python -m seglab.train -m ...`: processes, skipping, continuing, failing, comparing."""

import csv
import hashlib
import json
import os
import signal
from collections import Counter
from pathlib import Path

import pytest
import torch

from tests.forked import Forked
from tests.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.slow


def weights(folder: Path) -> str:
    state = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    return hashlib.sha256(b"".join(value.numpy().tobytes() for value in state.values())).hexdigest()


def record(folder: Path) -> dict:
    return json.loads((folder / "record.json").read_text())


def wait_for_the_next(checkpoint: Path, process: Forked) -> None:
    """Until another one stands in its place, or its training has finished."""

    def written() -> int:
        return checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0  # between two renames there is none

    before = written()
    job = checkpoint.parent.parent
    wait_for(lambda: written() != before or record(job)["status"] == "finished", process)


SWEEP = ("-m", "loss=dice,focal", "seed=1,2", "callbacks.last.every_n_steps=1", "callbacks.pictures=null")


@pytest.mark.exhaustive
def test_killed_three_times_a_sweep_equals_an_unbroken_one(command, started, tmp_path):
    whole = command("train", *SWEEP, "sweep=whole")
    assert whole.returncode == 0, whole.stderr
    assert "mIoU" in whole.stdout
    folder = tmp_path / "outputs" / "sweeps" / "killed"
    interrupted = Counter()
    for jobs_begun, later in ((1, 3), (2, 0), (3, 5)):
        process = started("train", *SWEEP, "sweep=killed")
        wait_for(lambda begun=jobs_begun: len(list(folder.glob("*/checkpoints/last.ckpt"))) >= begun, process)
        newest = max(folder.glob("*/checkpoints/last.ckpt"), key=lambda path: path.stat().st_mtime_ns)
        for _ in range(later):  # steps, of which each writes one: somewhere in the training, or at its end
            wait_for_the_next(newest, process)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        records = {path.parent: record(path.parent) for path in folder.glob("*/record.json")}
        pids = [job["pid"] for job in records.values()]
        wait_for(lambda pids=pids: not any(is_alive(pid) for pid in pids))  # the job follows its parent by itself
        records = {path: record(path) for path in records}
        statuses = Counter(job["status"] for job in records.values())
        assert statuses["running"] == 1 or later, statuses
        assert statuses.keys() <= {"running", "finished"}
        interrupted.update(path.name for path, job in records.items() if job["status"] == "running")
        finished = {path: job for path, job in records.items() if job["status"] == "finished"}

    again = command("train", *SWEEP, "sweep=killed")
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("finished before") == len(finished) > 0
    assert {path: record(path) for path in finished} == finished, "a finished job is left as it is"
    unbroken = tmp_path / "outputs" / "sweeps" / "whole"
    jobs = {path.parent.name: record(path.parent) for path in folder.glob("*/record.json")}
    assert set(jobs) == {f"experiment-tiny_loss-{loss}_seed-{seed}" for loss in ("dice", "focal") for seed in (1, 2)}
    for name, job in jobs.items():
        assert weights(folder / name) == weights(unbroken / name), name
        assert job["best"] == record(unbroken / name)["best"], name
        assert job["attempts"] == 1 + interrupted[name], "no job ran that was not interrupted"
        assert job["steps"] == 8
    focal = jobs["experiment-tiny_loss-focal_seed-1"]
    assert focal["command"].startswith("python -m seglab.train ")
    assert "loss=focal" in focal["command"]
    rows = table(folder)
    order = [("dice", "1"), ("dice", "2"), ("focal", "1"), ("focal", "2")]
    assert [(row["loss"], row["seed"]) for row in rows] == order
    assert rows == table(unbroken)
    assert (folder / "comparison.md").exists()


def test_a_failing_job_is_named_and_harms_no_other(command, tmp_path):
    arguments = ("train", "-m", "data.batch_size=2,100,4", "callbacks.pictures=null", "sweep=x")
    done = command(*arguments)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr

    def job(batch_size: int) -> str:
        return f"data.batch_size-{batch_size}_experiment-tiny"

    folder = tmp_path / "outputs" / "sweeps" / "x"
    statuses = {path.name: record(path)["status"] for path in folder.iterdir() if path.is_dir()}
    assert statuses == {job(2): "finished", job(100): "failed", job(4): "finished"}
    assert "batch_size" in record(folder / job(100))["error"]
    assert "100" in done.stdout
    again = command(*arguments)
    assert again.returncode == 1
    assert "retry_failed=true" in again.stderr


def test_a_sweep_is_refused_before_its_first_job_when_the_config_is_wrong(command, tmp_path):
    done = command("train", "-m", "loss=dice,ce", "model.widht=3")
    assert done.returncode != 0
    assert "widht" in done.stderr
    assert not list(tmp_path.glob("outputs/sweeps/*/*/record.json"))
    done = command("train", "-m", "loss=dice,ce", "data.batch_size=-1")  # Hydra sees nothing wrong in it
    assert "data.batch_size is -1" in done.stderr
    assert not (tmp_path / "outputs").exists(), "a refused job is not pending for ever, a refused sweep leaves nothing"


def test_an_edited_configuration_is_noticed(command, tmp_path):
    assert command("train", "-m", "seed=1", "callbacks.pictures=null", "sweep=x").returncode == 0
    mine = tmp_path / "my_conf" / "experiment" / "tiny.yaml"
    mine.write_text(mine.read_text() + "optimizer:\n  lr: 0.5\n")
    done = command("train", "-m", "seed=1", "callbacks.pictures=null", "sweep=x")
    assert done.returncode != 0
    assert "optimizer.lr: 0.002 -> 0.5" in done.stderr


FATAL = """
import os, signal, sys
from lightning import Callback


class Fatal(Callback):
    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_epoch_start(self, trainer, pl_module) -> None:
        if self.seed == 2:
            raise MemoryError("no room")
        if self.seed == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.seed == 4:
            sys.exit(0)
        if self.seed == 5:
            os._exit(0)
"""


def test_no_end_of_a_job_harms_another(command, environment, monkeypatch, tmp_path):
    (tmp_path / "fatal.py").write_text(FATAL)
    monkeypatch.setitem(environment, "SEGLAB_ALLOW", "fatal.Fatal")
    arguments = ("-m", "seed=1,2,3,4,5,6", "+callbacks.fatal={_target_: fatal.Fatal, seed: ${seed}}", "sweep=x")
    done = command("train", *arguments, "callbacks.pictures=null")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    folder = tmp_path / "outputs" / "sweeps" / "x"
    jobs = {record(path)["seed"]: path for path in folder.iterdir() if (path / "record.json").exists()}
    assert {seed: record(path)["status"] for seed, path in jobs.items()} == {
        1: "finished", 2: "failed", 3: "failed", 4: "failed", 5: "failed", 6: "finished",
    }  # fmt: skip
    assert record(jobs[2])["error"] == "MemoryError: no room"
    assert "raise MemoryError" in (jobs[2] / record(jobs[2])["traceback"]).read_text()
    assert "SIGKILL" in record(jobs[3])["error"]
    assert "exit code 0" in record(jobs[4])["error"]
    assert "exit code 0" in record(jobs[5])["error"]
    assert done.stderr.count("FAILED") == 4


def table(folder: Path) -> list[dict[str, str]]:
    rows = list(csv.DictReader((folder / "comparison.csv").read_text().splitlines()))
    return [{key: value for key, value in row.items() if key not in ("time", "img/s")} for row in rows]


@pytest.mark.exhaustive
@pytest.mark.parametrize("first_is_killed", [False, True], ids=["both live", "the first is killed"])
def test_two_launches_share_the_jobs_and_run_none_twice(started, held, tmp_path, first_is_killed):
    arguments = ("train", "-m", "seed=1,2,3", "callbacks.last.every_n_steps=1", "callbacks.pictures=null", "sweep=x")
    folder = tmp_path / "outputs" / "sweeps" / "x"
    first, second = started(*arguments), started(*arguments)
    wait_for(lambda: len(list(folder.glob("*/checkpoints/last.ckpt"))) == 2, first, second)
    if first_is_killed:
        first.kill()
    held.go()
    outputs = [process.communicate(timeout=PATIENCE)[0] for process in (first, second)]
    assert second.returncode == 0, outputs
    assert first.returncode == (-signal.SIGKILL if first_is_killed else 0), outputs
    records = {path.parent.name: record(path.parent) for path in folder.glob("*/record.json")}
    assert [job["status"] for job in records.values()] == ["finished"] * 3
    attempts = sorted(job["attempts"] for job in records.values())
    assert attempts == ([1, 1, 2] if first_is_killed else [1, 1, 1])
    assert "is being run by" in outputs[0] + outputs[1]
    assert ("died unseen" in outputs[1]) == first_is_killed
    assert "mIoU" in outputs[1]
    plan = json.loads((folder / "sweep.json").read_text())
    assert list(plan["jobs"]) == [f"experiment-tiny_seed-{seed}" for seed in (1, 2, 3)]
    assert len(plan["launches"]) == 2


def test_changed_data_and_changed_code_are_noticed(command, environment, monkeypatch, tmp_path):
    monkeypatch.setitem(environment, "SEGLAB_DATA", str(tmp_path / "data"))
    arguments = ("train", "-m", "seed=1,2", "callbacks.pictures=null", "sweep=x")
    assert command(*arguments).returncode == 0
    folders = sorted((tmp_path / "outputs" / "sweeps" / "x").glob("*seed*"))
    assert record(folders[0])["data_fingerprint"] == record(folders[1])["data_fingerprint"]
    other = record(folders[0]) | {"code": "another", "git": {"commit": "0123456789", "dirty": True}}
    (folders[0] / "record.json").write_text(json.dumps(other))
    done = command(*arguments)
    assert done.returncode == 0, done.stderr
    assert "finished before (by other code: commit 0123456 with uncommitted changes, now commit" in done.stderr
    image = sorted((tmp_path / "data").rglob("leftImg8bit/train/**/*.png"))[0]
    image.write_bytes(image.read_bytes() + b"trailing")
    (folders[1] / "record.json").write_text(json.dumps(record(folders[1]) | {"status": "interrupted"}))
    done = command(*arguments)
    assert done.returncode != 0
    assert f"1 of 24 files differ; '{image}'" in done.stderr, done.stderr
    assert "was trained on other data" in record(folders[1])["error"]
    assert "Traceback" not in done.stderr


def test_damaged_records_are_named_and_end_the_sweep_in_one_line_each(command, tmp_path):
    folder = tmp_path / "outputs" / "sweeps" / "x"
    for seed, text in ((1, ""), (2, '{"pid": 1}')):
        path = folder / f"experiment-tiny_seed-{seed}" / "record.json"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    (folder / "sweep.json").write_text("[]")
    done = command("train", "-m", "seed=1,2", "sweep=x")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr, done.stderr
    assert [f"seed-{seed}/record.json" in done.stderr for seed in (1, 2)] == [True, True]
    assert "came an empty file - delete it to run the job again" in done.stderr
    assert "a new plan begins" in done.stderr
    assert [path.stat().st_size for path in sorted(folder.glob("*/record.json"))] == [0, 10]


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
