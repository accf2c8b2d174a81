import pytest
import torch
from torch import nn

from seglab.models.stdc import STDC

# What the paper counts beside the encoder: the last 1x1 convolution with BatchNorm, two fully connected layers without
# biases, 1024 to 1024 and to the 1000 classes of ImageNet, BatchNorm between them.
CLASSIFIER = 1024 * 1024 + 2 * 1024 + 1024 * 1024 + 2 * 1024 + 1024 * 1000


def small(blocks=(1, 2, 1)):
    torch.manual_seed(0)
    return STDC(11, in_channels=3, blocks=blocks, auxiliary=True, activation=None)


@pytest.mark.parametrize(("blocks", "millions"), [((2, 2, 2), 8.44), ((4, 5, 3), 12.47)])
def test_encoders_with_their_classifier_have_the_papers_counts(blocks, millions):
    with torch.device("meta"):
        encoder = small(blocks).encoder
    count = sum(parameter.numel() for parameter in encoder.parameters()) + CLASSIFIER
    assert round(count / 1e6, 2) == millions


def test_features_are_those_of_table_2():
    with torch.inference_mode():
        features = small().eval().encoder(torch.randn(1, 3, 64, 96))
    assert [tuple(maps.shape) for maps in features] == [(1, 256, 8, 12), (1, 512, 4, 6), (1, 1024, 2, 3)]


def test_a_block_joins_half_a_quarter_and_twice_an_eighth():
    shrinking, block = small().encoder.stages[1]
    assert block.first[0].out_channels == 256
    assert [step[0].out_channels for step in block.others] == [128, 64, 64]
    assert [step[0].in_channels for step in block.others] == [256, 128, 64]  # each sees the one before alone
    assert isinstance(shrinking.joined, nn.AvgPool2d)
    assert (shrinking.shrunk[0].stride, shrinking.shrunk[0].groups) == ((2, 2), 256)
    assert isinstance(block.joined, nn.Identity)
