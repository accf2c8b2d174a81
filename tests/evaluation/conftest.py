"""A run that is scored without a training, and what `python -m seglab.evaluate` is asked of two folders."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from seglab import config, runs
from seglab.inference import predictor
from seglab.losses import CrossEntropy
from seglab.training.module import SegmentationModule
from seglab.training.schedule import Constant
from tests.evaluation.painted import CAMVID, POLE, SKY, Painter, write_pair


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose network names colours, trained at a quarter of the size of its two images of 32x64."""
    poles = np.full((32, 64), SKY, dtype=np.uint8)
    poles[:, 8:11] = POLE  # 3 of the 4 columns that become one
    write_pair(tmp_path / "data", "0001_a", poles, void=4)
    write_pair(tmp_path / "data", "0002_b", np.full((32, 64), SKY, dtype=np.uint8))
    data = OmegaConf.load(config.FOLDER / "data" / "camvid.yaml")
    changes = {"root": str(tmp_path / "data"), "size": [8, 16], "seed": 1, "augmentation": None, "batch_size": 2}
    data = OmegaConf.merge(data, changes)
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    OmegaConf.save({"data": data}, folder / runs.CONFIG)
    torch.save({"epoch": 4, "global_step": 10}, folder / "checkpoints" / "best.ckpt")
    runs.write_record(folder, {"status": "finished", "best": {"epoch": 4}})
    module = SegmentationModule(
        Painter(), loss=CrossEntropy(), class_names=CAMVID.names, schedule=Constant(), size_divisor=1,
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.1), channels_last=False,
        mean=[0.0, 0.0, 0.0], std=[1 / 255] * 3,
    )  # fmt: skip
    monkeypatch.setattr(predictor, "load", lambda folder, checkpoint: module)
    return folder


@pytest.fixture(scope="session")
def official_settings() -> Callable[..., dict]:
    """`official_settings(predictions="p", truth="t")`: the keys of conf/evaluate.yaml with these changes."""
    defaults = OmegaConf.to_container(OmegaConf.load(config.FOLDER / "evaluate.yaml"))
    keys = {key: value for key, value in defaults.items() if key not in ("defaults", "hydra")}

    def changed(**changes) -> dict:
        return {**keys, "data": None, **changes}

    return changed


@pytest.fixture
def of_city(city: tuple[Path, Path], official_settings: Callable[..., dict]) -> Callable[..., dict]:
    """`of_city(processes=1)`: the settings that score the predictions of `city`, with these changes."""
    predictions, truth = city

    def asked(**changes) -> dict:
        return official_settings(predictions=str(predictions), truth=str(truth), **changes)

    return asked
