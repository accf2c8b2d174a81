"""Weights & Biases without an account, in a process of its own, and what must never reach it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import wandb
from hydra import compose, initialize_config_dir

from seglab import runs
from seglab.loggers import trackers
from tests.waiting import PATIENCE

CONF = Path(__file__).resolve().parents[2] / "conf"
SECRET = "hunter2-hunter2"

PROGRAM = """
import logging, sys
from pathlib import Path
import seglab.lean_imports
import numpy as np
from seglab.loggers import trackers as loggers
from seglab.callbacks.pictures import _to_wandb
from seglab.display.draw import Sample
from seglab.labels import label_space

logging.getLogger("seglab").addHandler(logging.StreamHandler(sys.stdout))
logging.getLogger("seglab").setLevel(logging.INFO)
folder, start = Path(sys.argv[1]), int(sys.argv[2])
logger = loggers.wandb_logger(
    folder, project="seglab", entity=None, name=None, group=None, job_type="train", tags=["try"], mode=None,
    save_code=False,
)
for step in range(start, start + 2):
    logger.log_metrics({"val/miou": 0.25 * step, "val/iou/traffic light": 0.5, "epoch": step}, step=step)
if start:
    loggers.close(failed=True)
    sys.exit()
space = label_space("camvid_11")
truth, prediction = np.zeros((8, 8), np.uint8), np.ones((8, 8), np.uint8)
_to_wandb(logger, [Sample("scene", np.zeros((8, 8, 3), np.uint8), truth, prediction)], space, step=step)
loggers.close(failed=False)
"""


def record_run(folder: Path, home: Path, start: int) -> str:
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))  # matplotlib's list of fonts
    kept = {key: value for key, value in os.environ.items() if not key.startswith("WANDB_")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), str(start)],
        env={**kept, "HOME": str(home), "XDG_CACHE_HOME": cache, "MY_API_KEY": SECRET, "PYTHONPATH": str(CONF.parent)},
        cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def inspect(run: Path, *options: str) -> list[dict]:
    """What wandb itself reads from an offline run."""
    program = Path(sys.executable).with_name("wandb")
    done = subprocess.run(
        [program, "leet", "inspect", *options, "--json", str(run)], capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    return (
        [json.loads(done.stdout)] if "--summary" in options else [json.loads(line) for line in done.stdout.splitlines()]
    )


@pytest.mark.exhaustive
@pytest.mark.slow
def test_offline_run_without_an_account(tmp_path):
    folder = tmp_path / "outputs" / "sweeps" / "ablation" / "loss-dice"
    folder.mkdir(parents=True)
    long = "data.root=" + "x" * 80
    overrides = ["loss=dice", long, long + "y", f"data.cache={SECRET}", "sweep=ablation", "logger=[csv,wandb]"]
    runs.write_record(folder, {"status": "running", "overrides": overrides, "choices": {"loss": "dice"}})
    (folder / runs.CONFIG).write_text(f"loss: {{gamma: 2.0}}\ntracker: [{SECRET}]\n")

    said = record_run(folder, tmp_path, 0)
    assert said.count("W&B: no account here, recording offline") == 1
    (first,) = (folder / "wandb").glob("offline-run-*")
    (summary,) = inspect(first, "--summary")
    assert summary["name"] == "loss-dice"
    assert summary["project"] == "seglab"
    assert summary["state"] == "finished"
    assert summary["config"]["loss"] == {"gamma": 2.0}
    assert summary["config"]["tracker"] == ["${oc.env:MY_API_KEY}"]
    assert summary["config"]["choices"] == {"loss": "dice"}
    assert summary["tags"] == ["try", "loss=dice", long[:64], "data.cache=${oc.env:MY_API_KEY}"]
    assert summary["summary"]["val/miou"] == 0.25
    assert summary["summary"]["val/iou/traffic light"] == 0.5
    assert set(summary["summary"]["val/pictures"]["all_masks"][0]) == {"prediction", "ground_truth"}
    run = next(entry["run"] for entry in inspect(first) if entry["type"] == "run")
    assert (run["run_group"], run["job_type"]) == ("ablation", "train")

    record_run(folder, tmp_path, 2)  # continued
    both = [inspect(path, "--summary")[0] for path in sorted((folder / "wandb").glob("offline-run-*"))]
    assert [summary["run_id"] for summary in both] == 2 * [(folder / trackers.WANDB_ID).read_text().strip()]
    assert [summary["exit_code"] for summary in both] == [0, 1]
    assert not (tmp_path / "wandb").exists()
    for path in (folder / "wandb").rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


def test_a_failing_end_of_wandb_does_not_change_the_result(monkeypatch, caplog):
    def finish(exit_code):
        raise ConnectionResetError("Connection lost")

    monkeypatch.setattr(wandb, "run", type("Run", (), {"url": None}))
    monkeypatch.setattr(wandb, "finish", finish)
    trackers.close(failed=False)
    assert "W&B did not end properly (ConnectionResetError: Connection lost)" in caplog.text


@pytest.mark.parametrize("exit_code", [0, 1])
def test_wandb_hears_whether_the_run_failed(monkeypatch, exit_code):
    heard = []
    monkeypatch.setattr(wandb, "run", type("Run", (), {"url": None}))
    monkeypatch.setattr(wandb, "finish", lambda exit_code: heard.append(exit_code))
    trackers.close(failed=bool(exit_code))
    assert heard == [exit_code]


def test_secrets_are_named_not_shown_and_harmless_text_stays(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", SECRET)
    monkeypatch.setenv("SHORT_KEY", "1")
    monkeypatch.setenv("PLAIN_PLACE", "/data/cityscapes")
    config = {"a": [f"Bearer {SECRET}", 1], "b": {"root": "/data/cityscapes", "lr": "1"}, "c": None}
    assert trackers.without_secrets(config) == {
        "a": ["Bearer ${oc.env:MY_TOKEN}", 1], "b": {"root": "/data/cityscapes", "lr": "1"}, "c": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("save_code", "disabled", "saved"), [(True, "", True), (False, "", False), (True, "true", False)]
)
def test_code_is_saved_unless_it_is_turned_off(monkeypatch, tmp_path, save_code, disabled, saved):
    monkeypatch.setenv("WANDB_DISABLE_CODE", disabled)
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path))
    logger = trackers.wandb_logger(
        tmp_path, project="p", entity=None, name=None, group=None, job_type="train", tags=[], mode="offline",
        save_code=save_code,
    )  # fmt: skip
    assert (logger._wandb_init["settings"]["code_dir"] is not None) is saved
    assert logger._wandb_init["settings"]["save_code"] is False


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("logger=csv", {"csv"}),
        ("logger=wandb", {"wandb"}),
        ("logger=tensorboard", {"tensorboard"}),
        ("logger=[csv,wandb]", {"csv", "wandb"}),
        ("logger=[csv,wandb,tensorboard]", {"csv", "wandb", "tensorboard"}),
    ],
)
def test_several_loggers_at_once(tmp_path, override, expected):
    for option in ("csv", "wandb", "tensorboard"):
        target = tmp_path / "logger" / f"{option}.yaml"
        target.parent.mkdir(exist_ok=True)
        target.write_text((CONF / "logger" / f"{option}.yaml").read_text())
    (tmp_path / "root.yaml").write_text("defaults: [{logger: csv}, _self_]\nname: null\nsweep: null\n")
    with initialize_config_dir(version_base="1.3", config_dir=str(tmp_path)):
        config = compose("root", overrides=[override])
    assert set(config.logger) == expected
    assert all(node._target_.startswith("seglab.") for node in config.logger.values())
