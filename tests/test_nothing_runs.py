"""A stranger's run folder and a stranger's YAML: no command, and no function of Python's face, runs what they name."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from omegaconf import DictConfig, OmegaConf
from PIL import Image

import seglab
from seglab import config, runs
from seglab.errors import SeglabError

SHELL = {"_target_": "torch.utils.collect_env.run", "command": "touch executed"}
PRINT = {"_target_": "builtins.print", "sep": "executed"}

# Where a configuration holds something that is built.
PLACES = (
    "data", "data.source", "data.prepare", "data.augmentation", "sampling", "mix", "model", "model.block_attention",
    "activation.factory", "loss", "loss.class_weights", "adapt", "optimizer", "scheduler", "trainer",
    "trainer.strategy", "callbacks.best", "logger.csv", "module",
)  # fmt: skip


@pytest.fixture
def stranger(tiny_config: Callable[..., DictConfig], tmp_path: Path, monkeypatch) -> Callable[..., Path]:
    """`stranger("loss", SHELL)`: the folder of a run whose config.yaml has this node at this place."""
    monkeypatch.chdir(tmp_path)
    whole = runs.plain(tiny_config())
    Image.fromarray(np.zeros((8, 8, 3), dtype=np.uint8)).save("image.png")

    def folder(place: str, node: object, *, at: str = "outputs/runs/stranger") -> Path:
        cfg = OmegaConf.create(whole)
        OmegaConf.update(cfg, place, node, merge=False, force_add=True)
        run = tmp_path / at
        (run / "checkpoints").mkdir(parents=True, exist_ok=True)
        (run / "config.yaml").write_text(OmegaConf.to_yaml(cfg))
        for name in ("best.ckpt", "last.ckpt"):
            (run / "checkpoints" / name).write_bytes(b"")
        record = {"status": "interrupted", "overrides": [], "pid": 1, "host": "elsewhere", "started": runs.now()}
        (run / "record.json").write_text(json.dumps(record))
        return run

    return folder


def nothing_ran(folder: Path) -> bool:
    return not list(folder.rglob("executed"))


@pytest.mark.slow
@pytest.mark.parametrize("node", [SHELL, PRINT], ids=["shell", "print"])
def test_pythons_face_refuses_a_strangers_run_wherever_it_names_something(stranger, tmp_path, capfd, node):
    for place in PLACES:
        with pytest.raises(SeglabError, match=re.escape(node["_target_"])) as refused:
            seglab.load(stranger(place, node))
        assert f"config.yaml': {place.split('.')[0]}" in str(refused.value)
    for place in ("model", "data.source"):
        run = stranger(place, node)
        for call in (seglab.score, lambda run: seglab.fit([f"resume={run}"])):
            with pytest.raises(SeglabError, match=rf"{place}: .*{re.escape(node['_target_'])}"):
                call(run)
    assert nothing_ran(tmp_path)
    assert "executed" not in capfd.readouterr().out


@pytest.mark.parametrize(
    "fetched", [{"encoder_name": "tu-local-dir:theirs"}, {"encoder_name": "tu-vit", "checkpoint_path": "theirs.pth"}]
)
def test_a_strangers_run_names_nothing_that_timm_reads(stranger, tmp_path, fetched):
    model = {"_target_": "segmentation_models_pytorch.DPT", "size_divisor": 32, **fetched}
    with pytest.raises(SeglabError, match=r"config\.yaml': model: .*weights on disk are encoder_weights="):
        seglab.load(stranger("model", model))


# {command: arguments that bring it to a stranger's run or YAML}, and whether it has to refuse what it found there
ATTACKS = {
    "train": (["resume=outputs/runs/stranger"], True),
    "predict": (["run=outputs/runs/stranger", "input=image.png"], True),
    "evaluate": (["run=outputs/runs/stranger"], True),
    "export": (["run=outputs/runs/stranger"], True),
    "calibrate": (["run=outputs/runs/stranger"], True),
    "benchmark": (["--config-dir", "theirs", "model=theirs", "size=[32,64]"], True),
    "benchmark_data": (["--config-dir", "theirs", "data=theirs"], True),
    "check_data": (["--config-dir", "theirs", "data=theirs"], True),
    "table": (["--config-dir", "theirs", "table=theirs", "run=true"], True),
    "report": (["run=outputs/runs/stranger"], False),  # they look at files and build nothing
    "sweeps": (["live=false"], False),
    "dashboard": ([], False),
}


@pytest.mark.slow
@pytest.mark.parametrize("entry", ATTACKS)
def test_every_command_refuses_a_strangers_run_and_yaml(command, stranger, tmp_path, entry):
    assert {*ATTACKS, "runs"} == {path.stem for path in config.FOLDER.glob("*.yaml")}  # runs builds nothing
    arguments, refuses = ATTACKS[entry]
    stranger("model", SHELL)
    stranger("loss", SHELL, at="outputs/sweeps/theirs/seed-1")
    for group, node in {
        "model": {**SHELL, "size_divisor": 4},
        "data": {"_target_": "seglab.data.module.DataModule", "labels": "camvid_11", "source": SHELL},
        "table": {
            "title": "t", "source": "s", "common": [], "seeds": [1], "baseline": "a", "columns": ["miou"],
            "rows": [{"label": "a", "overrides": ["model=theirs"]}, {"label": "b", "overrides": ["loss=dice"]}],
        },
    }.items():  # fmt: skip
        (tmp_path / "theirs" / group).mkdir(parents=True)
        OmegaConf.save(OmegaConf.create(node), tmp_path / "theirs" / group / "theirs.yaml")
    done = command(entry, *arguments, small=False)
    assert nothing_ran(tmp_path), done.stdout + done.stderr
    if refuses:
        assert done.returncode == 2, done.stdout + done.stderr
        assert done.stderr.startswith("seglab: ")
        assert "torch.utils.collect_env.run" in done.stderr
