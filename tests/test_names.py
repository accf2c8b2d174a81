"""Runs by their names, refusals that leave nothing, and folders of any name, by the real commands."""

import importlib
import json
import sys
from pathlib import Path

import pytest
import torch

from seglab.config.overrides import quoted
from seglab.multirun import launch
from tests.test_table import MINE

ODD = "é ü = , (x)"


@pytest.mark.slow
def test_a_name_is_the_folder_and_finds_the_run_again(command, tmp_path) -> None:
    quick = ("callbacks.pictures=null", "trainer.max_epochs=1", "name=exp1")
    done = command("train", *quick)
    assert done.returncode == 0, done.stderr
    run = tmp_path / "outputs" / "runs" / "exp1"
    assert json.loads((run / "record.json").read_text())["status"] == "finished"
    again = command("train", *quick)
    assert again.returncode == 0, again.stderr
    assert "finished before: outputs/runs/exp1" in again.stderr
    taken = command("train", *quick, "loss=dice")
    assert taken.returncode == 2
    assert "holds a run of another configuration" in taken.stderr
    assert "Choose another name (name=... of a run" in taken.stderr
    record = json.loads((run / "record.json").read_text())
    (run / "record.json").write_text(json.dumps({**record, "status": "interrupted"}))
    resumed = command("train", "resume=outputs/runs/exp1/checkpoints/last.ckpt", small=False)
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads((run / "record.json").read_text())["attempts"] == 2
    scored = command("evaluate", "run=ex", "limit=1", "panels=0", small=False)
    assert scored.returncode == 0, scored.stderr
    assert "Traceback" not in done.stderr + taken.stderr + resumed.stderr


@pytest.fixture
def refused(environment, tmp_path, monkeypatch, capsys):
    """`refused("train", "losss=dice")`: what the command says in refusing it, typed in an empty folder, in here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEGLAB_DATA", environment["SEGLAB_DATA"])
    monkeypatch.setattr(launch, "_sweep", None)

    def run(entry: str, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [f"seglab-{entry}", *arguments])
        with pytest.raises(SystemExit) as end:
            importlib.import_module(f"seglab.{entry}").main()
        assert end.value.code == 2
        errors = capsys.readouterr().err
        assert "Traceback" not in errors
        assert "hydra." not in errors
        return errors

    return run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("losss=dice",), "did you mean 'loss'"),
        (("data.batch_size=-1",), "data.batch_size"),
        (("resume=nothing",), "resume=nothing: expected a run"),
        (("resume=outputs/runs/x/checkpoints/last.ckpt",), "checkpoint; there is none - python -m seglab.runs"),
        (("name=a/b",), "name='a/b': expected the name of a folder"),
        (("data=camvid", "data.root=nowhere"), "data.root='nowhere' does not exist"),
        (("data=camvid", "data.root=nowhere", "name=exp1"), "data.root='nowhere' does not exist"),
        (("-m", "seed=1,2", "data.batch_size=-1", "sweep=s"), "data.batch_size"),
    ],
)
def test_refused_commands_leave_no_folder(refused, tmp_path, arguments, message) -> None:
    assert message in refused("train", *arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_batch_larger_than_the_set_is_refused_before_a_cache_is_built(refused, tiny, tmp_path) -> None:
    errors = refused("train", *tiny, "data.batch_size=9", "data.cache=cache", "loss.class_weights=enet")
    assert "expected at least one full batch of 9 training samples" in errors
    assert {path.name for path in tmp_path.iterdir()} == {"my_conf"}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu_is_told_before_the_data_are_drawn(refused, tmp_path) -> None:
    errors = refused("train", "trainer=gpu", "data.root=scenes")
    assert errors.startswith("seglab: trainer.accelerator: expected a GPU that PyTorch can use")
    assert errors.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_table_whose_data_are_not_there_is_refused_before_anything_is_trained(refused, tmp_path) -> None:
    (tmp_path / "my_conf" / "table").mkdir(parents=True)
    text = MINE.replace("experiment=tiny", "data=camvid").replace("baseline: ce", "baseline: null")
    (tmp_path / "my_conf" / "table" / "mine.yaml").write_text(text.partition("groups:")[0].replace("iou/small, ", ""))
    errors = refused("table", "--config-dir", "my_conf", "table=mine", "run=true", "overrides=['data.root=nowhere']")
    assert "expected the folder of the data set in data.root; 'nowhere' does not exist" in errors
    assert "seglab.train -m" not in errors
    assert not (tmp_path / "outputs" / "sweeps").exists()


@pytest.mark.slow
def test_a_run_and_a_table_in_a_folder_of_any_name(command, tmp_path) -> None:
    output = f"output={quoted(ODD)}"
    done = command("train", "callbacks.pictures=null", "trainer.max_epochs=1", output, f"name={quoted(ODD)}")
    assert done.returncode == 0, done.stderr
    resumed = command("train", f"resume={quoted(ODD)}", output, small=False)
    assert resumed.returncode == 0, resumed.stderr
    assert "finished before" in resumed.stderr
    conf = Path(tmp_path / f"conf {ODD}")
    (tmp_path / "my_conf").rename(conf)
    (conf / "table").mkdir()
    table = MINE.replace("  - {label: broken, overrides: [data.batch_size=100]}\n", "").replace("[1, 2]", "[1]")
    (conf / "table" / "mine.yaml").write_text(table)
    done = command(
        "table", "--config-dir", str(conf), "table=mine", "run=true", output, f"folder={quoted(f'{ODD}/{ODD}')}",
        small=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "mine: 1 runs: 1 measured here" in done.stdout or "1 measured here" in done.stdout
    assert (tmp_path / ODD / ODD / "mine.html").is_file()
    shown = command("runs", output, small=False)
    assert ODD in shown.stdout
