"""Exact scores of a network whose answers are known, at both resolutions, and their protocol."""

import json
from pathlib import Path

import numpy as np
import pytest

from seglab import runs
from seglab.display.post import POST
from seglab.errors import SeglabError
from seglab.evaluation import score
from seglab.runs.find import Run
from seglab.tables.survey.measurements import evaluation_of
from tests.evaluation.painted import settings, write_pair


def test_scores_at_both_resolutions_are_those_worked_by_hand(run, capsys):
    result = score.evaluate(settings(run))
    original, network = (result[name]["classes"] for name in ("original", "network"))
    # Each row of the first image: 3 pixels of pole, predicted 4 wide; 28 rows are labelled, 32 of the second image.
    assert original["pole"]["iou"] == 3 / 4
    assert original["pole"]["pixels"] == 28 * 3
    sky = 28 * 61 + 32 * 64
    assert original["sky"]["iou"] == (sky - 28) / sky
    assert result["original"]["metrics"]["miou"] == pytest.approx((3 / 4 + (sky - 28) / sky) / 2, abs=1e-15)
    assert network["pole"]["iou"] == network["sky"]["iou"] == 1.0
    printed = capsys.readouterr().out
    assert "mIoU 87.1 % at original size, 100.0 % at network size 8x16" in printed
    assert "camvid val (2 images, camvid_11), at original size" in printed
    assert "at 8x16" in printed


def test_the_page_of_the_run_is_refreshed_where_one_lies(run):
    score.evaluate(settings(run))
    page = run / "report.html"
    assert not page.exists(), "of a run without its page nothing is left behind"
    page.write_text("of the training")
    score.evaluate(settings(run, resolution="network"))
    assert "camvid_val_best_network_size-8x16" in page.read_text()


def test_flips_and_tiles_change_nothing_for_a_network_that_sees_single_pixels(run):
    plain = score.evaluate(settings(run))
    changed = score.evaluate(settings(run, flip=True, tile=[4, 4]))
    assert json.dumps(changed["original"]) == json.dumps(plain["original"])  # NaN is not equal to itself
    assert changed["protocol"] != plain["protocol"]
    assert Path(changed["folder"]).name == "camvid_val_best_size-8x16_flip_tile-4x4-overlap-0.25"


def test_at_the_images_own_size_there_is_one_resolution(run):
    result = score.evaluate(settings(run, size="image"))
    assert result["protocol"]["resolutions"] == ["original"]
    assert result["original"]["metrics"]["miou"] == 1.0
    assert Path(result["folder"]).name == "camvid_val_best_original_size-image"


def test_only_the_networks_size(run):
    result = score.evaluate(settings(run, resolution="network"))
    assert result["protocol"]["resolution"] == "network"
    assert "original" not in result
    assert result["network"]["metrics"]["miou"] == 1.0


def test_the_protocol_stands_beside_every_number(run):
    protocol = score.evaluate(settings(run, limit=1))["protocol"]
    assert protocol["fingerprint"] != score.evaluate(settings(run))["protocol"]["fingerprint"]
    del protocol["fingerprint"]
    assert protocol == {
        "dataset": "camvid", "split": "val", "labels": "camvid_11", "images": 1, "limit": 1, "resolution": "original",
        "resolutions": ["original", "network"], "size": [8, 16], "scales": [1.0], "flip": False, "tile": None,
        "overlap": None, "reading": "dataset", "void": "removed", "checkpoint": "best", "epoch": 4, "step": 10,
    }  # fmt: skip


def test_another_protocol_with_a_crf_and_never_that_of_one_without(run, capsys):
    crf = {"iterations": 2, "spatial_weight": 3.0, "spatial_sd": 1.0, "bilateral_weight": 10.0,
           "bilateral_sd_xy": 8.0, "bilateral_sd_rgb": 13.0}  # fmt: skip
    plain = score.evaluate(settings(run, crf=crf))
    capsys.readouterr()
    refined = score.evaluate(settings(run, post="crf", crf=crf))
    assert POST not in plain["protocol"]  # as it was before there was a choice
    assert refined["protocol"] == {**plain["protocol"], "post": {"name": "crf", **crf}}
    # The column beside the poles is told from them by its colour, which the network saw in one pixel with them.
    assert refined["original"]["metrics"]["miou"] > plain["original"]["metrics"]["miou"]
    assert Path(refined["folder"]).name == "camvid_val_best_size-8x16_crf-2-3-1-10-8-13"
    printed = " ".join(capsys.readouterr().out.split())
    assert "CRF (iterations 2, spatial weight 3, spatial sd 1, bilateral weight 10, bilateral sd xy 8, " in printed
    asked = {key: refined["protocol"][key] for key in ("dataset", "split", "size")}
    found = Run(run, runs.read_record(run))
    for post in (None, {"name": "crf", **crf}):
        evaluation = evaluation_of(found, wanted={**asked, "resolution": "original", POST: post})
        assert evaluation["protocol"].get(POST) == post
    changed = {"name": "crf", **crf, "iterations": 3}
    assert evaluation_of(found, wanted={**asked, "resolution": "original", POST: changed}) is None


def test_a_split_without_labels_is_refused(run, tmp_path):
    write_pair(tmp_path / "void", "0004_d", np.zeros((8, 8), dtype=np.uint8), void=8)
    with pytest.raises(SeglabError, match=r"expected labelled pixels; camvid val \(1 images\) has none"):
        score.evaluate(settings(run, root=str(tmp_path / "void")))
