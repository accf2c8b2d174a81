"""Scores of corrupted images: counted again with torchmetrics, errors against the paper's formula, and what is told."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_jaccard_index

from seglab import runs
from seglab.data.camvid import CamVid
from seglab.data.corruptions import names
from seglab.data.corruptions.corrupt import corrupted
from seglab.errors import SeglabError
from seglab.evaluation import robustness, score
from seglab.evaluation.contract import Finished, View
from seglab.evaluation.corruptions import Corruptions
from seglab.inference import predictor
from tests.evaluation.painted import CAMVID, Painter, settings, write_pair

ASKED = {"corruption": ["night", "gaussian_noise"], "severity": [1, 5]}


@pytest.fixture
def scored(run: Path) -> dict:
    return score.evaluate(settings(run, size="image", **ASKED))


def test_it_is_the_miou_of_a_network_that_sees_the_corrupted_images(run, scored):
    pixels = CamVid(run.parent / "data", "val", labels="camvid_11")
    for name in ASKED["corruption"]:
        for severity in ASKED["severity"]:
            preds, masks = [], []
            for index, sample in enumerate(pixels.samples):
                image, mask = pixels.read(index)
                seen = corrupted(image, corruption=name, severity=severity, seed=1, name=sample.name)
                logits = Painter()(torch.from_numpy(seen).permute(2, 0, 1)[None].float())
                preds.append(logits.argmax(1))
                masks.append(torch.from_numpy(mask)[None].long())
            pred, mask = torch.cat(preds), torch.cat(masks)
            per_class = multiclass_jaccard_index(pred, mask, num_classes=11, ignore_index=255, average="none")
            known = [k for k in range(11) if (mask == k).any() or (pred[mask != 255] == k).any()]
            expected = float(per_class[known].mean())
            assert scored["corruption"]["miou"][name][str(severity)] == pytest.approx(expected, abs=1e-6)
    assert scored["corruption"]["clean"] == scored["original"]["metrics"]["miou"] == 1.0


def test_means_over_severities_groups_and_what_is_lost(scored):
    found = scored["corruption"]
    mean = {name: np.mean(list(values.values())) for name, values in found["miou"].items()}
    assert found["mean"] == pytest.approx(mean)
    assert found["groups"] == {"noise": found["miou"]["gaussian_noise"], "road": found["miou"]["night"]}
    assert found["corruption_miou"] == pytest.approx(np.mean(list(mean.values())))
    assert found["degradation"] == pytest.approx(1 - found["corruption_miou"])
    assert found["corruption_miou"] < 0.9
    assert "mce" not in found


def test_it_stands_in_the_protocol_the_record_the_folder_and_the_terminal(run, capsys):
    scored = score.evaluate(settings(run, size="image", **ASKED))
    assert scored["protocol"]["corruption"] == {
        "names": ["gaussian_noise", "night"], "severities": [1, 5], "seed": 1, "version": names.VERSION,
    }  # fmt: skip
    folder = Path(scored["folder"])
    assert folder.name == "camvid_val_best_original_size-image_gaussian_noise-night-severities-1-5"
    assert (folder / "robustness.png").stat().st_size > 10_000
    stored = json.loads((folder / "metrics.json").read_text())
    assert stored["corruption"] == scored["corruption"]
    assert runs.read_record(run)["evaluations"][folder.name]["corruption"] == scored["corruption"]
    printed = capsys.readouterr().out
    assert "mIoU % of corrupted images" in printed
    assert "gaussian noise" in printed


def test_the_clean_scores_are_those_of_an_evaluation_without_and_threads_change_nothing(run, scored):
    plain = score.evaluate(settings(run, size="image"))
    assert json.dumps(plain["original"]) == json.dumps(scored["original"])
    assert "corruption" not in plain["protocol"]
    again = score.evaluate(settings(run, size="image", **ASKED, threads=5, reference=str(run)))["corruption"]
    assert again["miou"] == scored["corruption"]["miou"]
    assert again["mce"] == 1.0, "as good as itself"


def test_no_pixels_are_kept():
    """However many images pass by, there is a confusion matrix of each kind, and no more images than threads."""
    alive = []
    kinds = names.protocol("all", [1, 2, 3, 4, 5], 1)

    def predict(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        alive.append(image.shape)
        return np.zeros(size, np.uint8)

    counting = Corruptions(kinds, predict=predict, names=["a", "b"], misses=False, threads=1, reference=None)
    image, mask, sizes = np.full((8, 8, 3), 9, np.uint8), np.zeros((8, 8), np.uint8), set()
    for index in range(3):
        counting.update(View(index, str(index), image, mask, mask, lambda: torch.empty(0)))
        sizes.add(sum(pixels.matrix.numel() for pixels in counting._pixels.values()))
    assert len(alive) == 3 * 18 * 5
    assert sizes == {18 * 5 * 4}
    assert counting.compute(Finished(1.0, "", lambda: iter(())))["corruption_miou"] == 1.0


class Timid(Painter):
    """Names the first class wherever it is not sure of a colour, so that its errors are others."""

    def forward(self, image):
        logits = super().forward(image)
        colors = torch.tensor(CAMVID.colors, dtype=torch.float32).view(1, -1, 3, 1, 1)
        unsure = (image[:, None] - colors).square().sum(2).amin(1) > 500
        logits[:, 0] += 2 * unsure
        return logits


def test_errors_relative_to_a_reference_are_the_papers(run, scored, monkeypatch, capsys):
    module = predictor.load(run, checkpoint="best.ckpt")
    monkeypatch.setattr(module, "network", Timid())
    result = score.evaluate(settings(run, size="image", **ASKED, reference=str(run)))["corruption"]
    errors = {}
    for name in ASKED["corruption"]:
        mine, theirs = (
            sum(1 - value for value in each["miou"][name].values()) for each in (result, scored["corruption"])
        )
        errors[name] = mine / theirs
    assert result["errors"] == pytest.approx(errors)
    assert result["mce"] == pytest.approx(np.mean(list(errors.values())))
    assert result["mce"] != pytest.approx(1.0, abs=1e-3)
    assert "CE %" in capsys.readouterr().out


def test_a_reference_has_the_same_corruptions_and_images(run, scored, caplog):
    other = {"corruption": ["night"], "severity": [1]}
    with pytest.raises(SeglabError, match=r"evaluated with the same corruptions.*without reference"):
        score.evaluate(settings(run, size="image", **other, reference=str(run)))
    with pytest.raises(SeglabError, match="reference=nobody: expected a run"):
        score.evaluate(settings(run, size="image", **ASKED, reference="nobody"))
    write_pair(run.parent / "data", "0002_b", np.full((32, 64), 2, dtype=np.uint8))
    changed = score.evaluate(settings(run, size="image", **ASKED, reference=str(run)))
    assert "mce" not in changed["corruption"]
    assert "its files were others" in caplog.text


def test_of_several_evaluations_the_likest_is_the_reference(run, scored):
    flipped = score.evaluate(settings(run, size="image", flip=True, **ASKED))
    for asked, like in (({"flip": True}, flipped), ({}, scored)):
        found = score.evaluate(settings(run, size="image", **asked, **ASKED, reference=str(run)))["corruption"]
        assert found["reference_evaluation"] == Path(like["folder"]).name


def test_without_an_error_of_the_reference_there_is_no_relative_one():
    errors = robustness.corruption_errors({"rain": 0.5, "fog": 0.6}, {"rain": 1.0, "fog": 0.2})
    assert math.isnan(errors["rain"])
    assert errors["fog"] == pytest.approx(0.5)
    assert math.isnan(robustness.result_of({"rain": {"1": 0.0}}, clean=0.0)["degradation"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"corruption": "rian"},
            "corruption is 'rian'; expected null, all, published, or some of .*did you mean 'rain'",
        ),
        ({"corruption": ["rain", "fgo"]}, "corruption holds 'fgo'; .* did you mean 'fog'"),
        ({"corruption": []}, r"corruption is \[\]; expected null"),
        ({"corruption": "all", "severity": [0]}, r"severity is \[0\]; expected some of 1, 2, 3, 4, 5"),
        ({"corruption": "all", "severity": []}, r"severity is \[\]; expected some"),
        ({"reference": "x"}, "reference=x is what corruption errors are relative to; came corruption=null"),
    ],
)
def test_mistakes(run, changes, message):
    with pytest.raises(SeglabError, match=message):
        score.check(settings(run, **changes))
