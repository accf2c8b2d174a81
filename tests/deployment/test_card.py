"""MODEL_CARD.md: Hugging Face can read its front matter, and nobody is promised what was not measured."""

from pathlib import Path

import pytest
import yaml

import seglab
from seglab.deployment.card import model_card
from seglab.deployment.parity import Parity
from tests.conftest import TINY

pytestmark = pytest.mark.slow
PARITY = Parity(
    images=3, largest_difference=0.01, equal_pixels=0.9999, run=0.5, exported=0.499,
    classes={"road": (0.6, 0.598), "<b>sky</b>": (0.4, 0.4)}, confusion=[[8, 2], [1, 9]],
)  # fmt: skip
ABOUT = {
    "seglab": "0.1.0", "format": "onnx", "precision": "fp32", "classes": ["road", "<b>sky</b>"],
    "input": {"layout": "nhwc", "size": None, "seen_at": [32, 64], "channels": 3}, "outputs": ["labels"],
    "has_other_outputs": False, "checkpoint": {"epoch": 1, "checkpoint": "best"}, "fingerprint": "abc",
    "scored_on": {"dataset": 'my "set": {x}', "split": "val"}, "scores": {"miou": 0.5, "loss": 3.0},
    "choices": {"model": "unet"}, "network": {"model": {"_target_": "seglab.models.UNet"}},
}  # fmt: skip


@pytest.fixture
def card(trained) -> str:
    return model_card(ABOUT, PARITY, [], file=Path("model.onnx"), run=trained)


def test_the_front_matter_is_yaml(card):
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["pipeline_tag"] == "image-segmentation"
    (result,) = front["model-index"][0]["results"]
    assert result["dataset"]["name"] == 'my "set": {x}'
    assert result["metrics"] == [{"type": "mean_iou", "value": 0.499}]


def test_it_says_what_was_measured_and_what_was_not(card):
    assert "| road | <b>sky</b> | 20.0 |" not in card  # of a stranger's class names no HTML
    assert "mIoU 50.0 %" in card
    assert "loss" not in card
    assert "## What it was not tested on" in card
    assert card.count("FILL IN") == 3
    assert "seeds" not in card  # there is one run


def test_other_seeds_are_a_deviation(trained, data_folder, monkeypatch):
    monkeypatch.setenv("SEGLAB_DATA", str(data_folder))
    output = trained.parents[1]
    seglab.fit([*TINY, "callbacks.pictures=null", f"output={output}", "name=other", "seed=2"])
    seglab.fit([*TINY, "callbacks.pictures=null", f"output={output}", "name=another", "optimizer.lr=0.5"])
    card = model_card(ABOUT, PARITY, [], file=Path("model.onnx"), run=trained)
    assert "Trained with 2 seeds, the mIoU of the validation split" in card
