import pytest
import torch
from torch import nn

from seglab.errors import SeglabError
from seglab.models.enet import ENet


def small(*, activation=None, in_channels=3):
    torch.manual_seed(0)
    return ENet(11, in_channels=in_channels, dropout=[0.01, 0.1], activation=activation)


def test_the_papers_count_holds_the_classifier_that_trains_the_encoder():
    with torch.device("meta"):
        network = ENet(19, in_channels=3, dropout=[0.01, 0.1], activation=None)
    count = sum(parameter.numel() for parameter in network.parameters()) + 128 * 19 + 19
    assert round(count / 1e6, 2) == 0.37


def test_blocks_are_those_of_table_1():
    coarse = [block.extension[3] for block in small().encoder.stages[1]]
    kinds = ["pair" if isinstance(middle, nn.Sequential) else middle.dilation[0] for middle in coarse]
    assert kinds == [1, 2, "pair", 4, 1, 8, "pair", 16] * 2
    assert [step.kernel_size for step in coarse[2]] == [(1, 5), (5, 1)]


def test_dropout_stands_in_the_encoder_alone():
    rates = {name.partition(".")[0]: set() for name, _ in small().named_children()}
    for name, module in small().named_modules():
        if isinstance(module, nn.Dropout2d):
            rates[name.partition(".")[0]].add(module.p)
    assert rates == {"encoder": {0.01, 0.1}, "ups": {0.0}, "behind_ups": {0.0}, "head": set()}


def test_values_return_to_where_the_maxima_stood():
    network, image = small().eval(), torch.randn(1, 3, 32, 48)
    pooled_of, unpooled = [], []
    for down in network.encoder.downs:
        down.register_forward_pre_hook(lambda _, given: pooled_of.append(given[0]))
    for up in network.ups:
        up.extension.register_forward_hook(lambda _, given, output: torch.zeros_like(output))  # the main path alone
        up.activation.register_forward_pre_hook(lambda _, given: unpooled.append(given[0].clone()))
    with torch.inference_mode():
        network(image)
    for maps, raised in zip(reversed(pooled_of), unpooled, strict=True):
        maxima = nn.functional.max_pool2d(maps, 2).repeat_interleave(2, 2).repeat_interleave(2, 3)
        assert raised.shape == maps.shape
        assert ((maps == maxima) | (raised == 0)).all()  # nothing where a pixel lost
        assert (raised != 0).float().mean() == pytest.approx(0.25, abs=0.01)  # one of every four


def test_slopes_are_learnt_in_the_encoder_alone():
    network = small()
    slopes = {name.partition(".")[0] for name, module in network.named_modules() if isinstance(module, nn.PReLU)}
    assert slopes == {"encoder"}
    assert network.encoder.behind[1].num_parameters == 16  # one for each map
    assert not any(isinstance(module, nn.PReLU | nn.ReLU) for module in small(activation=nn.SiLU).modules())


def test_more_channels_than_maps_are_refused():
    with pytest.raises(SeglabError, match="expected fewer than the 16 maps that ENet begins with; came 16"):
        small(in_channels=16)
