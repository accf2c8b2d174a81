"""What a configuration may name, and what it may not."""

import sys
from pathlib import Path

import pytest

from seglab.config.kinds import KINDS
from seglab.config.signatures import find_definition
from seglab.config.targets import refusal, refuse
from seglab.errors import SeglabError


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
        "timm.models.VisionTransformer",
        "timm.models.swin_transformer.SwinTransformer",
        "transformers.SegformerForSemanticSegmentation",
        "transformers.models.dpt.modeling_dpt.DPTForSemanticSegmentation",
        "seglab.models.transformers_library.configuration",
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
        "timm.create_model",  # reads what its arguments name: a repository of anyone, a checkpoint
        "timm.models.create_model",
        "timm.models.swin_transformer.swin_tiny_patch4_window7_224",
        "timm.models.load_checkpoint",
        "timm.models.swin_transformer.torch.hub.load",
        "timm.layers.Mlp",
        "transformers.pipeline",
        "transformers.AutoModel",
        "transformers.SegformerConfig",  # takes an attention of the hub, which is code
        "transformers.Trainer",
        "transformers.SegformerForSemanticSegmentation.from_pretrained",
        "transformers.models.segformer.modeling_segformer.nn.Linear",
        "seglab.models.transformers_library.library_network",
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


SMP = "segmentation_models_pytorch.DPT"


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"_target_": SMP, "encoder_name": "tu-hf-hub:anyone/net"}, "names a place"),
        ({"_target_": SMP, "encoder_name": "tu-local-dir:/tmp/net"}, "names a place"),
        ({"_target_": SMP, "checkpoint_path": "net.pth"}, "may not set checkpoint_path"),
        ({"_target_": SMP, "pretrained_cfg": {"url": "https://example.org/net.pth"}}, "may not set pretrained_cfg"),
        ({"_target_": "seglab.models.dpt.DPT", "encoder_options": {"cache_dir": "x"}}, "may not set cache_dir"),
        ({"_target_": "torch.nn.Sequential", "a": {"_target_": SMP, "checkpoint_path": "x"}}, "model.a: .* checkpoint"),
    ],
)
def test_no_argument_names_what_timm_shall_fetch(node: dict, message: str) -> None:
    with pytest.raises(SeglabError, match=message):
        refuse(node, where="model", group="model")


def test_other_arguments_and_those_of_ones_own_class_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGLAB_ALLOW", "mine.Net")
    refuse({"_target_": "mine.Net", "checkpoint_path": "x"}, where="model", group="model")
    refuse({"_target_": SMP, "encoder_name": "tu-vit", "checkpoint_path": None}, where="model", group="model")


FITTING = {
    "data": "seglab.data.module.DataModule",
    "augment": "albumentations.OneOf",
    "sampling": "seglab.data.rare_classes.RareClasses",
    "mix": "seglab.data.mixing.CutMix",
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
    "ood": "seglab.inference.ood.features.Knn",
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
