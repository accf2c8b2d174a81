"""An interrupted and continued run equals a straight one, bit for bit: weights, optimizer, logged values."""

import contextlib
import gc
import hashlib
import itertools
import multiprocessing
import os
import signal
import subprocess
import weakref
from pathlib import Path

import pytest
import torch
from lightning import Callback

from seglab import config, runs
from seglab.errors import Interrupted
from seglab.runs import checkpoints
from seglab.runs.files import BEST, LAST
from seglab.training.build import build
from tests.exhaustive import one_in
from tests.waiting import PATIENCE


class SignalAt(Callback):
    """Sends this process and its workers a signal while batch number `batch`, counted over all epochs, is trained."""

    def __init__(self, batch: int, number: int = signal.SIGTERM) -> None:
        self.batch = batch
        self.number = number

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.fit_loop.epoch_loop.batch_progress.total.ready == self.batch:
            if workers := [str(worker.pid) for worker in multiprocessing.active_children()]:
                subprocess.run(["kill", f"-{self.number}", *workers], check=True)
            os.kill(os.getpid(), self.number)


class KilledAt(Callback):
    """Ends the training in the middle of a step, with nothing saved since the last checkpoint."""

    def __init__(self, *, batch: int) -> None:
        self.batch = batch

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.fit_loop.epoch_loop.batch_progress.total.ready == self.batch + 1:
            raise ConnectionAbortedError


def fit(config: dict, folder: Path, *extra: Callback) -> None:
    run = build(config, folder)
    run.trainer.callbacks[1:1] = extra
    run.trainer.fit(run.module, datamodule=run.data, ckpt_path=checkpoints.newest_sound(folder), weights_only=True)


def state(folder: Path) -> str:
    """A hash of weights, averages, optimizer, scheduler, callbacks and step in last.ckpt, and of the best weights."""
    checkpoint = torch.load(folder / "checkpoints" / LAST, weights_only=True)
    digest = hashlib.sha256()
    for part in ("state_dict", "trained_weights", "optimizer_states", "lr_schedulers", "callbacks", "global_step"):
        digest.update(_bytes(checkpoint.get(part)))
    digest.update(_bytes(torch.load(folder / "checkpoints" / BEST, weights_only=True)))
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
    "a seed of each source": ["seeds.init=2", "seeds.order=3", "seeds.augment=4"],
}


@pytest.mark.slow
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


def test_a_training_of_steps_goes_on_after_the_epoch_that_was_saved_last(tiny_config, tmp_path):
    config = runs.plain(tiny_config("callbacks.pictures=null", "trainer.max_steps=7", "trainer.max_epochs=-1"))
    fit(config, tmp_path / "straight")
    with pytest.raises(ConnectionAbortedError):
        fit(config, tmp_path / "killed", KilledAt(batch=5))  # last.ckpt is of the end of the first epoch
    fit(config, tmp_path / "killed")
    assert state(tmp_path / "killed") == state(tmp_path / "straight")
    assert (tmp_path / "killed/metrics.csv").read_text() == (tmp_path / "straight/metrics.csv").read_text()


# Settings under which an option does something in four epochs of four steps.
SHARP = {
    "plateau": ["scheduler.patience=0", "scheduler.factor=0.5", "scheduler.mode=min"],
    "early_stopping": ["callbacks.early_stopping.patience=2", "callbacks.early_stopping.min_delta=1"],
    "freeze_encoder": ["callbacks.freeze.until_epoch=1"],
    "swa": ["callbacks.swa.start=0.5"],
}
RHYTHMS = {
    "each epoch": [],
    "in mid-epoch": ["trainer.val_check_interval=2"],
    "each second epoch": ["trainer.check_val_every_n_epoch=2"],
    "over epochs": ["trainer.check_val_every_n_epoch=null", "trainer.val_check_interval=3"],
}


def options(group: str) -> list[str]:
    added_by_a_trainer = {"initial_loss"}
    return sorted({path.stem for path in (config.FOLDER / group).glob("*.yaml")} - added_by_a_trainer)


def combinations() -> list[tuple[str, str, str, str]]:
    """(callbacks, rhythm, scheduler, optimizer): few in which every pair of options stands together."""
    schedulers, optimizers = options("scheduler"), options("optimizer")
    return [
        (
            callbacks,
            rhythm,
            schedulers[(row + column) % len(schedulers)],
            optimizers[(row + 2 * column) % len(optimizers)],
        )
        for row, callbacks in enumerate(options("callbacks"))
        for column, rhythm in enumerate(RHYTHMS)
    ]


def test_every_pair_of_options_is_among_the_combinations():
    columns = [options("callbacks"), list(RHYTHMS), options("scheduler"), options("optimizer")]
    for first, second in itertools.combinations(range(4), 2):
        seen = {(row[first], row[second]) for row in combinations()}
        assert seen == set(itertools.product(columns[first], columns[second]))


@pytest.mark.slow
@pytest.mark.parametrize(("callbacks", "rhythm", "scheduler", "optimizer"), one_in(3, combinations()))
def test_whatever_is_chosen_continues_exactly(tiny_config, tmp_path, callbacks, rhythm, scheduler, optimizer):
    chosen = [f"callbacks={callbacks}", f"scheduler={scheduler}", f"optimizer={optimizer}", *RHYTHMS[rhythm]]
    sharp = [*SHARP.get(callbacks, []), *SHARP.get(scheduler, [])]
    config = runs.plain(tiny_config("callbacks.pictures=null", "trainer.max_epochs=4", *chosen, *sharp))
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    fit(config, straight)
    batches = int(torch.load(straight / "checkpoints" / LAST, weights_only=True)["global_step"])
    for batch in (4, batches - 1 - batches // 8):  # the last of the first epoch, and one late in the training
        with pytest.raises(Interrupted):
            fit(config, stopped, SignalAt(batch, signal.SIGINT))
    fit(config, stopped)
    assert state(stopped) == state(straight)
    assert (stopped / "metrics.csv").read_text() == (straight / "metrics.csv").read_text()


class KillAt(SignalAt):
    """kill -9, as a full machine does it."""

    def __init__(self, batch: int) -> None:
        super().__init__(batch, signal.SIGKILL)


class KillAtTheEnd(Callback):
    """kill -9 after the last checkpoint of a training."""

    def on_train_end(self, trainer, pl_module):
        os.kill(os.getpid(), signal.SIGKILL)


def killed(config: dict, folder: Path, by: Callback) -> None:
    """In a process that is no fork of this one, whose threads may hold locks and have made torch refuse to go on."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["seglab.training.build"])
    process = context.Process(target=fit, args=(config, folder, by))
    process.start()
    process.join(PATIENCE)
    assert process.exitcode == -signal.SIGKILL


def test_a_killed_run_continues_exactly(tiny_config, tmp_path):
    """With what keeps a state of its own; a run that early stopping had ended makes no further epoch."""
    average = "+callbacks.ema={_target_: seglab.callbacks.average.ExponentialAverage, decay: 0.999}"
    chosen = ["callbacks=early_stopping", average, "callbacks.last.every_n_steps=1", "scheduler=plateau"]
    sharp = [*SHARP["early_stopping"], *SHARP["plateau"]]
    config = runs.plain(tiny_config("callbacks.pictures=null", "trainer.max_epochs=6", *chosen, *sharp))
    fit(config, tmp_path / "straight")
    for by in (KillAt(4), KillAt(6), KillAt(9), KillAtTheEnd()):  # 9: the first after an epoch's end
        killed(config, tmp_path / "killed", by)
    fit(config, tmp_path / "killed")
    assert state(tmp_path / "killed") == state(tmp_path / "straight")
    assert (tmp_path / "killed" / "metrics.csv").read_text() == (tmp_path / "straight" / "metrics.csv").read_text()
    assert torch.load(tmp_path / "killed" / "checkpoints" / LAST, weights_only=True)["epoch"] == 2


def test_samples_that_are_drawn_and_mixed_continue_exactly(tiny_config, tmp_path):
    """And do not depend on the number of workers."""
    config = runs.plain(
        tiny_config(
            "callbacks.pictures=null", "callbacks.last.every_n_steps=1", "augment=crop", "sampling=rare_classes",
            "mix=copy_paste", "mix.classes=[car,person,pole]", "mix.p=1", "mix.min_pixels=1",
        )
    )  # fmt: skip
    fit(config, tmp_path / "straight")
    config["data"]["num_workers"] = 2
    for batch in (2, 5):
        killed(config, tmp_path / "killed", KillAt(batch))
    fit(config, tmp_path / "killed")
    assert state(tmp_path / "killed") == state(tmp_path / "straight")
    assert (tmp_path / "killed" / "metrics.csv").read_text() == (tmp_path / "straight" / "metrics.csv").read_text()


TWICE = {0: ((3, 4), (3, 6), (4, 5), (4, 7), (1, 2)), 2: ((3, 6),)}


@pytest.mark.parametrize(("workers", "pairs"), TWICE.items(), ids=["no worker", "two workers"])
def test_twice_interrupted_run_equals_a_straight_one(tiny_config, tmp_path, workers, pairs):
    config = runs.plain(tiny_config("callbacks.pictures=null", f"data.num_workers={workers}"))
    fit(config, tmp_path / "straight")
    for first, second in pairs:
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
