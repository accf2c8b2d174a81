"""Every data set of conf/data trains for two steps from its YAML, on a generated stand-in in its own layout."""

import math
from pathlib import Path

import pytest

from seglab import config, runs
from seglab.training.build import build
from tests.composed import compose
from tests.data.test_anomaly_sets import SETS
from tests.more_standins import MORE

ALL = sorted(path.stem for path in (config.FOLDER / "data").glob("*.yaml") if not path.stem.startswith("synthetic"))
NAMES = [name for name in ALL if name not in MORE]  # those are trained, and continued, in test_more_sets.py
NAMES = [name for name in NAMES if name not in SETS and name != "streethazards"]  # see test_anomaly_sets.py


@pytest.mark.parametrize("name", NAMES)
def test_two_steps(name, standins, tmp_path, monkeypatch):
    monkeypatch.setenv("SEGLAB_DATA", str(tmp_path / "data"))
    config.register()
    small = ["model.base=4", "model.depth=2", "model.size_divisor=4", "data.num_workers=0"]
    overrides = [*standins[name].overrides, *small]
    cfg = compose(
        "train",
        overrides=[
            *overrides, "trainer.accelerator=cpu", "trainer.max_steps=2", "trainer.max_epochs=2",
            "trainer.limit_train_batches=1", "trainer.log_every_n_steps=1",
            "callbacks.pictures=null", f"output={tmp_path}",
        ],
    )  # fmt: skip
    config.check(cfg)
    folder = Path(tmp_path / "run")
    run = build(runs.plain(cfg), folder)
    run.trainer.fit(run.module, datamodule=run.data)
    assert run.trainer.global_step == 2
    assert math.isfinite(run.module.validation["loss"])
    assert run.module.validation["confusion"].sum() > 0
