"""What several tests need: tiny data, a composed configuration, the real command."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch: on tiny maps two threads wait for each other most of the time

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from seglab import config

# The default experiment at a size where an epoch takes a fraction of a second.
TINY = (
    "data.prepare.train=8", "data.prepare.val=4", "data.prepare.test=2",
    "data.prepare.height=64", "data.prepare.width=128", "data.size=[32,64]", "data.batch_size=2", "data.num_workers=0",
    "model.base=4", "model.depth=2", "model.size_divisor=4",
    "trainer.accelerator=cpu", "trainer.max_epochs=2", "trainer.log_every_n_steps=1",
)  # fmt: skip


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the generated scenes of all tests are written, once."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def tiny_config(data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., DictConfig]:
    """`tiny_config("loss=dice", ...)`: the configuration of `python -m seglab.train` with TINY and these overrides."""
    monkeypatch.setenv("SEGLAB_DATA", str(data_folder))
    config.register()

    def composed(*overrides: str) -> DictConfig:
        with initialize_config_dir(version_base="1.3", config_dir=str(config.FOLDER)):
            return compose("train", overrides=[*TINY, f"output={tmp_path}", *overrides])

    return composed


@pytest.fixture(scope="session")
def environment(data_folder: Path) -> dict[str, str]:
    """Of a command as a user starts it: seglab importable, data where the other tests have them."""
    root = Path(__file__).resolve().parent.parent
    return {**os.environ, "SEGLAB_DATA": str(data_folder), "PYTHONPATH": str(root), "WANDB_MODE": "offline"}


@pytest.fixture
def tiny(tmp_path: Path) -> list[str]:
    """TINY as a user would keep it: an experiment in a folder of her own."""
    config.register()
    with initialize_config_dir(version_base="1.3", config_dir=str(config.FOLDER)):
        whole = compose("train", overrides=list(TINY))
    chosen = OmegaConf.create()
    for override in TINY:
        key = override.partition("=")[0]
        OmegaConf.update(chosen, key, OmegaConf.select(whole, key))
    folder = tmp_path / "my_conf" / "experiment"
    folder.mkdir(parents=True)
    (folder / "tiny.yaml").write_text("# @package _global_\n" + OmegaConf.to_yaml(chosen))
    return ["--config-dir", "my_conf", "experiment=tiny"]


@pytest.fixture
def command(
    environment: dict[str, str], tiny: list[str], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`command("train", "loss=dice")`: `python -m seglab.train loss=dice` with TINY, finished, in an empty folder."""

    def run(entry: str, *arguments: str, small: bool = True, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        flags = [argument for argument in arguments if argument == "-m"]  # argparse wants them before all overrides
        overrides = [argument for argument in arguments if argument != "-m"]
        return subprocess.run(
            [sys.executable, "-m", f"seglab.{entry}", *flags, *(tiny if small else ()), *overrides],
            cwd=tmp_path, env=environment, text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=timeout,
        )  # fmt: skip

    return run
