"""Every experiment of conf/experiment, found by itself: composed, checked, and trained for two steps on stand-in data."""

import math
import re
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from seglab import config, origin, runs
from seglab.build import build
from seglab.errors import SeglabError

FILES = sorted((config.FOLDER / "experiment").glob("*.yaml"))
GIVEN = {"init_from": "init_from=null"}  # keys that an experiment leaves to its user


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def experiment(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_there_are_some():
    prefixes = {path.stem.partition("_")[0] for path in FILES}
    assert {"s000", "s001", "s002", "s003", "s004", "camvid"} <= prefixes


def test_opens_with_what_it_reproduces_and_its_command(experiment):
    text = experiment.read_text()
    head = text.partition("\ndefaults:")[0]
    assert text.startswith("# @package _global_\n")
    assert f"python -m seglab.train experiment={experiment.stem} data.root=" in head
    assert re.search(r"published", head, re.IGNORECASE) or "Otherwise" in head or "stage before" in head
    assert max(map(len, text.splitlines())) <= 160


@pytest.mark.parametrize("name", ["s004_modern_unet_pt", "fcn16s_stage2", "fcn8s_stage3"])
def test_a_second_stage_never_starts_from_nothing(name):
    with pytest.raises(SeglabError, match=r"init_from=FOLDER_OF_THE_RUN_OF_\w+: expected the folder of a run"):
        origin.locate(composed(f"experiment={name}", "data.root=/nowhere").init_from)


def composed(*overrides):
    config.register()
    with initialize_config_dir(version_base="1.3", config_dir=str(config.FOLDER)):
        return compose("train", overrides=list(overrides))


@pytest.mark.slow
def test_two_steps(experiment, standins, tmp_path, monkeypatch):
    monkeypatch.setenv("SEGLAB_DATA", str(tmp_path / "data"))
    name = f"experiment={experiment.stem}"
    given = [override for key, override in GIVEN.items() if f"\n{key}: FOLDER_OF" in experiment.read_text()]
    first = composed(name, *given)
    # The data set is known by the class that reads it: conf/data/NAME.yaml
    readers = {OmegaConf.load(config.FOLDER / "data" / f"{key}.yaml").source._target_: key for key in standins}
    stand_in = standins[readers[first.data.source._target_]]
    small = [override for override in stand_in.overrides if not override.startswith("data=")]
    network = ["model.encoder_weights=null"] if first.model.get("encoder_weights") else []
    cfg = composed(
        name, *given, *network, *small, "trainer.accelerator=cpu", "trainer.precision=32-true", "trainer.max_steps=2",
        "trainer.max_epochs=2", "trainer.limit_train_batches=1", "trainer.check_val_every_n_epoch=1",
        "trainer.log_every_n_steps=1", "callbacks.pictures=null", "data.cache=null", f"output={tmp_path}",
    )  # fmt: skip
    config.check(cfg)
    run = build(runs.plain(cfg), Path(tmp_path / "run"))
    run.trainer.fit(run.module, datamodule=run.data)
    assert run.trainer.global_step == 2
    assert math.isfinite(run.module.validation["loss"])
    assert run.module.validation["confusion"].sum() > 0
