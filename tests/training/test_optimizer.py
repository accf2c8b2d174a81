"""Rates and decay of the parts of a network, as the optimizer sees them."""

from functools import partial

import pytest
import timm
import torch
from lightning.pytorch.callbacks import LearningRateMonitor
from timm.optim import param_groups_layer_decay
from torch import nn

from seglab import runs
from seglab.errors import SeglabError
from seglab.models.lora import add_adapters
from seglab.training.build import build
from seglab.training.optimizer import build_optimizer
from seglab.training.schedule import Cosine, Plateau, Poly

SGD = partial(torch.optim.SGD, lr=1.0, weight_decay=0.5)


class Net(nn.Module):
    def __init__(self, encoder: str) -> None:
        super().__init__()
        self.add_module(encoder, nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
        self.head = nn.Conv2d(4, 2, 1)


def groups(network: nn.Module, **asked) -> dict[str | None, tuple[float, float, int]]:
    """{name: (lr, weight_decay, number of tensors)}"""
    defaults = {"encoder_lr": 1.0, "decay_norm_and_bias": True}
    optimizer = build_optimizer(SGD, network, network=network, **(defaults | asked))
    return {
        group.get("name"): (group["lr"], group["weight_decay"], len(group["params"]))
        for group in optimizer.param_groups
    }


def test_nothing_asked_for_is_one_group_as_ever():
    assert groups(Net("encoder")) == {None: (1.0, 0.5, 6)}


@pytest.mark.parametrize("name", ["encoder", "backbone"])
def test_encoder_has_its_own_rate(name):
    assert groups(Net(name), encoder_lr=0.1) == {"encoder": (0.1, 0.5, 4), "rest": (1.0, 0.5, 2)}


def test_norms_and_biases_are_spared():
    assert groups(Net("encoder"), decay_norm_and_bias=False) == {
        "network": (1.0, 0.5, 2),
        "network_no_decay": (1.0, 0.0, 4),
    }
    assert groups(Net("encoder"), encoder_lr=0.1, decay_norm_and_bias=False) == {
        "encoder": (0.1, 0.5, 1),
        "encoder_no_decay": (0.1, 0.0, 3),
        "rest": (1.0, 0.5, 1),
        "rest_no_decay": (1.0, 0.0, 1),
    }


class Timm(nn.Module):
    """Three blocks of a vision transformer before a head."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = timm.create_model("vit_tiny_patch16_224", depth=3, embed_dim=8, num_heads=2, img_size=32)
        self.head = nn.Conv2d(8, 2, 1)


def test_rates_fall_from_layer_to_layer_as_timms_do():
    network = Timm()
    optimizer = build_optimizer(
        SGD, network, network=network, encoder_lr=1.0, decay_norm_and_bias=False, layer_decay=0.75
    )
    ours = {part: (group["lr"], group["weight_decay"]) for group in optimizer.param_groups for part in group["params"]}
    theirs = param_groups_layer_decay(network.encoder, weight_decay=0.5, layer_decay=0.75)
    expected = {part: (group["lr_scale"], group["weight_decay"]) for group in theirs for part in group["params"]}
    unlike = {"cls_token", "pos_embed"}  # timm takes their names into account where it is asked for, we their axes
    assert {name for name, part in network.encoder.named_parameters() if ours[part] != expected[part]} <= unlike
    assert {ours[part] for part in network.head.parameters()} == {(1.0, 0.5), (1.0, 0.0)}


def test_layers_are_groups_by_name_and_slowed_with_the_encoder():
    assert groups(Timm(), layer_decay=0.5, encoder_lr=0.1) == {
        "encoder_layer_0": (pytest.approx(0.1 / 16), 0.5, 4), "encoder_layer_1": (pytest.approx(0.1 / 8), 0.5, 12),
        "encoder_layer_2": (pytest.approx(0.1 / 4), 0.5, 12), "encoder_layer_3": (pytest.approx(0.1 / 2), 0.5, 14),
        "encoder": (0.1, 0.5, 2), "rest": (1.0, 0.5, 2),  # a classifier that nothing asks
    }  # fmt: skip


def test_additions_of_lora_are_of_their_layer():
    pytest.importorskip("peft")
    network = Timm()
    add_adapters(network.encoder, rank=2, alpha=2, dropout=0.0, modules=["qkv"])
    found = groups(network, layer_decay=0.5)
    assert found["encoder_layer_3"] == (0.5, 0.5, 14 + 2)
    assert found["encoder"] == (1.0, 0.5, 2)


def test_network_without_layers_is_refused():
    with pytest.raises(
        SeglabError, match=r"layer_decay=0.5: expected an encoder whose layers.*came Sequential - leave"
    ):
        groups(Net("encoder"), layer_decay=0.5)
    with pytest.raises(SeglabError, match=r"layer_decay=0.5: expected Sequential to have.*use module.layer_decay=1.0"):
        groups(nn.Sequential(nn.Conv2d(3, 2, 1)), layer_decay=0.5)


def test_network_without_an_encoder_is_refused():
    with pytest.raises(SeglabError, match=r"encoder_lr=0.1: expected Sequential to have.*use module.encoder_lr=1.0"):
        groups(nn.Sequential(nn.Conv2d(3, 2, 1)), encoder_lr=0.1)


@pytest.mark.parametrize(
    "schedule",
    [
        Poly(power=0.9, warmup_steps=2, warmup_start=0.1),
        Cosine(final=0.01, warmup_steps=2, warmup_start=0.1),
        Plateau(monitor="val/loss", mode="min", factor=0.5, patience=0),
    ],
    ids=["poly", "cosine", "plateau"],
)
@pytest.mark.parametrize("decays", [False, True], ids=["encoder_lr", "layer_decay"])
def test_schedules_keep_the_ratio(schedule, decays):
    network = Timm() if decays else Net("encoder")
    asked = {"encoder_lr": 1.0, "layer_decay": 0.5} if decays else {"encoder_lr": 0.1}
    optimizer = build_optimizer(SGD, network, network=network, decay_norm_and_bias=True, **asked)
    scheduler = schedule(optimizer, total_steps=10)["scheduler"]
    factors = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 1] if decays else [0.1, 1]
    rates = []
    for _ in range(6):
        optimizer.step()
        scheduler.step(*([1.0] if isinstance(schedule, Plateau) else []))
        found = [group["lr"] for group in optimizer.param_groups]
        assert found == pytest.approx([factor * found[-1] for factor in factors])
        rates.append(found[-1])
    assert len(set(rates)) > 2


def test_both_rates_are_logged_by_name(tiny_config, tmp_path):
    config = runs.plain(tiny_config("callbacks.pictures=null", "module.encoder_lr=0.1", "trainer.max_epochs=1"))
    run = build(config, tmp_path)
    run.trainer.fit(run.module, datamodule=run.data)
    (monitor,) = (callback for callback in run.trainer.callbacks if isinstance(callback, LearningRateMonitor))
    assert set(monitor.lrs) == {"lr-AdamW/encoder", "lr-AdamW/rest"}
    header = (tmp_path / "metrics.csv").read_text()
    assert "lr-AdamW/encoder" in header
