"""What is read of a run's folder: all that can be, whatever state it is in."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from seglab.display.confusion import Confusion
from seglab.pages.run_files import read_run
from tests.pages.conftest import MATRIX, NAMES
from tests.waiting import PATIENCE


def test_a_finished_run(run_folder):
    run = read_run(run_folder("exp1"))
    assert (run.name, run.state.status, run.problems) == ("exp1", "finished", [])
    assert run.best.epoch == 2
    assert run.best.metrics["miou"] == 0.4321
    assert math.isnan(run.best.classes["sky"]["iou"])
    assert run.matrix == Confusion(NAMES, MATRIX)
    assert list(run.sheets) == [1, 2, 3]
    assert len(run.history) == 9
    (evaluation,) = run.evaluations
    assert list(evaluation.scores) == ["original", "network"]
    assert set(evaluation.pictures) == {"best", "worst"}
    assert run.colours["sky"] == "#808080"


def test_the_job_of_a_sweep_is_called_as_run_takes_it(run_folder):
    assert read_run(run_folder("../sweeps/losses/loss-dice")).name == "losses/loss-dice"


@pytest.mark.parametrize(("mode", "epoch"), [("max", 2), ("min", 1)])
def test_before_the_record_has_a_score_the_best_validation_has(run_folder, mode, epoch):
    folder = run_folder(status="running", best=None)
    best = {"monitor": "val/miou", "mode": mode}
    (folder / "config.yaml").write_text(json.dumps({"callbacks": {"best": best}}))
    score = read_run(folder).best
    assert (score.epoch, score.metrics["miou"]) == (epoch, 0.1 * (epoch - 1))
    assert score.classes["sky"] == {"iou": 0.1 * (epoch - 1), "dice": 0.1 * (epoch - 1)}


def test_an_empty_folder(tmp_path):
    run = read_run(tmp_path)
    assert run.state.status == "pending"
    assert (run.record, run.config, run.history, run.matrix, run.evaluations) == ({}, {}, [], None, [])
    assert run.problems == []


def test_damage_is_named_and_the_rest_is_read(run_folder):
    folder = run_folder()
    (folder / "config.yaml").write_text("{")
    (folder / "confusion.csv").write_text("x")
    (folder / "evaluations" / "camvid_val_best" / "metrics.json").write_text("{")
    text = (folder / "metrics.csv").read_text()
    (folder / "metrics.csv").write_text(text + "half,a,row\n" + text.splitlines()[-1] + "\n")
    run = read_run(folder)
    assert len(run.history) == 10
    assert [Path(problem.split(":")[0].strip("'")).name for problem in run.problems] == [
        "config.yaml", "metrics.json", "metrics.csv", "confusion.csv"
    ]  # fmt: skip
    assert run.best.epoch == 2


def test_a_damaged_record_leaves_the_other_files(run_folder):
    folder = run_folder()
    (folder / "record.json").write_text('{"status": 3}')
    run = read_run(folder)
    assert run.state.status == "pending"
    assert "expected the record of a run" in run.problems[0]
    assert len(run.history) == 9


def test_of_a_run_that_has_not_ended_the_matrix_lies_in_its_checkpoint(run_folder):
    folder = run_folder(status="interrupted")
    state = {"validation": {"confusion": torch.tensor([[5, 1], [2, 3]])}, "class_names": ["a", "b"]}
    torch.save({"seglab": state}, folder / "checkpoints" / "best.ckpt")
    assert read_run(folder).matrix == Confusion(("a", "b"), ((5, 1), (2, 3)))
    (folder / "checkpoints" / "best.ckpt").write_bytes(b"damaged")
    run = read_run(folder)
    assert run.matrix is None
    assert "best.ckpt: expected the best checkpoint of a run" in run.problems[0]


class _Touch:
    """A pickle that does something when it is loaded."""

    def __init__(self, path):
        self._path = path

    def __reduce__(self):
        return Path.touch, (self._path,)


def test_a_strangers_checkpoint_runs_nothing(run_folder, tmp_path):
    folder = run_folder(status="failed")
    torch.save({"seglab": _Touch(tmp_path / "executed")}, folder / "checkpoints" / "best.ckpt")
    assert read_run(folder).matrix is None
    assert not (tmp_path / "executed").exists()


def test_the_traceback_of_a_failure(run_folder):
    folder = run_folder(status="failed", traceback="/etc/passwd")
    assert read_run(folder).traceback is None
    (folder / "traceback.txt").write_text("Traceback: boom")
    assert read_run(folder).traceback == "Traceback: boom"


def test_nothing_heavy_is_imported_for_a_finished_run(run_folder):
    folder = run_folder()
    (folder / "checkpoints" / "best.ckpt").write_bytes(b"not looked at")
    code = f"""
import sys
from pathlib import Path
from seglab.pages.run_page import write_page
write_page([Path({str(folder)!r})], Path({str(folder / "report.html")!r}))
print([name for name in ("torch", "lightning", "numpy", "cv2", "matplotlib", "pandas") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE,
                          cwd=Path(__file__).parents[2])  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
    assert json.loads((folder / "record.json").read_text())["status"] == "finished"
