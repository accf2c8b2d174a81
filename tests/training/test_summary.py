import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from seglab.training.summary import complexity, headline, summary_sheet


class Two(nn.Module):
    def __init__(self, looks_at_values=False):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU())
        self.head = nn.Conv2d(4, 2, 1)
        self.looks_at_values = looks_at_values

    def forward(self, image):
        if self.looks_at_values and image.sum() > 0:
            image = image + 1
        return self.head(self.encoder(image))


def test_counts_by_hand():
    network = complexity(Two(), size=(10, 12), divisor=4)
    pixels = 12 * 12  # padded to multiples of 4
    assert network.size == (12, 12)
    assert network.parameters == network.trainable == 3 * 4 * 9 + 2 * 4 + 4 * 2 + 2
    assert network.flops == 2 * pixels * (3 * 9 * 4 + 4 * 2)
    shapes = {part.path: part.shape for part in network.parts}
    assert shapes == {"encoder": (4, 12, 12), "encoder.0": (4, 12, 12), "encoder.1": (4, 12, 12), "head": (2, 12, 12)}


def test_equals_what_a_real_call_counts():
    network = Two()
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, 32, 64))
    assert complexity(network, size=(32, 64)).flops == counter.get_total_flops()


def test_leaves_the_network_as_it_was():
    network = Two().train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    complexity(network, size=(32, 64))
    assert network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert all(parameter.device.type == "cpu" for parameter in network.parameters())
    assert not any(module._forward_hooks for module in network.modules())


def test_a_network_that_looks_at_values_has_no_count_and_no_error():
    network = complexity(Two(looks_at_values=True), size=(32, 64))
    assert network.flops is None
    assert all(part.shape is None for part in network.parts)
    assert headline(network) == "126 parameters"


def test_sheet_says_shapes_and_frozen_parts():
    network = Two()
    network.encoder.requires_grad_(False)
    sheet = summary_sheet(complexity(network, size=(32, 64)))
    assert [row[2].text for row in sheet.rows] == ["4 x 32 x 64"] * 3 + ["2 x 32 x 64"]
    assert sheet.rows[-1][3].exact == "10"
    assert "126 parameters (10 trainable)" in sheet.notes[0]
    assert "GFLOPs an image of 32x64" in sheet.notes[0]


def test_attention_is_counted():
    class Attention(nn.Module):
        def forward(self, image):
            tokens = image.flatten(2).transpose(1, 2)
            return nn.functional.scaled_dot_product_attention(tokens[:, None], tokens[:, None], tokens[:, None])

    tokens = 8 * 8
    assert complexity(Attention(), size=(8, 8)).flops == pytest.approx(2 * 2 * tokens * tokens * 3)
