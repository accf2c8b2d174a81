"""An encoder held still does not move, starts to at its epoch, and an interruption changes none of it."""

import os
import signal
from pathlib import Path

import pytest
import torch
from lightning import Callback

from seglab import runs
from seglab.errors import Interrupted, SeglabError
from seglab.runs.files import LAST
from seglab.training.build import build

FROZEN = ("callbacks=freeze_encoder", "callbacks.pictures=null", "optimizer.weight_decay=0.5")


class SignalAt(Callback):
    """Sends this process a signal while batch number `batch` (counted from 1 over all epochs) is trained."""

    def __init__(self, batch: int) -> None:
        self.batch = batch

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.fit_loop.epoch_loop.batch_progress.total.ready == self.batch:
            os.kill(os.getpid(), signal.SIGTERM)


def fit(config: dict, folder: Path, *extra: Callback):
    """The run after its training or the rest of it, and the network's tensors before and after."""
    run = build(config, folder)
    run.trainer.callbacks[1:1] = extra
    before = {name: tensor.clone() for name, tensor in run.module.network.state_dict().items()}
    last = folder / "checkpoints" / LAST
    run.trainer.fit(run.module, datamodule=run.data, ckpt_path=str(last) if last.exists() else None, weights_only=True)
    return run, before, run.module.network.state_dict()


def moved(before: dict, after: dict) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_frozen_encoder_does_not_move_and_weight_decay_spares_it(tiny_config, tmp_path, optimizer):
    config = runs.plain(tiny_config(*FROZEN, f"optimizer={optimizer}", "trainer.val_check_interval=2"))
    run, before, after = fit(config, tmp_path)
    changed = moved(before, after)
    assert {name for name in changed if name.startswith("encoder.")} == set()
    assert {name for name in after if not name.startswith("encoder.")} == changed
    held = {id(parameter) for group in run.trainer.optimizers[0].param_groups for parameter in group["params"]}
    assert held == {id(parameter) for parameter in run.module.parameters()}
    assert all(parameter.grad is None for parameter in run.module.network.encoder.parameters())


def test_statistics_move_when_they_are_not_held(tiny_config, tmp_path):
    config = runs.plain(tiny_config(*FROZEN, "callbacks.freeze.batch_norm=false", "trainer.max_epochs=1"))
    _, before, after = fit(config, tmp_path)
    changed = {name.rpartition(".")[2] for name in moved(before, after) if name.startswith("encoder.")}
    assert changed == {"running_mean", "running_var", "num_batches_tracked"}


def test_in_eval_mode_nothing_of_it_drops_out_until_it_is_free(tiny_config, tmp_path):
    chosen = ("callbacks.freeze.eval_mode=true", "callbacks.freeze.until_epoch=1")
    run = build(runs.plain(tiny_config(*FROZEN, *chosen)), tmp_path)
    modes = []

    class Modes(Callback):
        def on_before_backward(self, trainer, pl_module, loss):
            modes.append((pl_module.network.encoder.training, pl_module.network.decoder.training))

    run.trainer.callbacks.append(Modes())
    run.trainer.fit(run.module, datamodule=run.data)
    assert modes == [(False, True)] * 4 + [(True, True)] * 4


class StateAtEpoch(Callback):
    def __init__(self) -> None:
        self.states: list[dict] = []

    def on_train_epoch_end(self, trainer, pl_module):
        self.states.append({name: tensor.clone() for name, tensor in pl_module.network.state_dict().items()})


def test_encoder_trains_from_its_epoch_on(tiny_config, tmp_path):
    watch = StateAtEpoch()
    _, before, _ = fit(runs.plain(tiny_config(*FROZEN, "callbacks.freeze.until_epoch=1")), tmp_path, watch)
    first, second = watch.states
    encoder = {name for name in before if name.startswith("encoder.")}
    assert moved(before, first) & encoder == set()
    assert moved(first, second) & encoder == encoder  # weights, statistics and their counts


def test_run_interrupted_around_the_unfreezing_equals_a_straight_one(tiny_config, tmp_path):
    config = runs.plain(tiny_config(*FROZEN, "callbacks.freeze.until_epoch=1", "scheduler=poly"))
    fit(config, tmp_path / "straight")
    expected = torch.load(tmp_path / "straight" / "checkpoints" / LAST, weights_only=True)
    for batch in (2, 4, 5, 6):  # 4 is the last of the first epoch
        folder = tmp_path / f"stopped-{batch}"
        with pytest.raises(Interrupted):
            fit(config, folder, SignalAt(batch))
        fit(config, folder)
        continued = torch.load(folder / "checkpoints" / LAST, weights_only=True)
        assert moved(expected["state_dict"], continued["state_dict"]) == set(), f"stopped during batch {batch}"
        states = [checkpoint["optimizer_states"][0]["state"] for checkpoint in (expected, continued)]
        assert states[0].keys() == states[1].keys()
        assert all(moved(states[0][key], states[1][key]) == set() for key in states[0])


def test_what_the_network_holds_still_itself_stays_still(tiny_config, tmp_path):
    run = build(runs.plain(tiny_config(*FROZEN, "callbacks.freeze.until_epoch=1")), tmp_path)
    fixed = next(run.module.network.encoder.parameters()).requires_grad_(False)
    run.trainer.fit(run.module, datamodule=run.data)
    assert not fixed.requires_grad
    held = [parameter for parameter in run.module.network.encoder.parameters() if not parameter.requires_grad]
    assert len(held) == 1


def test_network_without_an_encoder_is_refused(tiny_config, tmp_path):
    run = build(runs.plain(tiny_config(*FROZEN)), tmp_path)
    run.module.network = torch.nn.Sequential(torch.nn.Conv2d(3, 19, 1))
    with pytest.raises(SeglabError, match=r"expected Sequential to have a part encoder or backbone; came 0 - leave"):
        run.trainer.fit(run.module, datamodule=run.data)


DDP = ("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2", "trainer.sync_batchnorm=false")


@pytest.mark.slow
def test_two_processes_hold_the_encoder_still_and_refuse_to_free_it(command, tmp_path):
    done = command("train", *DDP, "callbacks=freeze_encoder", "callbacks.freeze.until_epoch=1")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "expected one device, came 2" in done.stderr
    done = command("train", *DDP, "callbacks=freeze_encoder", "output=frozen")
    assert done.returncode == 0, done.stdout + done.stderr
    (checkpoint,) = tmp_path.glob("frozen/runs/*/checkpoints/last.ckpt")
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    counts = {name: int(value) for name, value in state.items() if name.endswith("num_batches_tracked")}
    assert {value for name, value in counts.items() if name.startswith("network.encoder.")} == {0}
    assert {value for name, value in counts.items() if name.startswith("network.decoder.")} == {4}
