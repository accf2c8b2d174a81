"""What a training says on a machine where SLURM is installed, outside its jobs."""

import warnings
from pathlib import Path

import pytest
from lightning.fabric.plugins.environments import SLURMEnvironment

from seglab.training import fit


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
