"""`python -m seglab.evaluate predictions=FOLDER truth=FOLDER`: official numbers, without a run and without torch."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seglab.errors import SeglabError
from seglab.evaluation import score
from seglab.labels import IGNORE_INDEX, label_space
from tests.waiting import PATIENCE

MEANS = ("averageScoreClasses", "averageScoreInstClasses", "averageScoreCategories", "averageScoreInstCategories")


def test_numbers_are_those_of_the_official_program(city, of_city, official, capsys):
    asked = of_city()
    score.check(asked)
    result = score.evaluate(asked)
    theirs = official(*city)
    scores = result["official"]
    assert 0 < theirs["averageScoreInstCategories"] < 1
    assert scores["confMatrix"] == theirs["confMatrix"]
    for key in ("classScores", "classInstScores", "categoryScores", "categoryInstScores"):
        np.testing.assert_array_equal(list(scores[key].values()), [theirs[key][name] for name in scores[key]])
    assert [scores[key] for key in MEANS] == [theirs[key] for key in MEANS]
    printed = capsys.readouterr().out
    assert "cityscapes val (4 images), official protocol, classes" in printed
    assert f"IoU class {100 * theirs['averageScoreClasses']:.1f} %, iIoU class" in printed


def test_what_is_stored_and_that_nothing_is_replaced(city, of_city):
    predictions, truth = city
    first, second = score.evaluate(of_city()), score.evaluate(of_city(processes=1))
    assert Path(first["folder"]) == predictions.with_name("results_official")
    assert Path(second["folder"]) == predictions.with_name("results_official_2")
    stored = json.loads((Path(first["folder"]) / "metrics.json").read_text())
    assert stored["protocol"] == {
        "dataset": "cityscapes", "split": "val", "images": 4, "reading": "official", "resolution": "original",
        "void": "removed", "predictions": str(predictions), "truth": str(truth),
    }  # fmt: skip
    assert stored["official"]["averageScoreClasses"] == first["official"]["averageScoreClasses"]
    own = score.evaluate(of_city(output=str(predictions.with_name("mine") / "here")))
    assert (Path(own["folder"]) / "metrics.json").is_file()


def test_a_failure_leaves_no_folder(city, of_city):
    predictions, _ = city
    shutil.rmtree(predictions / "0")
    with pytest.raises(SeglabError, match=r"exactly one prediction .* found none"):
        score.evaluate(of_city())
    assert not predictions.with_name("results_official").exists()


def test_predictions_of_train_ids_are_named(city, of_city):
    """As `predict write=[masks]` writes them: all are label ids, but of other classes."""
    predictions, truth = city
    for path in truth.rglob("*_gtFine_labelIds.png"):
        ids = np.array(Image.open(path))
        train_ids = label_space("cityscapes_19").lookup[ids]
        train_ids[train_ids == IGNORE_INDEX] = 0  # a network predicts a class everywhere
        for old in predictions.rglob(path.name.replace("gtFine_labelIds", "pred")):
            old.unlink()
        Image.fromarray(train_ids).save(predictions / f"{path.name.removesuffix('_gtFine_labelIds.png')}.png")
    message = (
        r"expected predictions of label ids 0..33; these hold none above 18, .* as train ids 100.0 % would be - .*"
    )
    with pytest.raises(SeglabError, match=message + "writes label ids with ids=label_ids"):
        score.evaluate(of_city())
    assert not predictions.with_name("results_official").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "expected either run=FOLDER .* or predictions=FOLDER .*; came neither - give one of the two"),
        ({"run": "r", "predictions": "p"}, "came run=r predictions=p - give one of the two"),
        (
            {"run": "r", "truth": "t"},
            "truth: expected only keys that go with run=.*for predictions=FOLDER - leave",
        ),
        ({"run": "r", "processes": 2}, "processes: expected only keys that go with run="),
        (
            {"predictions": ".", "flip": True, "split": "test"},
            "split, flip: expected .* predictions=.*for run=FOLDER",
        ),
        ({"predictions": "."}, "truth is not set; expected the folder of the ground truth with"),
        ({"predictions": "nowhere", "truth": "."}, "predictions=nowhere: expected a folder .*; it does not exist"),
        ({"predictions": __file__, "truth": "."}, "expected a folder of PNG files; it is a file - unzip it first"),
        ({"predictions": ".", "truth": ".", "processes": 0}, "processes is 0; expected auto .* or a whole number >= 1"),
        ({"predictions": ".", "truth": ".", "output": "."}, "output=. exists; expected the name of a new folder"),
    ],
)
def test_mistakes(official_settings, changes, message):
    with pytest.raises(SeglabError, match=message):
        score.check(official_settings(**changes))


def test_command_does_not_import_torch(city, environment, tmp_path):
    code = "import runpy, sys\ntry:\n    runpy.run_module('seglab.evaluate', run_name='__main__')\nfinally:\n"
    code += "    print('torch' in sys.modules, 'rich' in sys.modules)"
    arguments = [f"predictions={city[0]}", f"truth={city[1]}"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, env=environment, text=True, capture_output=True,
        timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "False True"
    assert "IoU class" in done.stdout
    assert done.stderr == ""
    assert {path.name for path in tmp_path.iterdir()} == {"results", "results_official", "gtFine"}
