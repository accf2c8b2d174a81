"""`python -m seglab.evaluate`: exact scores of a hand-made network, what is stored, and the command on a tiny run."""

import csv
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from seglab import config, runs
from seglab.display import draw
from seglab.errors import SeglabError
from seglab.evaluation import files, report, score
from seglab.evaluation.counts import Extremes, NamedReadings, View
from seglab.inference import predictor
from seglab.labels import IGNORE_INDEX, label_space
from seglab.losses import CrossEntropy
from seglab.metrics.named import MeanOfBatches, batch_absent1
from seglab.training.module import SegmentationModule
from seglab.training.schedule import Constant

CAMVID = label_space("camvid_11")
SKY, POLE, VOID = 0, 2, 11
SETTINGS = {
    "checkpoint": "best", "data": None, "root": None, "split": "val", "limit": None, "resolution": "both",
    "size": "run", "scales": [1.0], "flip": False, "tile": None, "overlap": 0.25, "official": "auto", "extra": [],
    "panels": 2, "device": "cpu", "threads": 2, "output": None, "predictions": None, "truth": None, "processes": "auto",
}  # fmt: skip


class Painter(nn.Module):
    """One-hot logits: the class whose colour is nearest to the pixel."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        colors = torch.tensor(CAMVID.colors, dtype=torch.float32).view(1, -1, 3, 1, 1)
        nearest = (image[:, None] - colors).square().sum(2).argmin(1)  # (B, H, W)
        return nn.functional.one_hot(nearest, CAMVID.num_classes).permute(0, 3, 1, 2).float()


def write_pair(root: Path, name: str, ids: np.ndarray, *, void: int = 0) -> None:
    """A frame of CamVid whose image is painted in the colours of its labels; its first `void` rows have none."""
    image = draw.colourise(ids, CAMVID)
    ids = np.concatenate([np.full_like(ids[:void], VOID), ids[void:]])
    for folder, pixels in (("val", image[..., ::-1]), ("valannot", ids)):
        (root / folder).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / folder / f"{name}.png"), pixels)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose network names colours, trained at a quarter of the size of its two images of 32x64."""
    poles = np.full((32, 64), SKY, dtype=np.uint8)
    poles[:, 8:11] = POLE  # 3 of the 4 columns that become one
    write_pair(tmp_path / "data", "0001_a", poles, void=4)
    write_pair(tmp_path / "data", "0002_b", np.full((32, 64), SKY, dtype=np.uint8))
    data = OmegaConf.load(config.FOLDER / "data" / "camvid.yaml")
    changes = {"root": str(tmp_path / "data"), "size": [8, 16], "seed": 1, "augmentation": None, "batch_size": 2}
    data = OmegaConf.merge(data, changes)
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    OmegaConf.save({"data": data}, folder / runs.CONFIG)
    torch.save({"epoch": 4, "global_step": 10}, folder / "checkpoints" / "best.ckpt")
    runs.write_record(folder, {"status": "finished", "best": {"epoch": 4}})
    module = SegmentationModule(
        Painter(), loss=CrossEntropy(), class_names=CAMVID.names, schedule=Constant(), size_divisor=1,
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.1), channels_last=False,
        mean=[0.0, 0.0, 0.0], std=[1 / 255] * 3,
    )  # fmt: skip
    monkeypatch.setattr(predictor, "load", lambda folder, checkpoint: module)
    return folder


def settings(folder: Path, **changes) -> dict:
    return {**SETTINGS, "run": str(folder), **changes}


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


def test_the_protocol_stands_beside_every_number(run):
    protocol = score.evaluate(settings(run, limit=1))["protocol"]
    assert protocol["fingerprint"] != score.evaluate(settings(run))["protocol"]["fingerprint"]
    del protocol["fingerprint"]
    assert protocol == {
        "dataset": "camvid", "split": "val", "labels": "camvid_11", "images": 1, "limit": 1, "resolution": "original",
        "resolutions": ["original", "network"], "size": [8, 16], "scales": [1.0], "flip": False, "tile": None,
        "overlap": None, "reading": "dataset", "void": "removed", "checkpoint": "best", "epoch": 4, "step": 10,
    }  # fmt: skip


def test_the_record_is_extended_and_nothing_is_replaced(run):
    first = score.evaluate(settings(run))
    second = score.evaluate(settings(run))
    assert first["folder"] != second["folder"]
    record = runs.read_record(run)
    assert record["status"] == "finished"
    assert record["best"] == {"epoch": 4}
    assert list(record["evaluations"]) == ["camvid_val_best_size-8x16", "camvid_val_best_size-8x16_2"]
    assert record["evaluations"]["camvid_val_best_size-8x16"]["ended"] == first["ended"]
    assert record["evaluations"]["camvid_val_best_size-8x16_2"]["protocol"] == second["protocol"]


def test_an_output_that_exists_is_refused_and_a_failure_leaves_nothing(run, tmp_path, monkeypatch):
    with pytest.raises(SeglabError, match="exists; expected the name of a new folder"):
        score.evaluate(settings(run, output=str(tmp_path)))
    monkeypatch.setattr(files, "confusion_csv", lambda matrix, names: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        score.evaluate(settings(run))
    assert list((run / "evaluations").iterdir()) == []
    assert "evaluations" not in runs.read_record(run)


def test_extra_scores(run, capsys):
    result = score.evaluate(settings(run, size="image", extra=["boundary", "calibration", "named"]))
    assert result["boundary"]["boundary_iou"]["mean"] == 1.0
    assert result["boundary"]["boundary_f1"]["classes"]["pole"] == 1.0
    # one-hot logits: confidence e / (e + 10) everywhere, and everything is right
    assert result["calibration"]["ece"] == pytest.approx(10 / (np.e + 10), abs=1e-6)
    assert result["named"]["accuracy_void_wrong"] == pytest.approx(1 - 4 * 64 / (2 * 32 * 64))
    assert result["named"]["batch_size"] == 2
    printed = capsys.readouterr().out
    assert "expected calibration error 78.6 % (15 bins)" in printed
    assert "boundary IoU 100.0 %" in printed


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


def test_a_split_without_labels_is_refused(run, tmp_path):
    write_pair(tmp_path / "void", "0004_d", np.zeros((8, 8), dtype=np.uint8), void=8)
    with pytest.raises(SeglabError, match=r"expected labelled pixels; camvid val \(1 images\) has none"):
        score.evaluate(settings(run, root=str(tmp_path / "void")))


def test_official_scores_are_refused_where_there_are_no_instances(run):
    with pytest.raises(SeglabError, match="official=true: expected the 19 classes of Cityscapes"):
        score.evaluate(settings(run, official=True))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"checkpoint": "bst"}, "checkpoint is 'bst'; expected one of best, last - did you mean 'best'?"),
        ({"extra": ["bounday"]}, "extra holds 'bounday'; expected some of boundary, calibration, named - did you mean"),
        ({"threads": 0}, "threads is 0; expected a whole number >= 1"),
        ({"tile": [3]}, r"tile is \[3\]; expected null, or \[height, width\] of whole numbers >= 1"),
        ({"size": [3]}, r"size is \[3\]; expected run, image, or \[height, width\] of whole"),
        ({"run": "nowhere"}, "run=nowhere: expected the folder of a trained run, with record.json"),
        ({"official": True, "resolution": "network"}, "official=true is for original size; expected resolution=both"),
        ({"data": {}, "root": "x"}, "root is for the run's own data set; expected data.root beside data="),
    ],
)
def test_mistakes(run, changes, message):
    score.check(settings(run))
    with pytest.raises(SeglabError, match=message):
        score.check(settings(run, **changes))


def test_extremes_keep_order_and_no_more_than_asked():
    extremes = Extremes(2)
    for index, miou in enumerate([0.5, 0.9, float("nan"), 0.1, 0.9, 0.3]):
        extremes.update(miou, index=index, sample=draw.Sample(str(index), *[np.zeros((1, 1))] * 3))
    assert [(one.miou, one.number, one.sample.name) for one in extremes.best()] == [(0.9, 1, "1"), (0.9, 4, "4")]
    assert [(one.miou, one.number) for one in extremes.worst()] == [(0.1, 3), (0.3, 5)]


def test_named_readings_are_those_of_whole_batches():
    generator = np.random.default_rng(0)
    pred, mask = generator.integers(0, 3, (2, 5, 6, 7), dtype=np.uint8)
    mask[0, 0] = IGNORE_INDEX
    ours, reference = NamedReadings(3, batch_size=2), MeanOfBatches(batch_absent1, num_classes=3)
    for one in range(5):
        ours.update(View(pred[one], mask[one], lambda: torch.empty(0), None))
    for start in (0, 2, 4):
        reference.update(pred[start : start + 2], mask[start : start + 2])
    assert ours.compute()["batch_absent1"] == pytest.approx(reference.compute(), abs=1e-15)


@pytest.mark.slow
def test_command_on_a_trained_run(command, tmp_path):
    assert command("train").returncode == 0
    (run,) = (tmp_path / "outputs" / "runs").iterdir()
    before = json.loads((run / "record.json").read_text())
    first = command("evaluate", f"run={run.relative_to(tmp_path)}", small=False, fresh=True)
    assert first.returncode == 0, first.stderr
    second = command("evaluate", f"run={run}", "split=train", "limit=2", "checkpoint=last", "flip=true", small=False)
    assert second.returncode == 0, second.stderr
    record = json.loads((run / "record.json").read_text())
    assert {key: record[key] for key in before} == before
    one, other = record["evaluations"].values()
    # At the network's size this is the validation of the training.
    assert one["network"]["metrics"]["miou"] == pytest.approx(before["best"]["metrics"]["miou"], abs=1e-12)
    assert one["official"]["averageScoreClasses"] == pytest.approx(one["original"]["metrics"]["miou"], abs=1e-12)
    assert other["protocol"]["images"] == 2
    assert other["protocol"]["dataset"] == "synthetic"
    assert "official Cityscapes protocol: IoU class" in first.stdout
    assert {path.name for path in tmp_path.iterdir()} <= {"outputs", "my_conf"}


@pytest.mark.slow
def test_command_reports_mistakes_without_a_traceback(command, tmp_path):
    done = command("evaluate", "run=nowhere", "splt=val", small=False)
    assert done.returncode == 2
    assert "did you mean 'split'?" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "nowhere").exists()


def test_sheet_of_one_resolution_has_no_second_column():
    classes = {"a": {"iou": 0.5, "dice": 0.6, "accuracy": 0.7, "pixels": 3}}
    metrics = {"miou": 0.5, "mdice": 0.6, "mean_accuracy": 0.7, "accuracy": 0.8, "fwiou": 0.4}
    protocol = {"dataset": "d", "split": "s", "images": 1, "labels": "l", "resolutions": ["network"], "size": [2, 3],
                "checkpoint": "best", "epoch": 0, "flip": True, "scales": [1.0, 2.0], "tile": None}  # fmt: skip
    sheet = report.evaluation_sheet({"protocol": protocol, "network": {"classes": classes, "metrics": metrics}})
    assert sheet.header == ("class", "IoU %", "Dice %", "accuracy %", "pixels %", "")
    assert sheet.caption.startswith("d s (1 images, l), at network size 2x3, ")
    assert sheet.caption.endswith("best, epoch 1, flipped, scales 1 2")
