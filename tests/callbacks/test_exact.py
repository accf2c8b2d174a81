"""An interrupted and continued run equals a straight one, bit for bit: weights, optimizer, logged values."""

import contextlib
import gc
import hashlib
import os
import signal
import weakref
from pathlib import Path

import pytest
import torch
from lightning import Callback

from seglab import runs
from seglab.errors import Interrupted
from seglab.runs import checkpoints
from seglab.runs.files import LAST
from seglab.training.build import build


class SignalAt(Callback):
    """Sends this process a signal while batch number `batch` (counted from 1 over all epochs) is trained."""

    def __init__(self, batch: int, number: int = signal.SIGTERM) -> None:
        self.batch = batch
        self.number = number

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.fit_loop.epoch_loop.batch_progress.total.ready == self.batch:
            os.kill(os.getpid(), self.number)


def fit(config: dict, folder: Path, *extra: Callback) -> None:
    run = build(config, folder)
    run.trainer.callbacks[1:1] = extra
    run.trainer.fit(run.module, datamodule=run.data, ckpt_path=checkpoints.newest_sound(folder), weights_only=True)


def state(folder: Path) -> str:
    """A hash of weights, optimizer, scheduler and step in last.ckpt."""
    checkpoint = torch.load(folder / "checkpoints" / LAST, weights_only=True)
    digest = hashlib.sha256()
    for part in ("state_dict", "optimizer_states", "lr_schedulers"):
        digest.update(_bytes(checkpoint[part]))
    digest.update(str(checkpoint["global_step"]).encode())
    return digest.hexdigest()


def _bytes(value) -> bytes:
    if isinstance(value, torch.Tensor):
        return value.numpy().tobytes()
    if isinstance(value, dict):
        return b"".join(str(key).encode() + _bytes(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return b"".join(map(_bytes, value))
    return repr(value).encode()


@pytest.mark.parametrize("is_stopped", [False, True], ids=["ended", "stopped"])
def test_a_training_leaves_nothing_behind(tiny_config, tmp_path, is_stopped):
    """A handler of signals that stayed would hold the trainer, and with it the network, in a notebook for ever."""
    config = runs.plain(tiny_config("callbacks.pictures=null"))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    run = build(config, tmp_path / "run")
    run.trainer.callbacks.insert(1, SignalAt(2 if is_stopped else -1))
    with pytest.raises(Interrupted) if is_stopped else contextlib.nullcontext():
        run.trainer.fit(run.module, datamodule=run.data)
    assert {number: signal.getsignal(number) for number in handlers} == handlers
    network = weakref.ref(run.module.network)
    del run
    gc.collect()
    assert network() is None


VARIANTS = {
    "plain": [],
    "dropout and workers": ["data.num_workers=2"],
    "accumulation": ["trainer.accumulate_grad_batches=2"],
    "validation in mid-epoch": ["trainer.val_check_interval=2"],
    "counted class weights": ["loss.class_weights=enet"],
}


@pytest.mark.parametrize("overrides", VARIANTS.values(), ids=VARIANTS.keys())
def test_continued_run_equals_a_straight_one(tiny_config, tmp_path, overrides):
    config = runs.plain(tiny_config("scheduler=poly", "callbacks.pictures=null", *overrides))
    fit(config, tmp_path / "straight")
    expected = state(tmp_path / "straight")
    for batch in (1, 2, 3, 4, 5, 6):  # 4 is the last of the first epoch
        folder = tmp_path / f"stopped-{batch}"
        with pytest.raises(Interrupted):
            fit(config, folder, SignalAt(batch))
        fit(config, folder)
        assert state(folder) == expected, f"stopped during batch {batch}"
        assert (folder / "metrics.csv").read_text() == (tmp_path / "straight" / "metrics.csv").read_text(), (
            f"batch {batch}"
        )


def test_twice_interrupted_run_equals_a_straight_one(tiny_config, tmp_path):
    config = runs.plain(tiny_config("callbacks.pictures=null"))
    fit(config, tmp_path / "straight")
    for first, second in ((3, 4), (3, 6), (4, 5), (4, 7), (1, 2)):
        folder = tmp_path / f"{first}-{second}"
        for batch in (first, second):
            with pytest.raises(Interrupted):
                fit(config, folder, SignalAt(batch, signal.SIGINT))
        fit(config, folder)
        assert state(folder) == state(tmp_path / "straight"), f"stopped during batches {first} and {second}"


def test_with_a_damaged_last_checkpoint_the_one_before_is_continued(tiny_config, tmp_path, caplog):
    config = runs.plain(tiny_config("callbacks.pictures=null"))
    fit(config, tmp_path / "straight")
    folder = tmp_path / "stopped"
    with pytest.raises(Interrupted):
        fit(config, folder, SignalAt(6))
    last = folder / "checkpoints" / LAST
    last.write_bytes(last.read_bytes()[:-1000])
    fit(config, folder)
    assert "last.ckpt is damaged" in caplog.text
    assert state(folder) == state(tmp_path / "straight")
    assert (folder / "metrics.csv").read_text() == (tmp_path / "straight" / "metrics.csv").read_text()


def test_checkpoints_hold_plain_data_only(tiny_config, tmp_path):
    config = runs.plain(tiny_config())
    fit(config, tmp_path)
    for path in (tmp_path / "checkpoints").iterdir():
        checkpoint = torch.load(path, weights_only=True)  # refuses everything but tensors and containers
        assert "hyper_parameters" not in checkpoint
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == [
        "best.ckpt",
        "last.ckpt",
        "previous.ckpt",
    ]
