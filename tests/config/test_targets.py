"""What a configuration may name, and what it may not."""

import sys
from pathlib import Path

import pytest

from seglab.config.kinds import KINDS
from seglab.config.signatures import find_definition
from seglab.config.targets import refusal


def refused(target: str) -> str | None:
    return refusal(target, find_definition(target))


@pytest.mark.parametrize(
    "target",
    [
        "torch.nn.SiLU",
        "torch.optim.AdamW",
        "torch.optim.lr_scheduler.ReduceLROnPlateau",
        "segmentation_models_pytorch.Unet",
        "albumentations.HorizontalFlip",
        "lightning.Trainer",
        "lightning.pytorch.Trainer",
        "lightning.pytorch.callbacks.EarlyStopping",
        "lightning.pytorch.loggers.CSVLogger",
        "lightning.pytorch.strategies.DDPStrategy",
        "lightning.pytorch.profilers.SimpleProfiler",
        "torchvision.models.segmentation.deeplabv3_resnet50",
        "seglab.training.module.SegmentationModule",
        "seglab.data.camvid.CamVid",
        "seglab.data.synthetic.write_scenes",
        "seglab.losses.mixture",  # a function that says that it returns a loss
        "seglab.loggers.trackers.wandb_logger",
        "seglab.training.schedule.Poly",
    ],
)
def test_allowed(target: str) -> None:
    assert refused(target) is None


@pytest.mark.parametrize(
    "target",
    [
        "torch.load",
        "torch.hub.load",
        "torch.utils.collect_env.run",
        "torch.utils.cpp_extension.load_inline",
        "torch.nn.functional.torch.load",
        "torch.nn.functional.relu",
        "torch.optim.lr_scheduler.Any",
        "numpy.load",
        "os.system",
        "subprocess.run",
        "joblib.load",
        "builtins.eval",
        "pickle.loads",
        "distutils.spawn.spawn",
        "lightning.fabric.utilities.cloud_io._load",
        "lightning.seed_everything",
        "segmentation_models_pytorch.from_pretrained",
        "albumentations.from_dict",
        "albumentations.core.serialization.load",
        "seglab.training.build.instantiate",  # would build another, unchecked node
        "seglab.config.instantiate.instantiate",
        "seglab.training.build.build_network",
        "seglab.training.build.load",
        "seglab.runs.read_config",
        "seglab.runs.write_atomically",
        "seglab.models.pretrained.state_dict",
        "seglab.data.image_files.read_image",
        "seglab.training.build.nn.Conv2d",
        "torch.nn.Parameter",
        "torch.optim.lr_scheduler.partial",
        "lightning.LightningModule",
        "lightning.pytorch.callbacks.timer.subprocess.run",
        "seglab.training.build.torch.load",
        "seglab.runs.subprocess.run",
        "seglab.data.transforms.os.system",
        "seglab.config._num_classes",
        "seglab.nothing.Here",
        "",
        ".",
    ],
)
def test_refused(target: str) -> None:
    assert refused(target)


FITTING = {
    "data": "seglab.data.module.DataModule",
    "augment": "albumentations.OneOf",
    "model": "segmentation_models_pytorch.Unet",
    "activation": "torch.nn.SiLU",
    "loss": "seglab.losses.Dice",
    "adapt": "seglab.training.adaptation.LinearProbe",
    "optimizer": "torch.optim.AdamW",
    "scheduler": "seglab.training.schedule.Constant",
    "trainer": "lightning.pytorch.strategies.DDPStrategy",
    "callbacks": "lightning.pytorch.callbacks.EarlyStopping",
    "logger": "seglab.loggers.csv_logger.RunCSVLogger",
    "module": "seglab.training.module.SegmentationModule",
}


@pytest.mark.parametrize("group", KINDS)
def test_a_group_builds_what_it_is_for_and_nothing_else(group: str) -> None:
    assert refusal(FITTING[group], find_definition(FITTING[group]), group=group) is None
    for other in ("optimizer", "callbacks", "augment", "trainer"):
        if other != group and (group, other) != ("data", "augment"):
            told = refusal(FITTING[other], find_definition(FITTING[other]), group=group)
            assert told.startswith(f"a configuration may not name {FITTING[other]} in {group!r}; expected ")


def test_a_refusal_says_what_is_expected_and_how_to_allow_ones_own() -> None:
    told = refusal("torch.utils.collect_env.run", find_definition("torch.utils.collect_env.run"), group="loss")
    assert told == (
        "a configuration may not name torch.utils.collect_env.run in 'loss'; expected a torch.nn.Module of "
        "seglab.losses or torch.nn; a class of your own is allowed by its full name: "
        'export SEGLAB_ALLOW="my_module.MyClass"'
    )
    nowhere = refusal("torch.nn.ReLU", find_definition("torch.nn.ReLU"), group="seed")
    assert "may not name torch.nn.ReLU in 'seed', of which nothing is built" in nowhere


def test_a_misspelt_class_is_named() -> None:
    assert refused("torch.nn.SilU") == "torch.nn has no class or function 'SilU' - did you mean 'SiLU'?"


def test_a_users_own_class_is_allowed_by_its_full_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mylosses.py").write_text("class Focal2:\n    def __init__(self, gamma): ...\nclass Other: ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("SEGLAB_ALLOW", raising=False)
    assert "mylosses.Focal2 is not part of seglab" in refused("mylosses.Focal2")
    assert 'export SEGLAB_ALLOW="mylosses.Focal2"' in refused("mylosses.Focal2")
    monkeypatch.setenv("SEGLAB_ALLOW", "mylosses.Focal2, a.B")
    assert refused("mylosses.Focal2") is None
    assert 'export SEGLAB_ALLOW="mylosses.Focal2,a.B,mylosses.Other"' in refused("mylosses.Other")
    assert "there is no class or function mylosses.Missing" in refused("mylosses.Missing")
    assert "mylosses" not in sys.modules
