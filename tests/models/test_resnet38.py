"""ResNet-38: its counts, layer by layer as the authors' code has them, its stride and its dilations."""

import pytest
import torch
from torch import nn

from seglab.models.activation import replace_activations
from seglab.models.resnet38 import ResNet38
from tests.models.test_fcn import count

# (before, widths of the convolutions, their kernels, whether a convolution of 1x1 stands beside them) of each unit
UNITS = [
    (64, (128, 128), (3, 3), True), *[(128, (128, 128), (3, 3), False)] * 2,
    (128, (256, 256), (3, 3), True), *[(256, (256, 256), (3, 3), False)] * 2,
    (256, (512, 512), (3, 3), True), *[(512, (512, 512), (3, 3), False)] * 5,
    (512, (512, 1024), (3, 3), True), *[(1024, (512, 1024), (3, 3), False)] * 2,
    (1024, (512, 1024, 2048), (1, 3, 1), True),
    (2048, (1024, 2048, 4096), (1, 3, 1), True),
]  # fmt: skip


def small(classes=3, *, base=2, activation=None):
    torch.manual_seed(0)
    return ResNet38(classes, in_channels=3, base=base, activation=activation)


def test_the_count_is_that_of_the_authors_layers():
    features = 9 * 3 * 64 + 2 * 4096  # the first convolution and the last BatchNorm
    for before, widths, kernels, has_shortcut in UNITS:
        features += has_shortcut * before * widths[-1]
        for width, kernel in zip(widths, kernels, strict=True):
            features += 2 * before + kernel**2 * before * width
            before = width
    assert features == 105_070_912
    with torch.device("meta"):
        for classes in (19, 1000):
            network = small(classes, base=64)
            assert count(network.encoder) == features
            assert count(network.classifier) == 9 * 4096 * 512 + 512 + 9 * 512 * classes + classes
    assert features + 9 * 4096 * 512 + 512 + 9 * 512 * 19 + 19 == 124_033_363


def test_38_layers_have_weights_on_the_longest_way():
    """The first convolution, 17 units (two of three convolutions) and in classification one fully connected layer."""
    network = small()
    units = [module for module in network.encoder if hasattr(module, "residual")]
    on_the_way = sum(isinstance(layer, nn.Conv2d) for unit in units for layer in unit.residual)
    assert (len(units), 1 + on_the_way + 1) == (17, 38)


@pytest.mark.parametrize(("size", "cells"), [((64, 96), (8, 12)), ((65, 97), (9, 13)), ((8, 1), (1, 1))])
def test_the_stride_is_8(size, cells):
    network = small().eval()
    assert network(torch.randn(1, 3, *size)).shape == (1, 3, *cells)


def test_dilations_stand_in_the_place_of_two_strides():
    convolutions = [layer for layer in small().modules() if isinstance(layer, nn.Conv2d) and layer.kernel_size[0] == 3]
    strides = [layer.stride[0] for layer in convolutions]
    assert [index for index, stride in enumerate(strides) if stride == 2] == [1, 7, 13]
    dilations = [layer.dilation[0] for layer in convolutions]
    assert dilations == [1] * 26 + [2] * 5 + [4, 4] + [12, 12]
    assert all(layer.padding == layer.dilation for layer in convolutions)


def test_gradients_reach_every_parameter():
    network = small(activation=nn.SiLU)
    logits = network(torch.randn(2, 3, 64, 64))
    (logits * torch.randn_like(logits)).sum().backward()
    assert all(parameter.grad.any() for parameter in network.parameters())


def test_scopes_part_the_features_from_the_classifier():
    convolutions = sum(len(widths) for _, widths, _, _ in UNITS)
    assert replace_activations(small(), nn.SiLU, scope="encoder").replaced == {"ReLU": convolutions + 1}
    assert replace_activations(small(), nn.SiLU, scope="decoder").replaced == {"ReLU": 1}
