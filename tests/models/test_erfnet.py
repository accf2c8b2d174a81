import pytest
import torch
from torch import nn

from seglab.errors import SeglabError
from seglab.models.erfnet import ERFNet


def small(*, in_channels=3):
    torch.manual_seed(0)
    return ERFNet(11, in_channels=in_channels, dropout=[0.03, 0.3], activation=None)


def factorized(network):
    return [module for module in network.modules() if hasattr(module, "layers")]


def test_blocks_are_those_of_table_1():
    blocks = factorized(small().encoder)
    dilations = [block.layers[5].dilation[0] for block in blocks]  # of the second 3x1
    assert dilations == [1] * 5 + [2, 4, 8, 16] * 2
    assert [block.layers[-1].p for block in blocks] == [0.03] * 5 + [0.3] * 8
    assert [block.layers[5].dilation[0] for block in factorized(small().decoder)] == [1] * 4


def test_every_convolution_of_a_block_is_one_dimensional():
    for block in factorized(small()):
        kernels = [module.kernel_size for module in block.layers if isinstance(module, nn.Conv2d)]
        assert kernels == [(3, 1), (1, 3)] * 2


def test_features_are_an_eighth_of_the_size():
    with torch.inference_mode():
        assert small().eval().encoder(torch.randn(1, 3, 32, 48)).shape == (1, 128, 4, 6)


def test_more_channels_than_maps_are_refused():
    with pytest.raises(SeglabError, match="expected fewer than the 16 maps that ERFNet begins with; came 16"):
        small(in_channels=16)
