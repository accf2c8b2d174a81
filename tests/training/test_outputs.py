"""What a network returns is looked at before the first step; outputs beyond the classes are trained and never right."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from seglab import config, runs
from seglab.errors import SeglabError
from seglab.labels import label_space
from seglab.metrics import count_pixels, readings
from seglab.metrics.confusion import _count_on_device
from seglab.models.auxiliary import WithAuxiliary
from seglab.runs.png import write_png
from seglab.training.build import build_module
from seglab.training.fit import fit
from seglab.training.module import SegmentationModule
from seglab.training.outputs import checked, label_maps
from tests.training.test_module import Quarter, batch, module, validate


class Bare(nn.Module):
    """A network of somebody else, whose forward returns what a test asks for."""

    def __init__(self, returns: str, classes: int = 19) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, classes + (returns == "one more"), 1)
        self.returns = returns

    def forward(self, image: torch.Tensor) -> object:
        logits = self.conv(image)
        if self.returns == "sees values":
            assert image.sum().item() is not None  # which no tensor without values has
        answers = {
            "dict": lambda: {"out": logits, "aux": logits[:, :2]},
            "tuple": lambda: (logits, logits.mean((2, 3))),
            "labels": lambda: logits.mean((2, 3)),
            "sees values": lambda: [logits],
        }
        return answers.get(self.returns, lambda: logits)()


@pytest.fixture
def foreign(tiny_config, monkeypatch):
    """`foreign("dict")`: the configuration of a training of that network."""

    monkeypatch.setenv("SEGLAB_ALLOW", "tests.training.test_outputs.Bare")

    def configured(returns: str) -> dict:
        node = {"_target_": "tests.training.test_outputs.Bare", "returns": returns, "size_divisor": 1}
        return {**runs.plain(tiny_config("logger.csv=null")), "model": node}

    return configured


@pytest.mark.parametrize(
    ("returns", "message"),
    [
        ("dict", r"Bare to return logits \(B, 19, h, w\).*; came a dict of out: a tensor \(1, 19, 32, 64\), "
                 r"aux: a tensor \(1, 2, 32, 64\) - let its forward .*outputs\['out'\]"),
        ("tuple", r"came a tuple of a tensor \(1, 19, 32, 64\), a tensor \(1, 19\) - let its forward .*outputs\[0\]"),
        ("labels", r"came a tensor \(1, 19\) - a map of logits is needed"),
        ("one more", r"came a tensor \(1, 20, 32, 64\) - write classes: \$\{num_classes:\$\{data.labels\}\}"),
    ],
)  # fmt: skip
def test_a_network_that_returns_something_else_is_refused_before_the_first_batch(foreign, tmp_path, returns, message):
    with pytest.raises(SeglabError, match=message):
        fit(foreign(returns), tmp_path)


def test_one_that_cannot_be_followed_is_refused_at_its_first_call(foreign):
    with pytest.raises(SeglabError, match=r"came a list of a tensor \(2, 19, 8, 8\)"):
        build_module(foreign("sees values"))(torch.zeros(2, 3, 8, 8, dtype=torch.uint8))


def test_fewer_outputs_than_classes_are_refused(tiny_config):
    with pytest.raises(Exception, match=r"model.classes=5: expected an output for each of the 19 classes") as error:
        build_module(runs.plain(tiny_config("model.classes=5")))
    assert isinstance(error.value.__cause__, SeglabError)  # which the commands tell


def test_more_outputs_than_classes_are_said_once_and_weigh_nothing(tiny_config, caplog):
    config = runs.plain(tiny_config("model.classes=34", "loss=ce_dice"))
    config["loss"]["losses"]["ce"]["class_weights"] = [2.0] * 19
    with caplog.at_level(logging.INFO, logger="seglab"):
        built = build_module(config)
    assert "model.classes=34: 15 outputs more than the 19 classes of cityscapes_19" in caplog.text
    assert built.loss.losses["ce"].class_weights.tolist() == [2.0] * 19 + [0.0] * 15
    assert built(torch.zeros(1, 3, 32, 64, dtype=torch.uint8)).shape == (1, 34, 32, 64)


def test_a_pixel_given_to_another_output_is_missed_and_no_other_class_suffers():
    mask = torch.tensor([[[0, 0, 0, 1, 1, 255]]], dtype=torch.uint8)
    strongest = torch.tensor([[[0, 2, 1, 1, 3, 2]]])
    scores = nn.functional.one_hot(strongest, 4).movedim(3, 1).float()  # (1, 4, 1, 6)
    pred = label_maps(scores, num_classes=2)
    assert pred.tolist() == [[[0, 255, 1, 1, 255, 255]]]
    matrix = count_pixels(pred, mask, num_classes=2, misses=True)
    assert matrix.tolist() == [[1, 1, 1], [0, 1, 1]]
    assert torch.equal(_count_on_device(pred, mask, 2, misses=True), matrix)
    assert readings.iou(matrix).tolist() == [1 / 3, 1 / 3]
    assert readings.summary(matrix)["accuracy"] == 2 / 5
    assert [scores["pixels"] for scores in readings.per_class(matrix, ("a", "b")).values()] == [3, 2]


def test_scores_are_those_of_the_classes_whatever_the_other_outputs_do():
    class Wider(Quarter):
        def forward(self, image):
            logits = super().forward(image)
            return torch.cat([logits, logits[:, :2] + 0.5 * (logits[:, :2] > 0)], 1)  # (B, 5, h, w)

    torch.manual_seed(0)
    wider = module(Wider(), num_outputs=5)
    data = batch(4)
    values = validate(wider, [data])
    with torch.inference_mode():
        pred = wider(data["image"]).argmax(1)
    valid = data["mask"] != 255
    assert (pred >= 3).any()
    for index, name in enumerate(("road", "car", "sky")):
        guess, truth = (pred == index) & valid, data["mask"] == index
        assert values[f"val/iou/{name}"] == pytest.approx(int((guess & truth).sum()) / int((guess | truth).sum()))


@pytest.mark.slow
def test_a_run_with_34_outputs_is_trained_predicted_and_evaluated(command, tmp_path):
    trained = command("train", "model.classes=34", "output=out", "trainer.max_epochs=1")
    assert trained.returncode == 0, trained.stderr
    assert (trained.stdout + trained.stderr).count("15 outputs more than the 19 classes") == 1
    (run,) = (tmp_path / "out" / "runs").iterdir()
    evaluated = command("evaluate", f"run={run}", "extra=[boundary,calibration,named]", "split=val", small=False)
    assert evaluated.returncode == 0, evaluated.stderr
    (table,) = run.glob("evaluations/*/confusion.csv")
    rows = table.read_text().splitlines()
    assert rows[0].endswith("bicycle,none of them")
    assert len(rows) == 1 + label_space("cityscapes_19").num_classes
    source = tmp_path / "image.png"
    write_png(source, np.zeros((32, 64, 3), dtype=np.uint8))
    predicted = command(
        "predict", f"run={run}", f"input={source}", "output=masks", "write=[masks,overlays]", small=False
    )
    assert predicted.returncode == 0, predicted.stderr


class Three(Quarter):
    """Has an auxiliary head at a quarter of the size and one that finds boundaries, both in training alone."""

    calls = 0

    def forward(self, image: torch.Tensor) -> object:
        logits = super().forward(image)
        if not self.training:
            return logits
        self.calls += 1
        return WithAuxiliary(logits, {"deep": logits[..., ::4, ::4]}, logits[:, :1])


def test_what_only_training_has_is_weighed_there_logged_and_never_evaluated(monkeypatch):
    torch.manual_seed(0)
    data = batch(2)
    plain, three = module(Quarter()), module(Three(), auxiliary=0.5, boundary=2.0)
    three.load_state_dict(plain.state_dict())
    assert torch.equal(three.eval()(data["image"]), plain.eval()(data["image"]))
    assert validate(three, [data]) == validate(plain, [data])
    assert three.network.calls == 0

    logged = {}
    monkeypatch.setattr(SegmentationModule, "_is_logged", lambda *_: True)
    monkeypatch.setattr(SegmentationModule, "_log_now", lambda _, values, step: logged.update(values))
    monkeypatch.setattr(SegmentationModule, "trainer", SimpleNamespace(global_step=0))
    loss = three.train().training_step(data, 0).item()
    names = ("loss", "auxiliary_deep", "boundary", "near_boundary")
    main, deep, boundary, near = (logged[f"train/loss_step/{name}"] for name in names)
    assert loss == pytest.approx(main + 0.5 * deep + 2 * boundary + near)
    assert main == plain.train().loss(plain.outputs(data["image"]), data["mask"]).item()
    assert deep != main


def test_an_auxiliary_output_of_other_classes_is_refused():
    answer = WithAuxiliary(torch.zeros(1, 3, 4, 4), {"deep": torch.zeros(1, 2, 4, 4)})
    with pytest.raises(SeglabError, match=r"expected X to return logits \(B, 3, h, w\).* came a tensor \(1, 2, 4, 4\)"):
        checked(answer, num_outputs=3, of="X")


def test_the_weights_of_auxiliary_outputs_are_set_beside_any_loss(tiny_config):
    for loss in ("ce", "ce_dice"):
        cfg = tiny_config(f"loss={loss}", "loss.auxiliary=1.0")
        assert build_module(runs.plain(cfg))._auxiliary == 1.0
    before = runs.plain(tiny_config())
    del before["loss"]["auxiliary"], before["loss"]["boundary"]  # as in the folder of an older run
    assert build_module(before)._auxiliary == 0.4
    assert runs.fingerprint(before) == runs.fingerprint(runs.plain(tiny_config()))
    assert runs.fingerprint(before) != runs.fingerprint(runs.plain(tiny_config("loss.auxiliary=1.0")))
    with pytest.raises(SeglabError, match=r"loss.auxiliary is -1; expected a number >= 0"):
        config.check(tiny_config("loss.auxiliary=-1"))
    with pytest.raises(SeglabError, match=r"^loss.auxiliary=1.0 has no effect: .* seglab.models.unet.UNet has none"):
        config.check(tiny_config("loss.auxiliary=1.0"))
