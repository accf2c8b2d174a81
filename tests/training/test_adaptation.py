"""Trainings of a part of a network: what moves and what does not, and that what is kept is the plain network."""

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import yaml
from lightning import Callback
from torch import nn

import seglab
from seglab import export as command
from seglab import runs
from seglab.config.compose import compose
from seglab.deployment.camera import Camera
from seglab.deployment.export import export
from seglab.errors import SeglabError
from seglab.inference.exported import load_exported
from seglab.runs.files import BEST, LAST
from seglab.training.build import Run, build, load
from seglab.training.fit import fit as training
from seglab.training.transfer import build_from
from tests.callbacks.test_exact import KillAt, _bytes, fit, killed, state
from tests.tiny_dpt import OVERRIDES, write_option

pytest.importorskip("peft")

UNET = ("callbacks.pictures=null", "trainer.max_epochs=1", "optimizer.weight_decay=0.5")


@pytest.fixture
def dpt_config(data_folder, tmp_path, monkeypatch):
    """`dpt_config("adapt=lora")`: the plain configuration of a tiny DPT's training."""
    monkeypatch.setenv("SEGLAB_DATA", str(data_folder))
    folder = write_option(tmp_path / "options")
    return lambda *overrides: runs.plain(seglab.compose([*OVERRIDES, *overrides], config_dir=folder))


@pytest.fixture(scope="module")
def trained(data_folder, tmp_path_factory) -> Path:
    """The folder of a run of two epochs with LoRA, and with an average of the weights."""
    folder = tmp_path_factory.mktemp("lora")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGLAB_DATA", str(data_folder))
        chosen = ["adapt=lora", "callbacks=ema", "callbacks.pictures=null", "optimizer.lr=0.02", f"output={folder}"]
        record = seglab.fit([*OVERRIDES, *chosen, "name=lora"], config_dir=write_option(folder / "options"))
    return Path(record["folder"])


def moved(run: Run) -> tuple[set[str], set[str]]:
    """Names of all the network's tensors, and of those that a training moves."""
    run.module.adapt()
    before = {name: tensor.clone() for name, tensor in run.module.network.state_dict().items()}
    run.trainer.fit(run.module, datamodule=run.data)
    after = run.module.network.state_dict()
    return set(after), {name for name in after if not torch.equal(after[name], before[name])}


def with_dropout(encoder: nn.Module) -> None:
    """Puts one where nothing calls it: its mode alone is looked at."""
    next(module for module in encoder.modules() if isinstance(module, nn.ReLU)).add_module("dropout", nn.Dropout())


class Modes(Callback):
    """Which parts of the encoder are in training mode while a batch is trained."""

    def __init__(self) -> None:
        self.training: set[str] = set()

    def on_before_backward(self, trainer, pl_module, loss):
        encoder = pl_module.network.encoder
        self.training |= {type(module).__name__ for module in encoder.modules() if module.training}


def test_a_linear_probe_moves_nothing_of_the_encoder(tiny_config, tmp_path):
    run = build(runs.plain(tiny_config(*UNET, "adapt=linear_probe")), tmp_path)
    with_dropout(run.module.network.encoder)
    run.trainer.callbacks.append(modes := Modes())
    names, changed = moved(run)
    assert changed == {name for name in names if not name.startswith("encoder.")}
    assert any(name.endswith("running_mean") for name in names - changed)
    assert modes.training == set()
    assert run.module.network.decoder.training


def test_of_lora_only_additions_and_the_decoder_move(dpt_config, tmp_path):
    run = build(dpt_config("adapt=lora", "trainer.max_epochs=1", "optimizer.weight_decay=0.5"), tmp_path)
    plain = set(run.module.network.state_dict())
    names, changed = moved(run)
    additions = {name for name in names if "lora_" in name}
    assert len(additions) == 2 * 2 * 6  # A and B, of qkv and proj, in six blocks
    assert changed == additions | {name for name in plain if not name.startswith("encoder.")}
    assert {name.replace(".base_layer", "") for name in names - additions} == plain


def test_lora_of_convolutions_holds_the_statistics_of_batch_norm_and_leaves_dropout_alone(tiny_config, tmp_path):
    run = build(runs.plain(tiny_config(*UNET, "adapt=lora", "adapt.rank=2", "adapt.modules=['*']")), tmp_path)
    with_dropout(run.module.network.encoder)
    run.trainer.callbacks.append(modes := Modes())
    names, changed = moved(run)
    assert {name for name in changed if name.startswith("encoder.")} == {name for name in names if "lora_" in name}
    assert any(name.startswith("encoder.") and name.endswith("running_mean") for name in names)
    assert "Dropout" in modes.training
    assert "BatchNorm2d" not in modes.training


def test_full_is_no_other_training(tiny_config):
    whole = runs.plain(tiny_config())
    before = {key: value for key, value in whole.items() if key != "adapt"}
    before["module"] = {key: value for key, value in whole["module"].items() if key != "layer_decay"}
    assert runs.fingerprint(whole) == runs.fingerprint(before)
    probe = runs.plain(tiny_config("adapt=linear_probe"))
    assert len({runs.fingerprint(config) for config in (whole, probe, runs.plain(tiny_config("adapt=lora")))}) == 3


@pytest.mark.exhaustive
def test_a_killed_lora_run_continues_exactly(dpt_config, tmp_path):
    chosen = ("adapt=lora", "adapt.dropout=0.2", "callbacks=ema", "callbacks.last.every_n_steps=1", "scheduler=poly")
    config = dpt_config(*chosen, "callbacks.pictures=null", "module.layer_decay=0.75")
    fit(config, tmp_path / "straight")
    for batch in (3, 6):
        killed(config, tmp_path / "killed", KillAt(batch))
    fit(config, tmp_path / "killed")
    assert state(tmp_path / "killed") == state(tmp_path / "straight")
    adapters = [
        torch.load(tmp_path / name / "checkpoints" / LAST, weights_only=True)["adapters"]
        for name in ("straight", "killed")
    ]
    assert len(adapters[0]) == 12 * 4  # weight, bias, A and B
    assert _bytes(adapters[0]) == _bytes(adapters[1])
    assert (tmp_path / "killed" / "metrics.csv").read_text() == (tmp_path / "straight" / "metrics.csv").read_text()


def test_a_killed_linear_probe_continues_exactly(tiny_config, tmp_path):
    config = runs.plain(
        tiny_config(*UNET, "adapt=linear_probe", "trainer.max_epochs=2", "callbacks.last.every_n_steps=1")
    )
    fit(config, tmp_path / "straight")
    killed(config, tmp_path / "killed", KillAt(3))
    fit(config, tmp_path / "killed")
    assert state(tmp_path / "killed") == state(tmp_path / "straight")


def test_checkpoints_hold_the_plain_network_as_it_was_validated(dpt_config, tmp_path):
    config = dpt_config("adapt=lora", "adapt.alpha=64", "optimizer.lr=0.02", "trainer.max_epochs=1")
    run = build(config, tmp_path)
    (tmp_path / runs.CONFIG).write_text(yaml.safe_dump(config))
    run.trainer.fit(run.module, datamodule=run.data)
    image = torch.randint(0, 256, (1, 3, 32, 64), dtype=torch.uint8)
    adapted = run.module.eval()
    kept = load(tmp_path, checkpoint=LAST)
    assert not any("lora" in name or "base_layer" in name for name in kept.state_dict())
    with torch.inference_mode():
        torch.testing.assert_close(kept(image), adapted(image), atol=1e-5, rtol=1e-4)
        layer = adapted.network.encoder.model.blocks[0].attn.qkv
        own = kept.network.encoder.model.blocks[0].attn.qkv.weight
        assert not torch.allclose(own, layer.base_layer.weight, atol=1e-4)  # what was merged is no nothing
    best = torch.load(tmp_path / "checkpoints" / BEST, weights_only=True)
    assert "adapters" not in best
    assert best["state_dict"].keys() == kept.state_dict().keys()


def test_a_lora_run_predicts_and_is_scored_without_peft(trained, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    record = runs.read_record(trained)
    model = seglab.load(trained)
    assert sum(parameter.numel() for parameter in model.network.parameters()) == record["parameters"]
    assert record["trainable"] < record["parameters"]
    assert model.predict(np.zeros((40, 70, 3), dtype=np.uint8)).shape == (40, 70)
    scores = seglab.score(trained, split="val")["network"]["metrics"]
    assert scores["miou"] == pytest.approx(record["best"]["metrics"]["miou"], abs=2e-3)


@pytest.mark.exhaustive
@pytest.mark.slow
def test_an_exported_lora_run_is_the_network_and_names_no_adapter(trained, tmp_path):
    settings = compose(
        "export",
        [
            f"run={trained}",
            f"output={tmp_path / 'new'}",
            "latency=false",
            "outputs=[labels,logits]",
            "input_size=[64,128]",
        ],
    ).cfg
    command.check(runs.plain(settings))
    path = export(runs.plain(settings)) / "model.onnx"
    graph = onnx.load(path).graph.SerializeToString()
    assert b"attn.qkv.weight" in graph
    assert b"lora" not in graph
    assert b"base_layer" not in graph
    image = torch.randint(0, 256, (1, 64, 128, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    logits = torch.from_numpy(load_exported(path).call(image.numpy())["logits"])
    camera = Camera(load(trained), size=(32, 64), layout="nhwc").eval()
    with torch.inference_mode():
        torch.testing.assert_close(logits, camera(image)[1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("adapt", ["full", "lora"])
def test_a_lora_run_is_the_start_of_another(trained, dpt_config, tmp_path, adapt):
    run = build_from(dpt_config(f"adapt={adapt}", f"init_from={trained}"), tmp_path)
    kept = load(trained).network.state_dict()
    begun = run.module.network.state_dict()
    assert begun.keys() == kept.keys()
    assert all(torch.equal(tensor, kept[name]) for name, tensor in begun.items())
    run.module.adapt()
    layer = run.module.network.encoder.model.blocks[0].attn.qkv
    assert torch.equal(layer.weight, kept["encoder.model.blocks.0.attn.qkv.weight"])


def test_additions_that_the_network_never_asks_are_refused(dpt_config, tmp_path):
    run = build(dpt_config("adapt=lora", "adapt.modules=[qkv,model.head]"), tmp_path)
    with pytest.raises(SeglabError, match=r"adapt.modules: expected layers.*came 1 .*encoder.model.head - name others"):
        run.trainer.fit(run.module, datamodule=run.data)


@pytest.mark.parametrize("adapt", ["linear_probe", "lora"])
def test_a_network_without_an_encoder_is_refused(tiny_config, tmp_path, adapt):
    run = build(runs.plain(tiny_config(*UNET, f"adapt={adapt}")), tmp_path)
    run.module.network = nn.Sequential(nn.Conv2d(3, 19, 1))
    with pytest.raises(SeglabError, match=rf"adapt={adapt}: expected Sequential to have a part.* - use adapt=full"):
        run.module.adapt()


def test_an_encoder_at_its_random_start_is_told_of(tiny_config, tmp_path, caplog):
    for adapt, told in (("linear_probe", True), ("full", False)):
        caplog.clear()
        folder = tmp_path / adapt
        folder.mkdir()
        config = runs.plain(tiny_config(*UNET, f"adapt={adapt}"))
        runs.start_record(folder, config=config, overrides=[])
        result = training(config, folder)
        assert ("held at its random start" in caplog.text) is told
        assert ("trainable" in result) is told


DDP = ("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2", "trainer.sync_batchnorm=false")


@pytest.mark.exhaustive
@pytest.mark.slow
def test_two_processes_train_the_additions(command, tmp_path):
    """Of DDP no word on parameters without a gradient; what is kept is the plain network."""
    done = command("train", *DDP, "adapt=lora", "adapt.modules=['*']", "name=two")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unused" not in done.stderr
    folder = tmp_path / "outputs" / "runs" / "two"
    adapters = torch.load(folder / "checkpoints" / LAST, weights_only=True)["adapters"]
    assert all(tensor.any() for name, tensor in adapters.items() if "lora_B" in name)
    assert load(folder).network.encoder is not None
