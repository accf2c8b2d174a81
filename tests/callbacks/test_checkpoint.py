"""best.ckpt by a named value in a named direction, written whole or not at all."""

import errno
import os
import resource
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from seglab.callbacks.checkpoint import AtomicCheckpointIO, BestCheckpoint, LastCheckpoint
from seglab.errors import DiskFullError, SeglabError
from seglab.runs.partial import remove_leftovers


def feed(callback: BestCheckpoint, values: list[float], folder) -> list[int]:
    """The epochs in which the callback saved."""
    saved = []
    for epoch, value in enumerate(values):
        trainer = SimpleNamespace(
            sanity_checking=False, state=SimpleNamespace(fn="fit"), current_epoch=epoch, global_step=epoch,
            max_epochs=9, default_root_dir=str(folder), callback_metrics={"val/miou": torch.tensor(value)},
            strategy=SimpleNamespace(
                lightning_module_state_dict=dict,
                save_checkpoint=lambda checkpoint, path: saved.append(checkpoint["epoch"]),
            ),
        )  # fmt: skip
        callback.on_validation_batch_start(trainer, None, None, 0)
        callback.on_validation_end(trainer, SimpleNamespace(on_save_checkpoint=lambda checkpoint: None))
    return saved


@pytest.mark.parametrize(("mode", "epochs"), [("max", [1, 2, 4]), ("min", [1])])
def test_best_is_kept_in_the_direction_that_was_said(tmp_path, mode, epochs):
    values = [float("nan"), 0.1, 0.5, 0.4, 0.6, float("nan")]
    assert feed(BestCheckpoint(monitor="val/miou", mode=mode), values, tmp_path) == epochs


def test_best_is_remembered_over_a_restart(tmp_path):
    first = BestCheckpoint(monitor="val/miou", mode="max")
    feed(first, [0.8], tmp_path)
    second = BestCheckpoint(monitor="val/miou", mode="max")
    second.load_state_dict(first.state_dict())
    assert feed(second, [0.5, 0.9], tmp_path) == [1]


def test_unknown_monitor_and_mode_are_named(tmp_path):
    with pytest.raises(
        SeglabError, match=r"callbacks.best.monitor is 'val/iou'; expected a logged value, one of val/miou"
    ):
        feed(BestCheckpoint(monitor="val/iou", mode="max"), [0.1], tmp_path)
    with pytest.raises(SeglabError, match="expected min or max"):
        BestCheckpoint(monitor="val/miou", mode="maximum")


def test_kill_while_writing_leaves_the_old_checkpoint_whole(tmp_path):
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"step": 1}, path)
    code = textwrap.dedent(f"""
        import os, signal, torch
        from seglab.callbacks.checkpoint import AtomicCheckpointIO
        save = torch.save
        def torn(checkpoint, file):
            file.write(b"half of it"); file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        torch.save = torn
        AtomicCheckpointIO().save_checkpoint({{"step": 2}}, {str(path)!r})
    """)
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.getcwd()}, check=False)
    assert done.returncode == -9
    assert torch.load(path, weights_only=True) == {"step": 1}
    AtomicCheckpointIO().save_checkpoint({"step": 3}, path)
    remove_leftovers(tmp_path)  # as a run does when it goes on
    assert {entry.name: torch.load(entry, weights_only=True) for entry in tmp_path.iterdir()} == {
        "last.ckpt": {"step": 3}, "previous.ckpt": {"step": 1}
    }  # fmt: skip


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """What the system then says is what it says on a full disk: torch sees a write that fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_without_room_nothing_is_left_but_the_checkpoint_before(tmp_path):
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"step": 1}, path)
    with (
        files_of_at_most(100_000),
        pytest.raises(DiskFullError, match=r"last\.ckpt'; .* after 0\.1 MB .* free some space"),
    ):
        AtomicCheckpointIO().save_checkpoint({"weights": torch.zeros(100_000)}, path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["last.ckpt"]
    assert torch.load(path, weights_only=True) == {"step": 1}


def test_a_disk_with_room_for_two_checkpoints_is_enough(tmp_path, monkeypatch):
    path, written = tmp_path / "last.ckpt", torch.save

    def save(checkpoint, file):
        if (tmp_path / "previous.ckpt").exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        written(checkpoint, file)

    monkeypatch.setattr("torch.save", save)
    for step in range(4):
        AtomicCheckpointIO().save_checkpoint({"step": step}, path)
    assert torch.load(path, weights_only=True) == {"step": 3}
    assert torch.load(tmp_path / "previous.ckpt", weights_only=True) == {"step": 2}


def test_a_run_whose_folder_is_deleted_ends_at_its_next_checkpoint(tmp_path):
    (tmp_path / "config.yaml").touch()
    trainer = SimpleNamespace(default_root_dir=str(tmp_path), save_checkpoint=lambda *args, **kwargs: None)
    last = LastCheckpoint(every_minutes=None, every_n_steps=None)
    last.on_train_start(trainer, None)
    last.on_train_epoch_end(trainer, None)
    (tmp_path / "config.yaml").unlink()
    with pytest.raises(SeglabError, match="was deleted or moved while the run wrote into it"):
        last.on_train_epoch_end(trainer, None)
