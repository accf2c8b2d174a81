"""Detectors of anomalies asked for as a user does, on a run of two steps and scenes with unknown things."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import binary_auroc, binary_average_precision

import seglab
from seglab import runs
from seglab.data.anomalies import ANOMALY, UNSAID
from seglab.data.cityscapes import Cityscapes
from seglab.data.cityscapes_unknown import CityscapesUnknown
from seglab.errors import SeglabError
from seglab.evaluation.columns import measured
from seglab.evaluation.ood import require_plain
from seglab.evaluation.report import detectors_sheet, evaluation_lines
from seglab.inference.predictor import load_predictor
from seglab.metrics.anomaly import Detection, detection
from seglab.runs.find import Run
from seglab.tables.survey.measurements import evaluation_of

SCENES = ["data.prepare.train=6", "data.prepare.val=4", "data.prepare.test=1", "data.prepare.height=64",
          "data.prepare.width=128"]  # fmt: skip
UNKNOWN = ["data=synthetic_unknown", *SCENES, "device=cpu", "panels=0", "threads=1"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A run of two steps; its data lie below SEGLAB_DATA."""
    place = tmp_path_factory.mktemp("ood")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGLAB_DATA", str(place / "data"))
        made = seglab.fit(
            ["data=synthetic", *SCENES, "data.size=[32,64]", "data.batch_size=3", "data.num_workers=0",
             "data.cache=null", "model.base=4", "model.depth=2", "model.size_divisor=4", "trainer.accelerator=cpu",
             "trainer.max_epochs=1", "callbacks.pictures=null", f"output={place / 'outputs'}"]
        )  # fmt: skip
    return Path(made["folder"])


@pytest.fixture(autouse=True)
def data_folder(trained, monkeypatch) -> Path:
    folder = trained.parents[2] / "data"
    monkeypatch.setenv("SEGLAB_DATA", str(folder))
    return folder


@pytest.fixture
def scenes(data_folder, trained) -> CityscapesUnknown:
    seglab.score(trained, overrides=UNKNOWN)  # draws them where they are not there yet
    (folder,) = (data_folder / "synthetic_unknown").iterdir()
    return CityscapesUnknown(folder, "val", labels="cityscapes_19")


def test_scores_are_those_of_all_pixels_counted_at_once(trained, scenes, capsys):
    result = seglab.score(trained, overrides=[*UNKNOWN, "ood=energy"])
    predictor = load_predictor(trained, device="cpu")
    scores, marks = [], []
    for index in range(len(scenes.samples)):
        image, mask = scenes.read(index)
        marks.append(scenes.anomalies(index))
        assert (mask[marks[-1] == ANOMALY] == 255).all()
        scores.append(-predictor.logits(image).logsumexp(0).numpy())
    scores, marks = np.stack(scores), np.stack(marks)
    valid = marks != UNSAID
    exact, found = detection(scores[valid], marks[valid] == ANOMALY), result["ood"]
    for name in Detection._fields:
        assert abs(found[name] - getattr(exact, name)) <= found["error"][name] + 1e-6
    chance, target = torch.sigmoid(torch.from_numpy(scores[valid]).double()), torch.from_numpy(marks[valid] == ANOMALY)
    assert found["auroc"] == pytest.approx(
        float(binary_auroc(chance, target.long())), abs=found["error"]["auroc"] + 1e-5
    )
    assert found["ap"] == pytest.approx(
        float(binary_average_precision(chance, target.long())), abs=found["error"]["ap"] + 1e-5
    )
    assert (found["anomalous"], found["known"]) == ((marks == ANOMALY).sum(), (marks == 0).sum())
    protocol = {"detector": "energy", "temperature": 1.0, "components": None}
    assert result["protocol"]["ood"] == protocol
    assert found["protocol"] == {**protocol, "reading": "pooled over pixels", "bins": 1 << 20}
    assert Path(result["folder"]).name == "synthetic_unknown_val_best_size-32x64_ood-energy"
    assert f"anomalies by energy: AUROC {100 * found['auroc']:.1f} %, AP " in capsys.readouterr().out
    stored = json.loads((Path(result["folder"]) / "metrics.json").read_text())
    assert stored["ood"] == found
    assert runs.read_record(trained)["evaluations"][Path(result["folder"]).name]["ood"] == found


def test_known_classes_are_scored_as_without_a_detector(trained):
    plain = seglab.score(trained, overrides=UNKNOWN)
    asked = seglab.score(trained, overrides=[*UNKNOWN, "ood=max_logit"])
    assert json.dumps(asked["original"]) == json.dumps(plain["original"])
    assert "ood" not in plain["protocol"]
    run = Run(trained, runs.read_record(trained))
    wanted = {"dataset": "synthetic_unknown", "resolution": "original"}
    assert evaluation_of(run, wanted={**wanted, "ood": None})["protocol"] == plain["protocol"]
    found = evaluation_of(run, wanted={**wanted, "ood": asked["protocol"]["ood"]})
    assert found["protocol"] == asked["protocol"]


def test_several_detectors_make_a_table(trained, capsys):
    fitted = ["ood.detectors.knn.bank=50", "ood.detectors.knn.images=2", "ood.detectors.mahalanobis.images=2",
              "ood.detectors.standardised_max_logit.images=2", "ood.detectors.odin=null"]  # fmt: skip
    result = seglab.score(trained, overrides=[*UNKNOWN, "ood=several", "ood_components=4", *fitted])
    detectors = result["ood"]["detectors"]
    assert list(detectors) == [
        "max_softmax", "max_logit", "entropy", "energy", "standardised_max_logit", "mahalanobis", "knn",
    ]  # fmt: skip
    assert result["ood"]["protocol"]["fitted_on"] == "synthetic train"
    assert result["ood"]["protocol"]["detectors"]["knn"]["bank"] == 50
    values = measured(result)
    assert values["knn_ap"] == detectors["knn"]["ap"]
    assert values["max_logit_siou"] == detectors["max_logit"]["siou"]
    assert all(0 <= scores["f1"] <= 1 and scores["anomalies"] > 0 for scores in detectors.values())
    rows = detectors_sheet(result).rows
    assert [row[0].text for row in rows] == list(detectors)
    assert "component F1 %" in " ".join(capsys.readouterr().out.split())
    assert not any(line.startswith("anomalies by") for line in evaluation_lines(result))


def test_what_a_detector_cannot_be_asked(trained):
    with pytest.raises(
        SeglabError, match=r"masks hold anomalies; those of cityscapes_19 hold none - choose data=synth"
    ):
        seglab.score(trained, overrides=["ood=max_logit", "device=cpu"])
    for shown in ({"flip": True}, {"tile": (16, 16)}, {"scales": (1.0, 2.0)}):
        predictor = load_predictor(trained, device="cpu", **shown)
        with pytest.raises(SeglabError, match=f"shown once, as a whole; came {next(iter(shown))} - leave it out"):
            require_plain(predictor)
    with pytest.raises(SeglabError, match=r"pixels of anomalies and known ones; came 0 and \d+ - choose another split"):
        seglab.score(trained, split="train", overrides=[*UNKNOWN, "ood=max_logit"])
    with pytest.raises(SeglabError, match=r"ood: a configuration may not name os.system"):
        seglab.score(trained, overrides=[*UNKNOWN, "ood=max_logit", "ood._target_=os.system"])


def test_a_detector_is_fitted_where_root_says_that_the_training_data_are(trained, data_folder, tmp_path, monkeypatch):
    knn = [*UNKNOWN, "ood=knn", "ood.bank=50", "ood.images=2"]
    before = seglab.score(trained, overrides=knn)["ood"]
    read = []
    images = Cityscapes.read
    monkeypatch.setattr(Cityscapes, "read", lambda self, index: read.append(self.samples[index]) or images(self, index))
    (tmp_path / "moved").symlink_to(data_folder / "synthetic")
    moved = seglab.score(trained, overrides=[*knn, f"root={tmp_path / 'moved'}"])["ood"]
    assert read
    assert all(sample.image.is_relative_to(tmp_path / "moved") for sample in read)
    assert moved["auroc"] == before["auroc"]


def test_what_says_nothing_beside_a_detector_is_refused(trained):
    with pytest.raises(SeglabError, match=r"ood_components=4: expected a detector of pixels.*came no detector"):
        seglab.score(trained, overrides=[*UNKNOWN, "ood_components=4"])
    with pytest.raises(SeglabError, match=r"ood_components=4: expected a detector of pixels.*came whole images"):
        seglab.score(trained, overrides=["ood=image", "ood.out=photos", "ood_components=4", "device=cpu"])
    with pytest.raises(SeglabError, match=r"calibrated=temperature: expected none beside ood"):
        seglab.score(trained, overrides=[*UNKNOWN, "ood=energy", "calibrated=temperature"])


def test_a_mask_of_another_size_than_its_image_is_told(trained, scenes, monkeypatch):
    whole = CityscapesUnknown.anomalies
    monkeypatch.setattr(CityscapesUnknown, "anomalies", lambda self, index: whole(self, index)[::2, ::2])
    with pytest.raises(
        SeglabError, match=r"labelIds.png': expected a mask of the size of its image, 64x128; it has 32"
    ):
        seglab.score(trained, overrides=[*UNKNOWN, "ood=energy"])
