"""DeepLab-LargeFOV: its counts, what a score sees and where it stands, and the weights it begins from."""

import pytest
import torch
from torch import nn

from seglab.errors import SeglabError
from seglab.models import pretrained
from seglab.models.activation import replace_activations
from seglab.models.deeplab_largefov import DeepLabLargeFOV
from tests.models.test_fcn import FEATURES, count, torchvisions


def small(classes=3, *, widths=(2, 2, 2, 2, 2), fc=2, dropout=0.0, weights=None, activation=None):
    torch.manual_seed(0)
    return DeepLabLargeFOV(
        classes, in_channels=3, widths=widths, fc_width=fc, dropout=dropout, encoder_weights=weights,
        activation=activation,
    )  # fmt: skip


def test_the_count_is_that_of_the_layers():
    """The paper says 20.5 M, of the 21 classes of VOC."""
    vgg = sum(9 * before * after + after for before, after in [
        (3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256),
        (256, 512), (512, 512), (512, 512), (512, 512), (512, 512), (512, 512),
    ])  # fmt: skip
    assert vgg == 14_714_688  # torchvision's vgg16().features
    head = (9 * 512 * 1024 + 1024) + (1024 * 1024 + 1024)
    with torch.device("meta"):
        for classes in (19, 21):
            network = small(classes, widths=(64, 128, 256, 512, 512), fc=1024)
            assert count(network) == vgg + head + 1025 * classes
    assert vgg + head + 1025 * 21 == 20_505_429


@pytest.mark.parametrize("size", [(64, 96), (65, 97), (33, 1), (7, 8)])
def test_logits_are_as_large_as_the_image(size):
    logits = small()(torch.randn(2, 3, *size))
    assert logits.shape == (2, 3, *size)
    assert logits.isfinite().all()


def test_a_score_stands_at_every_eighth_pixel_and_sees_435():
    """3x3 convolutions 2+2+3 at strides 1, 2, 4, 3 at 8, three of dilation 2, poolings, the average and fc6."""
    network, scores = small(1), []
    network.score.register_forward_hook(lambda _, __, output: scores.append(output))
    for parameter in network.parameters():  # nothing is cut off by a ReLU, and each weight counts
        nn.init.constant_(parameter, 0.1)
    for block in network.encoder:  # a mean sees all that a maximum could choose
        block[-1] = nn.AvgPool2d(3, stride=block[-1].stride, padding=1, ceil_mode=True)
    side = 8 * 60 + 1
    image = torch.ones(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    logits = network.double()(image)
    assert scores[0].shape == (1, 1, 61, 61)
    torch.testing.assert_close(logits[..., ::8, ::8], scores[0])
    logits[0, 0, 240, 240].backward()
    rows = image.grad.abs().sum((0, 1, 3)).nonzero()
    assert (int(rows[0]), int(rows[-1])) == (240 - 217, 240 + 217)
    assert 2 * 217 + 1 == 435


def test_imagenet_weights_stand_where_they_belong(monkeypatch):
    widths = (2, 3, 4, 5, 6)
    weights = torchvisions(widths, 8, make=torch.randn)
    monkeypatch.setattr(pretrained, "state_dict", lambda url: weights)
    network = small(widths=widths, fc=2, weights="imagenet")
    layers = [layer for layer in network.encoder.modules() if isinstance(layer, nn.Conv2d)]
    for layer, index in zip(layers, FEATURES, strict=True):
        assert torch.equal(layer.weight, weights[f"features.{index}.weight"])
        assert torch.equal(layer.bias, weights[f"features.{index}.bias"])
    fc6, fc7 = (layer for layer in network.classifier if isinstance(layer, nn.Conv2d))
    assert torch.equal(fc6.weight, weights["classifier.0.weight"].reshape(8, 6, 7, 7)[::4, :, ::3, ::3])
    assert torch.equal(fc7.weight[..., 0, 0], weights["classifier.3.weight"][::4, ::4])
    assert torch.equal(fc7.bias, weights["classifier.3.bias"][::4])


def test_imagenet_weights_fit_the_true_size_and_no_other(monkeypatch):
    true = torchvisions((64, 128, 256, 512, 512), 4096, make=lambda shape: torch.zeros(1).expand(shape))
    monkeypatch.setattr(pretrained, "state_dict", lambda url: true)
    with torch.device("meta"):
        small(widths=(64, 128, 256, 512, 512), fc=1024, weights="imagenet")
    with pytest.raises(SeglabError, match=r"expected the widths of VGG16 .*fc_width 1024.* features\.0 has"):
        small(weights="imagenet")


def test_scopes_part_the_convolutions_from_the_classifier():
    assert replace_activations(small(), nn.SiLU, scope="encoder").replaced == {"ReLU": 13}
    assert replace_activations(small(), nn.SiLU, scope="decoder").replaced == {"ReLU": 2}


def test_gradients_reach_every_parameter():
    network = small(activation=nn.SiLU)  # no unit of SiLU is dead
    logits = network(torch.randn(2, 3, 65, 97))
    (logits * torch.randn_like(logits)).sum().backward()
    assert all(parameter.grad.any() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": "coco"}, r"model\.encoder_weights: expected null or imagenet; came 'coco'"),
        ({"widths": (4, 4)}, r"model\.widths: expected 5 numbers, one a block; came \[4, 4\]"),
    ],
)
def test_wrong_options_are_refused(change, message):
    with pytest.raises(SeglabError, match=message):
        small(**change)
