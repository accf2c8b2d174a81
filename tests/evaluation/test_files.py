"""The folder that an evaluation leaves: whole or not at all, and nothing replaced."""

import csv
import io
import json
from pathlib import Path

import cv2
import pytest

from seglab import runs
from seglab.errors import SeglabError
from seglab.evaluation import files, score
from tests.evaluation.painted import CAMVID, POLE, settings


def test_files(run):
    result = score.evaluate(settings(run))
    folder = Path(result["folder"])
    assert folder == run / "evaluations" / "camvid_val_best_size-8x16"
    assert json.loads((folder / "metrics.json").read_text())["protocol"] == result["protocol"]
    rows = list(csv.DictReader(io.StringIO((folder / "per_image.csv").read_text())))
    assert [row for row in rows if row["class"] == "pole" and row["resolution"] == "original"] == [
        {"name": "0001_a", "resolution": "original", "class": "pole",
         "intersection": "84", "truth": "84", "prediction": "112"}
    ]  # fmt: skip
    assert {row["class"] for row in rows} == {"sky", "pole"}
    matrix = list(csv.reader(io.StringIO((folder / "confusion.csv").read_text())))
    assert matrix[0] == ["truth \\ prediction", *CAMVID.names]
    assert [matrix[1][0], matrix[1][1 + POLE]] == ["sky", "28"]
    for name in ("confusion", "best", "worst"):
        assert cv2.imread(str(folder / f"{name}.png")) is not None
    assert sorted(path.name for path in folder.parent.iterdir()) == [folder.name]


def test_an_output_that_exists_is_refused_and_a_failure_leaves_nothing(run, tmp_path, monkeypatch):
    with pytest.raises(SeglabError, match="exists; expected the name of a new folder"):
        score.evaluate(settings(run, output=str(tmp_path)))
    monkeypatch.setattr(files.confusion, "confusion_csv", lambda matrix, names: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        score.evaluate(settings(run))
    assert list((run / "evaluations").iterdir()) == []
    assert "evaluations" not in runs.read_record(run)
