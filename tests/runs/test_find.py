"""Runs by what decides their result, wherever they lie."""

from pathlib import Path

import pytest

from seglab import runs
from seglab.errors import SeglabError
from seglab.runs import init_from
from seglab.runs.find import find_runs, is_exported, named_run, require_run, with_run


def test_runs_of_one_fingerprint_come_in_the_order_of_their_start_and_damaged_ones_are_told_of(tmp_path, caplog):
    def leave(place: str, **record: str) -> None:
        (tmp_path / place).mkdir(parents=True)
        runs.write_record(tmp_path / place, {"status": "finished", **record})

    leave("runs/b", fingerprint="01", started="2026-01-03")
    leave("sweeps/t/job", fingerprint="01", started="2026-01-02")
    leave("runs/c", fingerprint="02")
    leave("runs/d", status="running")  # of a time before fingerprints
    leave("elsewhere/e", fingerprint="01")
    leave("runs/f")
    (tmp_path / "runs" / "f" / "record.json").write_text("{")
    places = {
        key: [str(run.folder.relative_to(tmp_path)) for run in group] for key, group in find_runs(tmp_path).items()
    }
    assert places == {"01": ["sweeps/t/job", "runs/b"], "02": ["runs/c"]}
    assert f"left out: {tmp_path / 'runs' / 'f' / 'record.json'} is not JSON" in caplog.text


@pytest.fixture
def four_runs(tmp_path, monkeypatch):
    """exp1, exp2, another and a job of a sweep in outputs/, each with its checkpoints."""
    monkeypatch.chdir(tmp_path)
    for place in ("runs/exp1", "runs/exp2", "runs/another é", "sweeps/losses/loss-ce"):
        checkpoints = Path("outputs") / place / "checkpoints"
        checkpoints.mkdir(parents=True)
        runs.write_record(checkpoints.parent, {"status": "finished"})
        for name in ("best.ckpt", "last.ckpt"):
            (checkpoints / name).touch()


@pytest.mark.parametrize(
    ("typed", "folder"),
    [
        ("exp1", "runs/exp1"),
        ("ano", "runs/another é"),
        ("outputs/runs/ano", "runs/another é"),
        ("outputs/runs/exp1", "runs/exp1"),
        ("outputs/runs/exp1/", "runs/exp1"),
        ("outputs/runs/exp2/checkpoints/last.ckpt", "runs/exp2"),
        ("outputs/runs/exp2/record.json", "runs/exp2"),
        ("losses/loss-ce", "sweeps/losses/loss-ce"),
        ("losses/loss-c", "sweeps/losses/loss-ce"),
    ],
)
def test_a_run_by_name_folder_checkpoint_or_beginning(four_runs, typed, folder):
    assert named_run(typed, key="resume") == Path("outputs") / folder
    assert (
        named_run(typed, key="resume", output=Path("outputs").absolute()).absolute()
        == Path("outputs").absolute() / folder
    )


def test_no_run_or_several_are_told_with_what_there_is(four_runs):
    with pytest.raises(SeglabError, match="resume=exp: expected one run; 2 begin so: exp1, exp2 - type more"):
        named_run("exp", key="resume")
    with pytest.raises(
        SeglabError, match=r"run=xep1: expected a run .*there is none - did you mean 'exp1'.*seglab.runs"
    ):
        named_run("xep1", key="run")
    with pytest.raises(SeglabError, match="there is none"):
        named_run("[", key="run")


def test_an_exported_network_is_told_from_a_run(four_runs):
    exports = Path("outputs/runs/exp1/exports/onnx-fp32")
    exports.mkdir(parents=True)
    for name in ("model.onnx", "model.pt2"):
        (exports / name).touch()
    assert is_exported("somewhere/MODEL.ONNX")
    with pytest.raises(SeglabError, match=r"run=.*pt2: expected a run .*; a file of another kind came .*onnx alone"):
        named_run(str(exports / "model.pt2"), key="run")
    with pytest.raises(SeglabError, match=f"it has no config.yaml - of the exported .* write run={exports}/model.onnx"):
        require_run(exports, "config.yaml")


def test_the_checkpoint_that_was_named_is_the_one_that_is_taken(four_runs):
    settings = {"run": "outputs/runs/exp1/checkpoints/last.ckpt", "checkpoint": "best", "x": 1}
    assert with_run(settings) == {"run": "outputs/runs/exp1", "checkpoint": "last", "x": 1}
    assert with_run({"run": "exp1", "checkpoint": "best"}) == {"run": "outputs/runs/exp1", "checkpoint": "best"}
    assert with_run({"run": None, "checkpoint": "best"}) == {"run": None, "checkpoint": "best"}
    Path("exp1").mkdir()  # a folder of that name, of data say, is no run and hides none
    assert with_run({"run": "exp1", "checkpoint": "best"}) == {"run": "outputs/runs/exp1", "checkpoint": "best"}
    Path("data").mkdir()
    assert with_run({"run": "data", "checkpoint": "best"})["run"] == "data"  # which `require_run` tells of
    assert init_from.locate("exp2", output=Path("outputs")) == Path("outputs/runs/exp2/checkpoints/best.ckpt")
