"""The wrong baseline: colours as targets, the nearest colour as the class, and a training from end to end."""

import pytest
import torch
from omegaconf import OmegaConf

from seglab.config import check
from seglab.errors import SeglabError
from seglab.inference.predictor import Predictor
from seglab.labels import label_space
from seglab.losses import Compound, MseRgb
from seglab.runs import CONFIG, plain
from seglab.training.build import build, load

LABELS = {
    "name": "four", "names": ["red", "grey", "sea", "dark"], "ignore_values": [255], "mapping": None,
    "colors": [[255, 0, 0], [51, 51, 51], [0, 102, 255], [10, 0, 0]],
}  # fmt: skip


def test_by_hand() -> None:
    outputs = torch.tensor([[0.5, 0.2, 0.0], [1.0, 0.0, -0.5]]).T.view(1, 3, 1, 2)
    mask = torch.tensor([[[1, 255]]])
    # to (0.2, 0.2, 0.2); an ignored pixel is black, and counts
    expected = (0.3**2 + 0 + 0.2**2 + 1 + 0 + 0.5**2) / 6
    assert float(MseRgb(labels=LABELS)(outputs, mask)) == pytest.approx(expected)


def test_scores_are_minus_the_squared_distance_to_each_colour() -> None:
    loss = MseRgb(labels="cityscapes_19")
    outputs = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    colors = torch.tensor(label_space("cityscapes_19").colors) / 255
    expected = -(outputs.unsqueeze(1) - colors.view(1, 19, 3, 1, 1)).square().sum(2)
    torch.testing.assert_close(loss.scores(outputs), expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(loss.scores(outputs), expected)


def test_the_colour_itself_is_predicted_as_its_class() -> None:
    colors = torch.tensor(LABELS["colors"]).T.view(1, 3, 1, 4) / 255
    assert MseRgb(labels=LABELS).scores(colors).argmax(1).flatten().tolist() == [0, 1, 2, 3]


def test_another_number_of_outputs_is_refused() -> None:
    loss, outputs = MseRgb(labels=LABELS), torch.zeros(1, 4, 2, 2)
    message = r"loss=mse_rgb: expected a network with 3 outputs .*; got \(1, 4, 2, 2\) - add model\.classes=3"
    with pytest.raises(SeglabError, match=message):
        loss(outputs, torch.zeros(1, 2, 2, dtype=torch.int64))
    with pytest.raises(SeglabError, match=message):
        loss.scores(outputs)


def test_is_no_part_of_a_compound() -> None:
    compound = Compound({"mse": MseRgb(labels=LABELS)}, weights={"mse": 1})
    with pytest.raises(SeglabError, match="loss=mse_rgb: expected to be the whole loss"):
        compound(torch.zeros(1, 3, 2, 2), torch.zeros(1, 2, 2, dtype=torch.int64))


def test_trains_validates_and_predicts(tiny_config, tmp_path) -> None:
    composed = tiny_config("loss=mse_rgb", "model.classes=3", "trainer.max_epochs=1")
    check(composed)
    config = plain(composed)
    (tmp_path / CONFIG).write_text(OmegaConf.to_yaml(config))
    run = build(config, tmp_path)
    run.trainer.fit(run.module, datamodule=run.data)
    names = label_space(config["data"]["labels"]).names
    assert run.module.validation["confusion"].shape == (len(names), len(names))
    module = load(tmp_path)
    image = torch.randint(0, 256, (1, 3, 32, 64), dtype=torch.uint8)
    assert module(image).shape == (1, len(names), 32, 64)
    pred = Predictor(module, size=None).label_map(image[0].movedim(0, 2).numpy())
    assert (pred == module(image).max(1).indices[0].numpy()).all()
