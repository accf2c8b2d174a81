"""Our Cityscapes scores equal those of the official program to the last bit."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seglab.errors import SeglabError
from seglab.evaluation.cityscapes_files import evaluate_pairs, find_pairs
from seglab.labels import CITYSCAPES_LABELS
from seglab.metrics.cityscapes import (
    AVERAGE_INSTANCE_SIZE,
    CATEGORIES,
    LABELS,
    CityscapesScores,
    count_pair,
    to_label_ids,
)

ROAD, PARKING, SKY, CAR, CARAVAN = 7, 9, 23, 26, 29
HEIGHT, WIDTH = 32, 64
NAMES = ["aachen_000000_000019", "aachen_000001_000019"]


def assert_same(ours: CityscapesScores, theirs: dict) -> None:
    """Equal bit for bit; NaN (no score) equals NaN."""
    scores = ours.compute()
    assert scores.keys() <= theirs.keys()
    for key, value in scores.items():
        if isinstance(value, dict):
            assert value.keys() == theirs[key].keys()
            np.testing.assert_array_equal(list(value.values()), [theirs[key][name] for name in value], err_msg=key)
        else:
            np.testing.assert_array_equal(value, theirs[key], err_msg=key)
    assert ours.matrix.tolist() == theirs["confMatrix"]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_city_with_every_trap_scores_as_in_the_official_program(city, official, processes, monkeypatch) -> None:
    monkeypatch.setattr("seglab.data.parallel._FEW", 2)
    theirs = official(*city)
    assert 0 < theirs["averageScoreInstCategories"] < 1  # the instances were scored
    assert theirs["classScores"]["bus"] != theirs["classScores"]["bus"]  # NaN: absent
    with Image.open(find_pairs(*city).samples[1].prediction) as image:
        assert image.mode == "P"
    assert_same(evaluate_pairs(find_pairs(*city), processes=processes), theirs)


def test_a_license_plate_is_scored_as_the_car_it_is_on(tmp_path: Path, official) -> None:
    """The official drawing program leaves out labels below 0; neither program lets -1 become another class."""
    from cityscapesscripts.helpers.annotation import Annotation
    from cityscapesscripts.preparation.json2labelImg import createLabelImage

    def polygon(label: str, left: int, right: int) -> dict:
        corners = [[left, 8], [right, 8], [right, 24], [left, 24]]
        return {"label": label, "polygon": corners, "id": 0, "deleted": 0, "user": "", "date": "", "verified": 0}

    annotation = Annotation()
    objects = [polygon("road", 0, 63), polygon("car", 8, 40), polygon("license plate", 20, 28)]
    annotation.fromJsonText(json.dumps({"imgWidth": WIDTH, "imgHeight": HEIGHT, "objects": objects}))
    image = createLabelImage(annotation, "ids")
    label_ids = np.array(image)
    assert set(np.unique(label_ids)) == {0, ROAD, CAR}
    image.save(tmp_path / f"{NAMES[0]}_gtFine_labelIds.png")
    instance_ids = np.where(label_ids == CAR, CAR * 1000, label_ids).astype(np.uint16)
    Image.fromarray(instance_ids).save(tmp_path / f"{NAMES[0]}_gtFine_instanceIds.png")
    (tmp_path / "results").mkdir()
    prediction = label_ids.copy()
    prediction[:, 20:29] = 33
    Image.fromarray(prediction).save(tmp_path / "results" / f"{NAMES[0]}.png")
    ours = evaluate_pairs(find_pairs(tmp_path / "results", tmp_path))
    assert_same(ours, official(tmp_path / "results", tmp_path))
    assert ours.compute()["classScores"]["car"] == (33 - 9) / 33


def _scores(truth: list[int], prediction: list[int], instances: list[int] | None = None) -> dict:
    scores = CityscapesScores()
    label_ids = np.array([truth], dtype=np.uint8)
    scores.update(np.array([prediction], dtype=np.uint8), label_ids, np.array([instances or truth], dtype=np.int32))
    return scores.compute()


def test_a_void_prediction_costs_and_a_prediction_on_void_does_not() -> None:
    assert _scores([ROAD] * 3 + [0], [ROAD, 0, 0, ROAD])["classScores"]["road"] == 1 / 3


def test_parking_on_road_is_wrong_in_the_category_and_sidewalk_on_road_is_right() -> None:
    assert _scores([ROAD] * 4, [ROAD, ROAD, PARKING, PARKING])["categoryScores"]["flat"] == 2 / 4
    assert _scores([ROAD] * 4, [ROAD, ROAD, 8, 8])["categoryScores"]["flat"] == 1


def test_a_caravan_on_a_car_is_found_in_the_category_iiou_only() -> None:
    scores = _scores([CAR] * 4, [CAR, CAR, CAR, CARAVAN], [26001] * 4)
    assert scores["categoryScores"]["vehicle"] == 3 / 4
    assert scores["classInstScores"]["car"] == pytest.approx(3 / 4)
    assert scores["categoryInstScores"]["vehicle"] == 1


def test_every_instance_weighs_the_same_and_a_group_nothing() -> None:
    """A car of 1 pixel, found; a car of 3 pixels, missed; a group of 2, missed."""
    scores = _scores([CAR] * 6, [CAR] + [SKY] * 5, [26001, 26002, 26002, 26002, CAR, CAR])
    assert scores["classInstScores"]["car"] == 1 / 2
    assert scores["classScores"]["car"] == 1 / 6


def test_a_false_positive_has_the_weight_of_a_pixel() -> None:
    size = AVERAGE_INSTANCE_SIZE["car"]
    assert _scores([CAR, ROAD], [CAR, CAR], [26001, ROAD])["classInstScores"]["car"] == size / (size + 1)


def test_merged_accumulators_are_one(trapped) -> None:
    random = np.random.default_rng(0)
    whole, parts = CityscapesScores(), [CityscapesScores(), CityscapesScores()]
    for number in range(4):
        maps = trapped(random)
        whole.update(*maps)
        parts[number // 2].update(*maps)
    parts[0].merge(parts[1])
    assert np.array_equal(parts[0].matrix, whole.matrix)
    for key, score in whole.compute().items():
        assert parts[0].compute()[key] == pytest.approx(score, rel=1e-14, nan_ok=True)


def test_nothing_counted_is_not_a_number() -> None:
    scores = CityscapesScores().compute()
    assert np.isnan(scores["averageScoreClasses"])
    assert list(scores["categoryScores"]) == list(CATEGORIES)
    assert len(scores["classScores"]) == 34


def test_train_ids_become_label_ids() -> None:
    train_ids = np.array([[label.train_id for label in LABELS if not label.ignore_in_eval] + [255]], dtype=np.uint8)
    expected = [label.id for label in CITYSCAPES_LABELS if not label.ignore_in_eval] + [0]
    assert to_label_ids(train_ids).tolist() == [expected]
    assert to_label_ids(np.zeros((0, 4), dtype=np.uint8)).shape == (0, 4)
    with pytest.raises(SeglabError, match=r"holds 19; expected Cityscapes train ids 0\.\.18 or 255"):
        to_label_ids(np.array([[19]], dtype=np.uint8))
    with pytest.raises(SeglabError, match="uint8; got int64"):
        to_label_ids(np.zeros((2, 2), dtype=np.int64))


MAP = np.full((2, 2), ROAD, dtype=np.uint8)


@pytest.mark.parametrize(
    ("prediction", "label_ids", "instance_ids", "message"),
    [
        (np.full_like(MAP, 255), MAP, MAP, r"prediction of an image hold 255 \(4 pixels\); expected .* 0\.\.33"),
        (MAP, np.full_like(MAP, 34), MAP, "label ids of an image hold 34"),
        (MAP[:1], MAP, MAP, r"of one size \(H, W\); got \(1, 2\)"),
        (MAP.astype(np.int64), MAP, MAP, "as uint8; got int64"),
        (MAP, MAP, MAP.astype(np.float32), "integer instance ids; got float32"),
        (MAP, MAP, np.full(MAP.shape, 34000), "hold 34000"),
        (MAP, MAP, np.full(MAP.shape, 7001), "hold 7001; expected .* of a label that has instances"),
    ],
)
def test_what_is_no_label_id_is_refused(prediction, label_ids, instance_ids, message: str) -> None:
    with pytest.raises(SeglabError, match=message):
        count_pair(prediction, label_ids, instance_ids)
