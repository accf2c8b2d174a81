"""Layers of an encoder are numbered as timm numbers them, and by the blocks of others."""

import re

import pytest
import segmentation_models_pytorch as smp
import timm
import torch
from timm.optim import param_groups_layer_decay
from torch import nn

from seglab.errors import SeglabError
from seglab.models.layers import layer_numbers
from seglab.models.transformers_model import Beit, UperNet
from tests.models.test_transformers_model import BEIT, CONVNEXT, UPERNET

SETTING = "module.layer_decay=0.5"


def timms(model: nn.Module) -> dict[str, float]:
    """{parameter: factor on its rate} as timm has it for a decay of 0.5."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    groups = param_groups_layer_decay(model, layer_decay=0.5)
    return {names[parameter]: group["lr_scale"] for group in groups for parameter in group["params"]}


def ours(encoder: nn.Module) -> dict[str, float]:
    numbers, behind = layer_numbers(encoder, setting=SETTING)
    return {name: 0.5 ** (behind - number) for name, number in numbers.items()}


@pytest.mark.parametrize(
    "name",
    ["vit_tiny_patch16_224", "eva02_tiny_patch14_224", "swin_tiny_patch4_window7_224", "resnet18", "inception_v3"],
)
def test_as_timm_counts(name):
    with torch.device("meta"):
        model = timm.create_model(name, **({"aux_logits": False} if name == "inception_v3" else {}))
    mine, theirs = ours(model), timms(model)
    assert {name: theirs[name] for name in mine} == mine
    head = theirs.keys() - mine.keys()
    assert {theirs[name] for name in head} == {1.0}  # counts as what is behind the encoder
    assert all(name.startswith(("head", "fc")) for name in head)


def test_without_a_classifier_what_is_behind_still_counts_as_a_layer():
    with torch.device("meta"):
        model = timm.create_model("vit_tiny_patch16_224", num_classes=0)
    theirs = timms(model)
    assert ours(model) == {name: 0.5 * factor for name, factor in theirs.items()}


@pytest.mark.parametrize("name", ["convnext_atto", "mobilenetv3_small_050", "hiera_tiny_224"])
def test_as_timm_counts_where_smp_has_taken_it_apart(name):
    with torch.device("meta"):
        encoder = smp.encoders.get_encoder(f"tu-{name}", weights=None)
        theirs = {key.replace(".", "_"): factor for key, factor in timms(timm.create_model(name)).items()}
    mine = {key.replace("model.", "").replace(".", "_"): value for key, value in ours(encoder).items()}
    assert len(mine) == len(list(encoder.parameters()))
    assert mine == {key: theirs[key] for key in mine}


class Layer(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Linear(2, 2), nn.LayerNorm(2))


class Tokens(nn.Module):
    """As transformers builds a vision transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.Conv2d(3, 2, 4)
        self.encoder = nn.Module()
        self.encoder.layer = nn.ModuleList([Layer(), Layer(), Layer()])
        self.layernorm = nn.LayerNorm(2)


class Stages(nn.Module):
    """As transformers builds Swin."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.Conv2d(3, 2, 4)
        self.layers = nn.ModuleList([nn.Module(), nn.Module()])
        for stage in self.layers:
            stage.blocks = nn.ModuleList([Layer(), Layer()])
        self.layers[0].downsample = nn.Linear(2, 2)


def test_blocks_in_lists_are_counted():
    numbers, behind = layer_numbers(Tokens(), setting=SETTING)
    assert behind == 4
    assert {name.rpartition(".")[0]: number for name, number in numbers.items()} == {
        "embeddings": 0, "encoder.layer.0.0": 1, "encoder.layer.0.1": 1, "encoder.layer.1.0": 2, "encoder.layer.1.1": 2,
        "encoder.layer.2.0": 3, "encoder.layer.2.1": 3, "layernorm": 3,
    }  # fmt: skip


def test_blocks_of_stages_are_counted_through():
    numbers, behind = layer_numbers(Stages(), setting=SETTING)
    assert behind == 5
    found = {re.sub(r"(blocks\.\d).*", r"\1", name): number for name, number in numbers.items()}
    assert found == {
        "embeddings.weight": 0, "embeddings.bias": 0, "layers.0.blocks.0": 1, "layers.0.blocks.1": 2,
        "layers.0.downsample.weight": 2, "layers.0.downsample.bias": 2, "layers.1.blocks.0": 3, "layers.1.blocks.1": 4,
    }  # fmt: skip


@pytest.mark.parametrize("encoder", [nn.Sequential(nn.Conv2d(3, 2, 1), nn.Conv2d(2, 2, 1)), nn.Identity()])
def test_an_encoder_without_layers_is_refused(encoder):
    with pytest.raises(SeglabError, match=r"module.layer_decay=0.5: expected an encoder whose layers.*came .* - leave"):
        layer_numbers(encoder, setting=SETTING)


@pytest.mark.parametrize(
    ("kind", "numbers", "layers"),
    [
        (Beit, {**BEIT, "num_hidden_layers": 4}, 4),
        (UperNet, {**UPERNET, "backbone_config": {**CONVNEXT, "depths": [1, 2, 1, 1]}}, 5),
    ],
)
def test_encoders_of_transformers_are_counted(kind, numbers, layers):
    pytest.importorskip("transformers")
    network = kind(config=numbers, weights=None, classes=5)
    encoder = network.encoder if kind is Beit else network.backbone
    found, behind = layer_numbers(encoder, setting=SETTING)
    assert behind == layers + 1
    assert found.keys() == {name for name, _ in encoder.named_parameters()}
    assert sorted(set(found.values())) == list(range(layers + 1))
    assert {number for name, number in found.items() if name.startswith("embeddings")} == {0}
