"""The data on which a run is scored: its own, or another set with the same classes."""

import cv2
import numpy as np
import pytest
from omegaconf import OmegaConf

from seglab import runs
from seglab.errors import SeglabError
from seglab.evaluation import score
from seglab.labels import LabelSpace, label_space
from seglab.labels.shared_classes import common
from tests.evaluation.painted import CAMVID, POLE, SKY, settings, write_pair

CAR, PEDESTRIAN = CAMVID.names.index("car"), CAMVID.names.index("pedestrian")


def test_another_data_set_needs_the_classes_of_the_run(run):
    other = OmegaConf.to_container(OmegaConf.load(run / runs.CONFIG))["data"]
    names = [name for name in CAMVID.names if name != "pole"] + ["kiosk"]
    labels = {"name": "mine", "names": names, "colors": None, "ignore_values": [255], "mapping": None}
    with pytest.raises(SeglabError, match=r"only in the run \(camvid_11\): pole; only in the data \(mine\): kiosk"):
        score.evaluate(settings(run, data={**other, "labels": labels}))
    labels["names"] = list(reversed(CAMVID.names))
    with pytest.raises(SeglabError, match="mine has another order than camvid_11"):
        score.evaluate(settings(run, data={**other, "labels": labels}))


def test_another_data_set_with_the_same_classes(run, tmp_path):
    write_pair(tmp_path / "other", "0003_c", np.full((16, 16), POLE, dtype=np.uint8))
    data = OmegaConf.to_container(OmegaConf.load(run / runs.CONFIG))["data"]
    result = score.evaluate(settings(run, data={**data, "root": str(tmp_path / "other")}))
    assert result["protocol"]["images"] == 1
    assert result["protocol"]["size"] == [8, 16]
    assert result["original"]["metrics"]["miou"] == 1.0


def test_a_limit_shows_runs_of_any_seed_the_same_images(run):
    """Or the seeds of a table would be scored on other images each, and could not be compared."""
    for number in range(3, 9):
        write_pair(run.parent / "data", f"000{number}_x", np.full((16, 16), number, dtype=np.uint8))
    config = OmegaConf.load(run / runs.CONFIG)
    read = []
    for seed in (1, 2, 3):
        config.seed = config.data.seed = seed
        OmegaConf.save(config, run / runs.CONFIG)
        read.append(score.evaluate(settings(run, limit=2))["protocol"]["fingerprint"])
    assert len(set(read)) == 1
    assert score.evaluate(settings(run, limit=2, seed=5))["protocol"]["fingerprint"] not in read


def test_where_the_data_set_lies_is_asked_by_the_key_that_takes_it(run):
    with pytest.raises(SeglabError, match=r"(?s); root='gone' does not exist.*<root>/.* set root=FOLDER") as caught:
        score.evaluate(settings(run, root="gone"))
    assert "data.root" not in str(caught.value)
    data = OmegaConf.to_container(OmegaConf.load(run / runs.CONFIG))["data"]
    with pytest.raises(SeglabError, match=r"; data.root='gone' does not exist"):
        score.evaluate(settings(run, data={**data, "root": "gone"}))


def test_official_scores_are_refused_where_there_are_no_instances(run):
    with pytest.raises(SeglabError, match="official=true: expected the 19 classes of Cityscapes"):
        score.evaluate(settings(run, official=True))


def test_the_classes_in_common_are_scored_and_the_others_are_told(run, capsys):
    """The data have a sky, a kiosk that the run does not know, a person and a pole; the run names colours."""
    images = run.parent / "other"
    write_pair(images, "0003_c", np.repeat(np.array([[SKY, POLE, PEDESTRIAN, CAR]], np.uint8), 16, 0).repeat(4, 1))
    ids = np.repeat(np.array([[0, 3, 2, 0]], np.uint8), 16, 0).repeat(4, 1)  # the car is labelled as sky
    ids[:4, :4] = 1
    cv2.imwrite(str(images / "valannot" / "0003_c.png"), ids)
    data = OmegaConf.to_container(OmegaConf.load(run / runs.CONFIG))["data"]
    labels = {"name": "mine", "names": ["sky", "kiosk", "person", "pole"], "colors": None, "ignore_values": [255],
              "mapping": None}  # fmt: skip
    other = {**data, "root": str(images), "labels": labels}
    result = score.evaluate(settings(run, data=other, classes="common", size="image"))
    assert result["common"]["classes"] == ["sky", "pole", "person"]
    assert result["common"]["only_data"] == ["kiosk"]
    assert set(result["common"]["only_run"]) == set(CAMVID.names) - {"sky", "pole", "pedestrian"}
    iou = {name: scores["iou"] for name, scores in result["original"]["classes"].items()}
    # 16 rows of 4 columns each: the kiosk's 16 pixels count for nothing, the car's 64 are missed.
    assert iou == {"sky": (64 - 16) / (64 - 16 + 64), "pole": 1.0, "person": 1.0}
    assert result["protocol"]["classes"] == "common"
    printed = capsys.readouterr().out
    assert "left out, in the data, counted as void: kiosk" in printed
    assert "left out, predicted, counted as misses: building, road" in printed


def test_common_classes_of_camvid_and_cityscapes():
    found = common(label_space("cityscapes_19"), CAMVID)
    assert found.labels.names == ("road", "sidewalk", "building", "fence", "pole", "traffic sign", "vegetation", "sky",
                                  "person", "bicyclist", "car")  # fmt: skip
    assert found.only_data == ()
    assert found.only_run == ("wall", "traffic light", "terrain", "truck", "bus", "train", "motorcycle")
    names = label_space("cityscapes_19").names
    assert found.of_run[names.index("rider")] == found.of_run[names.index("bicycle")] == 9
    same = common(CAMVID, CAMVID)
    assert same.labels.names == CAMVID.names
    assert list(same.of_data.values()) == list(range(11))


def test_what_common_classes_cannot_have(run):
    for changes in ({"extra": ["calibration"]}, {"official": True}):
        with pytest.raises(SeglabError, match=r"classes=common has no (calibration|official=true)"):
            score.check(settings(run, classes="common", **changes))
    with pytest.raises(SeglabError, match="expected a class that mine and camvid_11 both have"):
        common(LabelSpace("mine", ("kiosk",), ((0, 0, 0),), {0: 0}), CAMVID)
