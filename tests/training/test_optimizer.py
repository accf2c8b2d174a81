"""Rates and decay of the parts of a network, as the optimizer sees them."""

from functools import partial

import pytest
import torch
from lightning.pytorch.callbacks import LearningRateMonitor
from torch import nn

from seglab import runs
from seglab.errors import SeglabError
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
def test_schedules_keep_the_ratio(schedule):
    network = Net("encoder")
    optimizer = build_optimizer(SGD, network, network=network, encoder_lr=0.1, decay_norm_and_bias=True)
    scheduler = schedule(optimizer, total_steps=10)["scheduler"]
    rates = []
    for _ in range(6):
        optimizer.step()
        scheduler.step(*([1.0] if isinstance(schedule, Plateau) else []))
        encoder, rest = (group["lr"] for group in optimizer.param_groups)
        assert encoder == pytest.approx(0.1 * rest)
        rates.append(rest)
    assert len(set(rates)) > 2


def test_both_rates_are_logged_by_name(tiny_config, tmp_path):
    config = runs.plain(tiny_config("callbacks.pictures=null", "module.encoder_lr=0.1", "trainer.max_epochs=1"))
    run = build(config, tmp_path)
    run.trainer.fit(run.module, datamodule=run.data)
    (monitor,) = (callback for callback in run.trainer.callbacks if isinstance(callback, LearningRateMonitor))
    assert set(monitor.lrs) == {"lr-AdamW/encoder", "lr-AdamW/rest"}
    header = (tmp_path / "metrics.csv").read_text()
    assert "lr-AdamW/encoder" in header
