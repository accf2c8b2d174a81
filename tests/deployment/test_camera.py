"""The graph around a network does to an image what a training does to it."""

import numpy as np
import pytest
import torch
from torch import nn

from seglab.data.transforms import resize
from seglab.deployment.camera import Camera, resize_bytes
from seglab.inference.predictor import Predictor
from seglab.losses import CrossEntropy
from seglab.models.temperature import from_stored
from seglab.training.module import SegmentationModule
from seglab.training.schedule import Constant


class Halved(nn.Module):
    """Logits at half of the size, which depend on the place: the padding, if it were wrong, would be seen."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, outputs, 5, stride=2, padding=2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.conv(image)


def module_of(outputs: int = 4) -> SegmentationModule:
    torch.manual_seed(0)
    return SegmentationModule(
        Halved(outputs), loss=CrossEntropy(), class_names=["a", "b", "c", "d"], schedule=Constant(), size_divisor=8,
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.1), channels_last=False,
        mean=[0.4, 0.5, 0.6], std=[0.2, 0.25, 0.3], num_outputs=outputs,
    ).eval()  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "share"),
    [
        ((256, 512), (128, 256), 0.0),
        ((360, 480), (180, 240), 0.0),
        ((720, 1280), (256, 512), 0.0),
        ((97, 301), (32, 100), 0.001),
        ((64, 64), (64, 64), 0.0),
        ((1024, 2048), (256, 512), 0.04),  # OpenCV rounds halves to even there, to the larger number elsewhere
        ((50, 200), (64, 100), 0.15),  # fewer pixels in all, though one axis grows
        ((300, 40), (100, 60), 0.15),
        ((64, 64), (100, 130), 0.15),  # OpenCV's weights have 11 bits where it enlarges
    ],
)
def test_bytes_are_resized_as_in_training(old, new, share):
    image = np.random.default_rng(0).integers(0, 256, (*old, 3), dtype=np.uint8)
    expected = resize(image, np.empty(new, dtype=np.uint8), new)[0].astype(float)
    came = resize_bytes(torch.from_numpy(image).permute(2, 0, 1)[None].float(), new)[0].permute(1, 2, 0).numpy()
    difference = np.abs(came - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() <= share


@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
@pytest.mark.parametrize("size", [(20, 28), None])
def test_it_predicts_what_the_predictor_does(layout, size):
    module = module_of()
    images = np.random.default_rng(1).integers(0, 256, (2, 40, 56, 3), dtype=np.uint8)
    predictor = Predictor(module, size=size)
    batch = torch.from_numpy(images if layout == "nhwc" else images.transpose(0, 3, 1, 2).copy())
    with torch.inference_mode():
        labels, logits = Camera(module, size=size, layout=layout)(batch)
    assert (labels.dtype, labels.shape, logits.shape) == (torch.uint8, (2, 40, 56), (2, 4, 40, 56))
    for image, label_map, scores in zip(images, labels, logits, strict=True):
        torch.testing.assert_close(scores, predictor.logits(image), rtol=0, atol=1e-5)
        assert (label_map.numpy() == predictor.label_map(image)).mean() > 0.999


def test_temperatures_are_a_part_of_the_program():
    module = module_of()
    module.calibration = from_stored("per_class", classes=4, values={"log_temperature": [0.5, -0.5, 1.0, 0.0]})
    images = np.random.default_rng(3).integers(0, 256, (1, 40, 56, 3), dtype=np.uint8)
    camera = Camera(module, size=(20, 28), layout="nhwc")
    with torch.inference_mode():
        labels, logits = camera(torch.from_numpy(images))
        module.calibration = camera.calibration = None
        plain = camera(torch.from_numpy(images))[1]
    temperatures = torch.tensor([0.5, -0.5, 1.0, 0.0]).exp().view(1, 4, 1, 1)
    torch.testing.assert_close(logits, plain / temperatures, rtol=0, atol=1e-5)
    assert (labels == (plain / temperatures).argmax(1)).float().mean() > 0.999


def test_an_output_beyond_the_classes_is_no_class():
    module = module_of(outputs=6)
    images = np.random.default_rng(2).integers(0, 256, (1, 16, 16, 3), dtype=np.uint8)
    with torch.inference_mode():
        labels, _ = Camera(module, size=None, layout="nhwc")(torch.from_numpy(images))
    expected = Predictor(module, size=None).label_map(images[0])
    assert 255 in expected
    assert (labels[0].numpy() == expected).all()
