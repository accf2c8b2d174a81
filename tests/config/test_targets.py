"""What a configuration may name, and what it may not."""

import sys
from pathlib import Path

import pytest

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
        "seglab.labels.label_space",
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
