"""Our Cityscapes scores equal those of the official program to the last bit, and are counted faster.

The official program (cityscapesscripts 2.3.0) calls `np.in1d`, which numpy 2.4 removed (mcordts/cityscapesScripts#196):
here the name is put back as `np.isin`, its documented successor. Everything else runs as published.
"""

import importlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from seglab.errors import SeglabError
from seglab.labels import CITYSCAPES_LABELS
from seglab.metrics.cityscapes import (
    AVERAGE_INSTANCE_SIZE,
    CATEGORIES,
    LABELS,
    CityscapesScores,
    count_pair,
    to_label_ids,
)
from seglab.metrics.cityscapes_files import evaluate_folders, find_pairs, read_png

ROAD, PARKING, BUILDING, SKY, PERSON, CAR, BUS, CARAVAN, TRAIN = 7, 9, 11, 23, 24, 26, 28, 29, 31
HEIGHT, WIDTH = 32, 64
NAMES = ["aachen_000000_000019", "aachen_000001_000019", "bremen_000000_000019", "ulm_000010_000019"]


@pytest.fixture
def official(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Path, Path], dict]:
    """`official(predictions, truth)`: the JSON file that the official program writes of two folders."""
    monkeypatch.setattr(np, "in1d", np.isin, raising=False)
    monkeypatch.setenv("CITYSCAPES_EXPORT_DIR", str(tmp_path))
    program = importlib.import_module("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")

    def evaluate(predictions: Path, truth: Path) -> dict:
        arguments = program.args
        monkeypatch.setattr(arguments, "predictionPath", str(predictions))
        monkeypatch.setattr(arguments, "predictionWalk", None)
        monkeypatch.setattr(arguments, "quiet", True)
        monkeypatch.setattr(arguments, "exportFile", str(tmp_path / "official.json"))
        # sorted, where its main() takes glob's order: the last bit of a sum of floats depends on the order
        masks = sorted(map(str, truth.rglob("*_gtFine_labelIds.png")), key=os.path.basename)
        program.evaluateImgLists([program.getPrediction(arguments, mask) for mask in masks], masks, arguments)
        return json.loads((tmp_path / "official.json").read_text())

    return evaluate


@pytest.fixture
def city(tmp_path: Path) -> tuple[Path, Path]:
    """Predictions and ground truth of four images that hold every trap."""
    random = np.random.default_rng(3)
    predictions, truth = tmp_path / "results", tmp_path / "gtFine" / "val"
    for number, name in enumerate(NAMES):
        label_ids, instance_ids = _truth(random)
        prediction = _prediction(label_ids, random)
        folder = truth / name.split("_")[0]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(label_ids).save(folder / f"{name}_gtFine_labelIds.png")
        Image.fromarray(instance_ids.astype(np.uint16)).save(folder / f"{name}_gtFine_instanceIds.png")
        (predictions / str(number % 2)).mkdir(parents=True, exist_ok=True)
        _save(prediction, predictions / str(number % 2) / f"{name}_pred.png", palette=number % 2 == 1)
    return predictions, truth


def _truth(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Label ids uint8 and instance ids int32 (H, W): layers of random boxes of most labels, instances of odd sizes."""
    label_ids = np.full((HEIGHT, WIDTH), ROAD, dtype=np.uint8)
    absent = {BUS, 20}  # a class with instances and one without that occur nowhere
    for label in LABELS:
        if label.id not in absent:
            label_ids[_box(random)] = label.id
    instance_ids = label_ids.astype(np.int32)
    for number, label_id in enumerate([CAR, CAR, PERSON, CARAVAN, TRAIN, PERSON, 33, 25, 32, 27, 30, CAR]):
        box = _box(random)
        label_ids[box] = label_id
        instance_ids[box] = label_id if number == 4 else label_id * 1000 + number  # the train is a group
    return label_ids, instance_ids


def _prediction(label_ids: np.ndarray, random: np.random.Generator) -> np.ndarray:
    prediction = np.where(random.random(label_ids.shape) < 0.7, label_ids, random.choice([ROAD, CAR, PERSON, 21]))
    prediction = prediction.astype(np.uint8)
    prediction[_box(random)] = 0  # void
    prediction[(label_ids == ROAD) & (random.random(label_ids.shape) < 0.2)] = PARKING
    prediction[(label_ids == CAR) & (random.random(label_ids.shape) < 0.3)] = CARAVAN
    prediction[(label_ids == PERSON) & (random.random(label_ids.shape) < 0.3)] = 25
    return prediction


def _box(random: np.random.Generator) -> tuple[slice, slice]:
    row, column = random.integers(0, HEIGHT - 4), random.integers(0, WIDTH - 4)
    return slice(row, row + random.integers(2, 12)), slice(column, column + random.integers(2, 15))


def _save(ids: np.ndarray, path: Path, *, palette: bool) -> None:
    """With `palette` in mode P: the colours are of Cityscapes, the stored values are the ids."""
    image = Image.fromarray(ids)
    if palette:
        image.putpalette([channel for label in LABELS for channel in label.color])
    image.save(path)


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


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_city_with_every_trap_scores_as_in_the_official_program(city, official, processes: int) -> None:
    theirs = official(*city)
    assert 0 < theirs["averageScoreInstCategories"] < 1  # the instances were scored
    assert theirs["classScores"]["bus"] != theirs["classScores"]["bus"]  # NaN: absent
    with Image.open(find_pairs(*city)[1].prediction) as image:
        assert image.mode == "P"
    assert_same(evaluate_folders(*city, processes=processes), theirs)


@pytest.mark.slow
def test_a_full_size_pair_is_counted_faster_than_by_the_official_program(tmp_path: Path, official) -> None:
    """Without decoding; 6 to 9 times on an ordinary core (20 instances), of which 4 are asked for here.

    CPU time, best of some interleaved runs, so that other work on the machine does not matter.
    """
    label_ids, instance_ids = (ids.repeat(32, 0).repeat(32, 1) for ids in _truth(np.random.default_rng(0)))
    for number in range(20):
        box = slice(40 * number, 40 * number + 100), slice(90 * number, 90 * number + 80)
        label_ids[box], instance_ids[box] = CAR, CAR * 1000 + 100 + number
    instance_ids = instance_ids.astype(np.uint16)
    prediction = cv2.medianBlur(np.roll(label_ids, 5, axis=1), 5)
    program = importlib.import_module("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    truth, instances, guess = (tmp_path / f"x_{kind}.png" for kind in ("labelIds", "instanceIds", "pred"))
    for path, ids in ((truth, label_ids), (instances, instance_ids), (guess, prediction)):
        Image.fromarray(ids).save(path)
    decoded = {str(path): read_png(path) for path in (truth, instances, guess)}
    matrix, statistics = program.generateMatrix(program.args), program.generateInstanceStats(program.args)

    def theirs() -> None:
        program.evaluatePair(str(guess), str(truth), matrix, statistics, {}, program.args)

    def seconds(function: Callable[[], object]) -> float:
        start = time.process_time()
        function()
        return time.process_time() - start

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program.Image, "open", lambda path: _Decoded(decoded[path]))
        times = [(seconds(theirs), seconds(lambda: count_pair(prediction, label_ids, instance_ids))) for _ in range(5)]
    assert np.array_equal(matrix, 5 * count_pair(prediction, label_ids, instance_ids).matrix)
    assert min(official for official, _ in times) > 4 * min(ours for _, ours in times)


class _Decoded:
    """An image as PIL opens it, whose pixels are there already."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.size = array, array.shape[::-1]

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self.array


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
    ours = evaluate_folders(tmp_path / "results", tmp_path, processes=1)
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


def test_merged_accumulators_are_one() -> None:
    random = np.random.default_rng(0)
    whole, parts = CityscapesScores(), [CityscapesScores(), CityscapesScores()]
    for number in range(4):
        label_ids, instance_ids = _truth(random)
        prediction = _prediction(label_ids, random)
        whole.update(prediction, label_ids, instance_ids)
        parts[number // 2].update(prediction, label_ids, instance_ids)
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


def test_missing_and_doubled_files_are_named(city) -> None:
    predictions, truth = city
    doubled = predictions / f"{NAMES[0]}_again.png"
    Image.fromarray(MAP).save(doubled)
    with pytest.raises(SeglabError, match=rf"exactly one prediction {NAMES[0]}.*{NAMES[0]}_again.png"):
        find_pairs(predictions, truth)
    doubled.unlink()
    (predictions / "0" / f"{NAMES[0]}_pred.png").unlink()
    with pytest.raises(SeglabError, match=rf"exactly one prediction {NAMES[0]}.* found none"):
        find_pairs(predictions, truth)
    with pytest.raises(SeglabError, match="give the folder gtFine/val"):
        find_pairs(predictions, predictions)


def test_an_error_names_the_file(city) -> None:
    predictions, truth = city
    path = predictions / "1" / f"{NAMES[1]}_pred.png"
    Image.fromarray(np.full((HEIGHT, WIDTH), 255, dtype=np.uint8)).save(path)
    with pytest.raises(SeglabError, match=rf"{NAMES[1]}_pred.png: the prediction of an image hold 255"):
        evaluate_folders(predictions, truth, processes=1)


def test_files_of_colours_and_broken_files_are_refused(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "colours.png")
    with pytest.raises(SeglabError, match=r"one channel of ids in .*colours.png"):
        read_png(tmp_path / "colours.png")
    (tmp_path / "broken.png").write_bytes(b"nothing")
    with pytest.raises(SeglabError, match=r"cannot read .*broken.png"):
        read_png(tmp_path / "broken.png")
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:-40])
    with pytest.raises(SeglabError, match=r"cannot read .*cut.png"):
        read_png(tmp_path / "cut.png")
    with pytest.raises(SeglabError, match=r"cannot read .*absent.png"):
        read_png(tmp_path / "absent.png")


def test_sixteen_bits_are_read_unchanged(tmp_path: Path) -> None:
    values = np.array([[33012, 7]], dtype=np.uint16)
    assert cv2.imwrite(str(tmp_path / "ids.png"), values)
    assert np.array_equal(read_png(tmp_path / "ids.png"), values)
