"""SegmentationModule: sizes, normalisation, and logged values that do not depend on how images fall into batches."""

import math

import pytest
import torch
from lightning import Trainer
from torch import nn
from torch.utils.data import DataLoader

from seglab.losses import Compound, CrossEntropy, Dice, Focal
from seglab.training.module import SegmentationModule
from seglab.training.schedule import Constant

NAMES = ("road", "car", "sky")


class Quarter(nn.Module):
    """Logits at a quarter of the size; refuses sizes that are no multiple of 8, as an encoder would."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, len(NAMES), 4, stride=4)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        assert image.shape[-1] % 8 == 0
        assert image.shape[-2] % 8 == 0
        return self.conv(image)


def module(network: nn.Module | None = None, **changes) -> SegmentationModule:
    arguments = {
        "loss": CrossEntropy(), "class_names": NAMES,
        "optimizer": lambda parameters: torch.optim.SGD(parameters, lr=0.1),
        "schedule": Constant(), "size_divisor": 8, "channels_last": True,
        "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25],
    }  # fmt: skip
    return SegmentationModule(network or Quarter(), **(arguments | changes))


def batch(count: int, *, seed: int = 0) -> dict:
    generator = torch.Generator().manual_seed(seed)
    mask = torch.randint(0, len(NAMES), (count, 16, 24), generator=generator, dtype=torch.uint8)
    mask[:, :2] = 255
    image = torch.randint(0, 256, (count, 3, 16, 24), generator=generator, dtype=torch.uint8)
    return {"image": image, "mask": mask, "name": [str(index) for index in range(count)]}


@pytest.mark.parametrize("size", [(16, 24), (17, 25), (1, 9)])
def test_logits_have_the_size_of_the_image(size):
    assert module()(torch.zeros(2, 3, *size, dtype=torch.uint8)).shape == (2, 3, *size)


def test_image_is_normalised_on_the_scale_of_bytes():
    class Keep(nn.Module):
        def forward(self, image):
            self.seen = image
            return image

    keep = Keep()
    module(keep, size_divisor=1)(torch.tensor([0, 128, 255], dtype=torch.uint8).view(1, 3, 1, 1))
    assert keep.seen.flatten().tolist() == pytest.approx([-2.0, (128 / 255 - 0.5) / 0.25, 2.0])


def test_padding_does_not_move_the_picture():
    torch.manual_seed(0)
    model = module().eval()
    image = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8)
    whole, part = model(image), model(image[..., :28, :28])
    assert torch.equal(
        whole[..., :26, :26], part[..., :26, :26]
    )  # the last two pixels are interpolated with the padding


def validate(model: SegmentationModule, batches: list[dict]) -> dict[str, float]:
    trainer = Trainer(
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    (values,) = trainer.validate(model, DataLoader(batches, batch_size=None), verbose=False)
    return values


WEIGHTS = (1.0, 20.0, 0.1)
LOSSES = {
    "ce": CrossEntropy(),
    "weighted ce": CrossEntropy(class_weights=WEIGHTS),
    "weighted focal": Focal(class_weights=WEIGHTS),
    "dice": Dice(),
    "ce and dice": Compound({"ce": CrossEntropy(class_weights=WEIGHTS), "dice": Dice()}, weights={"ce": 1, "dice": 2}),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_scores_are_the_same_for_any_batch_size(loss):
    torch.manual_seed(0)
    model = module(loss=loss)
    whole = batch(6)
    parts = [
        {key: value[first : first + size] for key, value in whole.items()} for first, size in ((0, 1), (1, 3), (4, 2))
    ]
    assert validate(model, parts) == pytest.approx(validate(model, [whole]), nan_ok=True, rel=1e-6)
    assert {"val/loss", "val/miou", "val/mdice", "val/iou/road", "val/dice/sky"} <= validate(model, [whole]).keys()


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_validation_loss_of_cross_entropy_is_that_of_all_pixels_of_the_split(weights):
    torch.manual_seed(0)
    model = module(loss=CrossEntropy(class_weights=weights))
    parts = [batch(1, seed=1), batch(3, seed=2)]
    parts[0]["mask"][:, 2:9] = 255
    logits = torch.cat([model(part["image"]) for part in parts])
    mask = torch.cat([part["mask"] for part in parts]).long()
    weight = None if weights is None else torch.tensor(weights)
    expected = nn.functional.cross_entropy(logits, mask, weight=weight, ignore_index=255).item()
    assert validate(model, parts)["val/loss"] == pytest.approx(expected, rel=1e-6)


def test_validation_without_a_label_gives_nan_and_not_zero():
    model = module()
    void = batch(1)
    void["mask"].fill_(255)
    assert math.isnan(validate(model, [void])["val/miou"])
