"""ImageNet's weights of VGG16, as the networks on it take them."""

import pytest
import torch
from torch import nn

from seglab.errors import SeglabError
from seglab.models import pretrained, vgg16


@pytest.fixture
def weights(monkeypatch):
    """Of fc6 and fc7 with 8 filters on 3 maps of 7x7, in place of the file."""
    made = {
        "classifier.0.weight": torch.randn(8, 3 * 49), "classifier.0.bias": torch.randn(8),
        "classifier.3.weight": torch.randn(8, 8), "classifier.3.bias": torch.randn(8),
    }  # fmt: skip
    monkeypatch.setattr(pretrained, "state_dict", lambda url: made)
    return made


def test_a_sub_sampled_layer_takes_every_so_many_filters_rows_and_columns(weights):
    fc6, fc7 = nn.Conv2d(3, 2, kernel_size=3), nn.Conv2d(2, 2, kernel_size=1)
    steps = {vgg16.FC6: (4, 1, 3, 3), vgg16.FC7: (4, 4, 1, 1)}
    vgg16.load({vgg16.FC6: fc6, vgg16.FC7: fc7}, expected="", steps=steps)
    theirs = weights["classifier.0.weight"].reshape(8, 3, 7, 7)
    for ours, filter_number in enumerate((0, 4)):
        for row, their_row in enumerate((0, 3, 6)):
            for column, their_column in enumerate((0, 3, 6)):
                assert (fc6.weight[ours, :, row, column] == theirs[filter_number, :, their_row, their_column]).all()
        assert fc6.bias[ours] == weights["classifier.0.bias"][filter_number]
        assert (fc7.weight[ours, :, 0, 0] == weights["classifier.3.weight"][filter_number, [0, 4]]).all()


def test_what_does_not_fit_is_refused(weights):
    with pytest.raises(SeglabError, match=r"expected the widths of VGG16 \(these\); classifier\.0 has \(8, 3, 7, 7\)"):
        vgg16.load({vgg16.FC6: nn.Conv2d(3, 2, kernel_size=7)}, expected="these")
