"""heartbeat.json: what it says, how often it is written, and that it harms no run."""

import json

import pytest

from seglab import runs
from seglab.callbacks import heartbeat
from seglab.callbacks.heartbeat import Heartbeat
from seglab.training.build import build


def fit(tiny_config, folder, *overrides):
    run = build(runs.plain(tiny_config("callbacks.pictures=null", "logger=csv", *overrides)), folder)
    run.trainer.fit(run.module, datamodule=run.data)
    return run


def test_it_says_how_far_the_run_is(tiny_config, tmp_path):
    run = fit(tiny_config, tmp_path)
    beat = json.loads((tmp_path / runs.HEARTBEAT).read_text())
    assert {key: beat[key] for key in ("epoch", "max_epochs", "step", "total_steps")} == {
        "epoch": 2, "max_epochs": 2, "step": 8, "total_steps": 8,
    }  # fmt: skip
    assert beat["best"] == pytest.approx(run.trainer.callback_metrics["val/miou"].item(), abs=0.5)
    assert beat["time"] <= runs.now()


@pytest.mark.parametrize(
    ("overrides", "total"),
    [(["trainer.accumulate_grad_batches=3"], 4), (["trainer.max_steps=3"], 3), (["trainer.max_epochs=1"], 4)],
    ids=["accumulation", "max_steps", "max_epochs"],
)
def test_total_steps_are_those_of_the_optimizer(tiny_config, tmp_path, overrides, total):
    run = fit(tiny_config, tmp_path, *overrides)
    assert runs.read_heartbeat(tmp_path)["total_steps"] == total == run.trainer.global_step


def test_steps_write_at_most_every_pause(tiny_config, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(runs, "write_quickly", lambda path, text: written.append(json.loads(text)["step"]))
    fit(tiny_config, tmp_path / "slow")
    assert written == [0, 4, 8, 8]  # begin, two validations, end
    written.clear()
    monkeypatch.setattr(heartbeat, "PAUSE", 0.0)
    fit(tiny_config, tmp_path / "fast")
    assert set(written) == set(range(9))


def test_a_full_disk_for_the_heartbeat_ends_no_run(tiny_config, tmp_path, monkeypatch):
    def refuse(path, text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runs, "write_quickly", refuse)
    assert any(isinstance(callback, Heartbeat) for callback in fit(tiny_config, tmp_path).trainer.callbacks)
