"""How a training ends at once, what it says where SLURM is installed, and of what it is to be continued from."""

import os
import signal
import warnings
from pathlib import Path

import pytest
from lightning.fabric.plugins.environments import SLURMEnvironment

from seglab import runs
from seglab.callbacks.exact import StepSeed
from seglab.errors import SeglabError
from seglab.training import fit
from seglab.training.build import build


def test_a_second_ctrl_c_is_one_to_the_caller_too(tiny_config, tmp_path, monkeypatch) -> None:
    """Lightning would end with exit code 1, as after an error."""

    def twice(*unused) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(StepSeed, "on_train_batch_start", twice)
    with pytest.raises(KeyboardInterrupt):
        fit.fit(runs.plain(tiny_config("callbacks.pictures=null")), tmp_path)


@pytest.mark.parametrize(("nodes", "warned"), [(1, 0), (2, 1)])
def test_srun_is_called_for_by_a_training_over_several_nodes_alone(
    nodes: int, warned: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "srun").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("SLURM_NTASKS", raising=False)
    with warnings.catch_warnings(record=True) as messages:
        warnings.simplefilter("always")
        fit._quieten_lightning(nodes=nodes)
        assert not SLURMEnvironment.detect()
    assert ["`srun` command" in str(message.message) for message in messages] == [True] * warned


def test_without_a_checkpoint_that_can_be_read_nothing_is_begun(tiny_config, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    for name in ("last.ckpt", "previous.ckpt"):
        (tmp_path / "checkpoints" / name).write_bytes(b"garbage")
    with pytest.raises(SeglabError, match=r"came damaged files, last\.ckpt \(7 bytes, .*\) and previous\.ckpt"):
        fit.fit(runs.plain(tiny_config()), tmp_path)


@pytest.mark.slow
def test_a_finished_run_has_one_state_and_a_damaged_best_is_told_before_it_goes_on(tiny_config, tmp_path: Path) -> None:
    config = runs.plain(tiny_config("callbacks.pictures=null"))
    fit.fit(config, tmp_path)
    checkpoints = tmp_path / "checkpoints"
    assert sorted(path.name for path in checkpoints.iterdir()) == ["best.ckpt", "last.ckpt"]
    (checkpoints / "best.ckpt").write_bytes(b"")
    with pytest.raises(SeglabError, match=r"best\.ckpt: expected a checkpoint; came a damaged file \(0 bytes"):
        fit.fit(config, tmp_path)


@pytest.mark.parametrize(("epochs", "validated"), [(2, True), (3, False)])
def test_the_scores_of_the_last_checkpoint_are_of_its_weights_or_absent(tiny_config, tmp_path, epochs, validated):
    rhythm = ["trainer.check_val_every_n_epoch=2", f"trainer.max_epochs={epochs}", "trainer.limit_train_batches=1"]
    run = build(runs.plain(tiny_config("callbacks.pictures=null", *rhythm)), tmp_path)
    run.trainer.fit(run.module, datamodule=run.data)
    scores = fit.scores(tmp_path)
    assert (scores["last"]["epoch"], "metrics" in scores["last"]) == (epochs - 1, validated)
    assert (scores["best"]["epoch"], "metrics" in scores["best"]) == (1, True)
