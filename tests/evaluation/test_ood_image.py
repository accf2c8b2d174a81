"""Images as a whole: a split against a folder of pictures and CIFAR-100, and predictions that refuse."""

import csv
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import binary_auroc

from seglab import predict as command
from seglab.data.camvid import CamVid
from seglab.data.image_files import read_image
from seglab.errors import SeglabError
from seglab.evaluation import score
from seglab.evaluation.ood_image import _intervals
from seglab.inference.inputs import IMAGES, find
from seglab.inference.ood.image import SCORES, image_score
from seglab.inference.prediction import predict_files
from seglab.inference.predictor import load_predictor
from seglab.metrics.anomaly import detection
from tests.evaluation.painted import SETTINGS, settings

IMAGE = {
    "_target_": "seglab.inference.ood.image.ImageLevel", "score": "median_max_logit", "out": None, "root": None,
    "images": 3, "seed": 1, "threshold": None, "resamples": 20,
}  # fmt: skip


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    generator = np.random.default_rng(1)
    (folder := tmp_path / "photos").mkdir()
    for number in range(5):
        cv2.imwrite(str(folder / f"{number}.png"), generator.integers(0, 256, (32, 32, 3), dtype=np.uint8))
    return folder


def test_scores_of_an_image_are_those_of_numpy():
    logits = 3 * torch.randn(6, 5, 7, generator=torch.Generator().manual_seed(1))
    z = logits.double().numpy()
    p = np.exp(z) / np.exp(z).sum(0)
    expected = {
        "median_probability": np.median(p, axis=0).mean(),
        "median_max_logit": -np.median(z.max(0)),
        "max_minus_mean": -(p.max(0) - p.mean(0)).mean(),
    }
    assert {name: float(function(logits.double())) for name, function in SCORES.items()} == pytest.approx(expected)


def test_a_split_against_a_folder(run, photos, capsys, monkeypatch):
    monkeypatch.setitem(
        SCORES, "median_max_logit", lambda logits: -logits[0].mean()
    )  # the painter's logits are 0 and 1
    result = score.evaluate(settings(run, ood={**IMAGE, "out": str(photos)}))
    found, folder = result["ood"], Path(result["folder"])
    with open(folder / "ood.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["side"] for row in rows] == ["in"] * 2 + ["out"] * 3
    assert [row["image"] for row in rows[:2]] == ["0001_a", "0002_b"]
    values = np.array([float(row["score"]) for row in rows])
    outside = np.array([row["side"] == "out" for row in rows])
    exact = detection(values, outside)
    assert {key: found[key] for key in exact._fields} == pytest.approx(exact._asdict())
    assert found["threshold"] == pytest.approx(np.quantile(values[:2], 0.95))
    below = values < found["threshold"]
    assert found["accepted_in"] == below[~outside].mean()
    assert found["accepted_out"] == below[outside].mean()
    assert [row["accepted"] == "true" for row in rows] == below.tolist()
    assert cv2.imread(str(folder / "ood.png")).shape[2] == 3
    assert set(found["intervals"]) == {"auroc", "ap", "fpr95", "accepted_in", "accepted_out"}
    assert result["original"]["metrics"]["miou"] > 0
    assert folder.name == "camvid_val_best_size-8x16_ood-image_level"
    assert "anomalies by image_level: AUROC" in capsys.readouterr().out


def test_intervals_are_those_of_images_drawn_again():
    generator = np.random.default_rng(0)
    inside, outside = generator.normal(size=60), generator.normal(1.0, 1.0, size=40)
    intervals = _intervals(inside, outside, 0.5, seed=1, count=200)
    auroc = []
    for _ in range(200):
        pair = generator.choice(inside, 60), generator.choice(outside, 40)
        target = torch.tensor([0] * 60 + [1] * 40)
        auroc.append(float(binary_auroc(torch.sigmoid(torch.from_numpy(np.concatenate(pair))), target)))
    assert intervals["auroc"] == pytest.approx(np.quantile(auroc, [0.025, 0.975]).tolist(), abs=0.04)
    assert intervals["accepted_in"][0] < (inside < 0.5).mean() < intervals["accepted_in"][1]
    assert _intervals(inside, outside, 0.5, seed=1, count=200) == intervals


def test_cifar_as_torchvision_reads_it(run, tmp_path, monkeypatch):
    (folder := tmp_path / "cifar-100-python").mkdir()
    data = np.random.default_rng(1).integers(0, 256, (10, 3 * 32 * 32), dtype=np.uint8)
    for name in ("train", "test"):
        (folder / name).write_bytes(pickle.dumps({"data": data, "fine_labels": [0] * 10}))
    (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": ["apple"]}))
    monkeypatch.setattr("torchvision.datasets.CIFAR100._check_integrity", lambda self: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda path, md5: True)
    asked = {**IMAGE, "out": "cifar100", "root": str(tmp_path)}
    result = score.evaluate(settings(run, ood=asked))
    assert result["ood"]["out"] == 3
    monkeypatch.undo()


def test_mistakes(run, photos, tmp_path):
    with pytest.raises(SeglabError, match=r"folder cifar-100-python in ood.root=.*; it is not there"):
        score.evaluate(settings(run, ood={**IMAGE, "out": "cifar100", "root": str(tmp_path)}))
    with pytest.raises(SeglabError, match=r"images of 3 channels that are brought to one size.* leave size=image out"):
        score.evaluate(settings(run, size="image", ood={**IMAGE, "out": str(photos)}))
    for changes, message in (
        ({}, "ood.out is not set; expected images that are not like the training"),
        ({"out": "x", "score": "median"}, r"ood.score: expected one of median_probability, .*; got 'median'"),
        ({"out": "x", "images": 0}, "ood.images: expected a whole number >= 1; got 0"),
    ):
        with pytest.raises(SeglabError, match=message):
            score.evaluate(settings(run, ood={**IMAGE, **changes}))


def test_predictions_say_what_is_accepted(run, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (photos / "broken.png").write_text("no picture")
    pictures = {"output": "out", "write": ["masks"], "ids": "train_ids", "opacity": 0.5, "legend": False}
    asked = {**SETTINGS, "run": str(run), **pictures, "overwrite": False, "batch_size": 2, "reject": None,
             "reject_score": "median_max_logit"}  # fmt: skip
    found = find(str(photos), suffixes=IMAGES, output=Path("out"))
    assert len(predict_files(asked, found)) == 1
    assert not (tmp_path / "out" / "accepted.csv").exists()
    predictor = load_predictor(run, device="cpu")
    scores = [image_score(predictor, read_image(one.path), score="median_max_logit") for one in found[:-1]]
    threshold = sorted(scores)[2] + 1e-9
    predict_files({**asked, "overwrite": True, "reject": threshold}, found)
    with open(tmp_path / "out" / "accepted.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == [one.name for one in found[:-1]]
    assert [float(row["score"]) for row in rows] == scores
    assert [row["accepted"] == "true" for row in rows] == [score < threshold for score in scores]
    (photos / "broken.png").rename(photos / "drive.mp4")
    with pytest.raises(SeglabError, match=r"reject: expected images.*drive.mp4' is a video - leave it out"):
        predict_files(
            {**asked, "overwrite": True, "reject": 1.0},
            find(str(photos), suffixes=(*IMAGES, ".mp4"), output=Path("out")),
        )
    with pytest.raises(
        SeglabError, match=r"reject is for mode=predict format=files.*came mode=predict format=cityscapes"
    ):
        command.check(
            {**asked, "reject": 1.0, "mode": "predict", "format": "cityscapes", "to": "train_ids", "input": "x"}
        )


def test_a_split_without_labels_is_told_from_other_images(run, photos, monkeypatch):
    read = CamVid.read
    monkeypatch.setattr(CamVid, "read", lambda self, index: (read(self, index)[0], np.full((32, 64), 255, np.uint8)))
    result = score.evaluate(settings(run, ood={**IMAGE, "out": str(photos)}))
    assert (result["ood"]["in"], result["ood"]["out"]) == (2, 3)


def test_images_below_the_working_folder_are_images_too(run, photos, monkeypatch):
    (photos / "here").mkdir()
    (photos / "0.png").rename(photos / "here" / "0.png")
    monkeypatch.chdir(photos / "here")
    result = score.evaluate(settings(run, ood={**IMAGE, "out": str(photos), "images": None}))
    assert result["ood"]["out"] == 5
