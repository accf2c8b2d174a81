"""How a training ends at once, and what it says on a machine where SLURM is installed, outside its jobs."""

import os
import signal
import warnings
from pathlib import Path

import pytest
from lightning.fabric.plugins.environments import SLURMEnvironment

from seglab import runs
from seglab.callbacks.exact import StepSeed
from seglab.training import fit


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
