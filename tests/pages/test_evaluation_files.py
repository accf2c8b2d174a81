"""What an evaluation has left."""

import json

import pytest

from seglab.errors import SeglabError
from seglab.pages.evaluation_files import evaluation_folders, read_evaluation


def test_scores_of_the_headline_come_first(run_folder):
    folder = run_folder() / "evaluations" / "camvid_val_best"
    written = json.loads((folder / "metrics.json").read_text())
    written["protocol"]["resolution"] = "network"
    (folder / "metrics.json").write_text(json.dumps(written))
    evaluation = read_evaluation(folder)
    assert list(evaluation.scores) == ["network", "original"]
    assert evaluation.matrix.names[0] == "road"
    assert set(evaluation.pictures) == {"best", "worst"}


def test_evaluations_of_a_shorter_run_are_left_out(run_folder):
    folder = run_folder()
    (folder / "evaluations" / ".draft.partial").mkdir()
    for evaluations, names in (
        (None, ["camvid_val_best"]),
        ({}, []),
        ({"camvid_val_best": {}}, ["camvid_val_best"]),
        ({"another_2": {"folder": "x/evaluations/camvid_val_best"}}, ["camvid_val_best"]),
        ({"another": 3}, []),
    ):
        assert [path.name for path in evaluation_folders(folder, {"evaluations": evaluations})] == names


def test_a_folder_without_scores_and_one_with_damaged_ones(tmp_path):
    assert read_evaluation(tmp_path) is None
    (tmp_path / "metrics.json").write_text("{")
    with pytest.raises(SeglabError, match="expected the scores of an evaluation; came a damaged file"):
        read_evaluation(tmp_path)
