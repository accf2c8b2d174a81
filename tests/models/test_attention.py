import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import softmax

from seglab.errors import SeglabError
from seglab.models.attention import AttentionGate, Cbam, SelfAttention


def cbam(channels=8, *, reduction=4, kernel_size=7):
    torch.manual_seed(0)
    return Cbam(channels, reduction=reduction, kernel_size=kernel_size, activation=nn.ReLU)


def gate(channels=8, *, gating_channels=8, batch_norm=True):
    torch.manual_seed(0)
    return AttentionGate(channels, gating_channels=gating_channels, batch_norm=batch_norm, activation=nn.ReLU)


def attention(channels=8, *, heads=1, reduction=2, blank=False):
    torch.manual_seed(0)
    module = SelfAttention(channels, heads=heads, reduction=reduction, activation=nn.ReLU)
    if not blank:
        nn.init.normal_(module.output.weight)
    return module


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def softly(x):
    return 1 / (1 + torch.exp(-x))


@pytest.mark.parametrize(("channels", "expected"), [(64, 610), (256, 8_290), (512, 32_866)])
def test_cbam_has_the_papers_size(channels, expected):
    assert count(cbam(channels, reduction=16)) == expected
    assert count(cbam(channels, reduction=16, kernel_size=None)) == expected - 98
    assert count(cbam(channels, reduction=None)) == 98


def test_cbam_is_its_equations():
    module, features = cbam(), torch.randn(2, 8, 9, 10)
    first, _, second = module.of_channels.perceptron
    weights = 0
    for pooled in (features.flatten(2).mean(2), features.flatten(2).max(2).values):  # (B, C)
        weights = weights + torch.relu(pooled @ first.weight[:, :, 0, 0].T) @ second.weight[:, :, 0, 0].T
    expected = features * softly(weights)[:, :, None, None]
    summary = torch.stack([expected.mean(1), expected.max(1).values], dim=1)
    expected = expected * softly(module.of_positions.convolution(summary))
    torch.testing.assert_close(module(features), expected)


def test_halves_of_cbam_weigh_channels_or_positions():
    features = torch.rand(1, 8, 9, 10) + 1
    channels = cbam(reduction=1, kernel_size=None)(features) / features
    torch.testing.assert_close(channels, channels[..., :1, :1].expand_as(channels))
    positions = cbam(reduction=None)(features) / features
    torch.testing.assert_close(positions, positions[:, :1].expand_as(positions))
    assert channels.std() > 0
    assert positions.std() > 0


def test_cbam_of_few_channels_keeps_one_hidden():
    assert cbam(4, reduction=16).of_channels.perceptron[0].out_channels == 1


def test_cbam_refuses_what_makes_no_module():
    with pytest.raises(SeglabError, match="expected a reduction, a kernel_size or both; came null for both"):
        cbam(reduction=None, kernel_size=None)
    with pytest.raises(SeglabError, match=r"block_attention\.kernel_size: expected an odd number; came 4"):
        cbam(kernel_size=4)


@pytest.mark.parametrize(("channels", "expected"), [(64, 4_193), (256, 65_921), (512, 262_913)])
def test_attention_gate_has_half_the_channels_inside(channels, expected):
    assert count(gate(channels, gating_channels=channels, batch_norm=False)) == expected
    # BatchNorm has a scale and a shift where the convolution had a bias: twice C / 2 more, and one
    assert count(gate(channels, gating_channels=channels)) == expected + channels + 1


def test_attention_gate_is_its_equation():
    module, skip, features = gate(gating_channels=6, batch_norm=False), torch.randn(2, 8, 5, 4), torch.randn(2, 6, 5, 4)
    for layer in (module.of_skip, module.of_features, module.weight):
        nn.init.normal_(layer.bias)
    weights = torch.einsum("ic,bchw->bihw", module.of_skip.weight[:, :, 0, 0], skip)
    weights = weights + torch.einsum("ic,bchw->bihw", module.of_features.weight[:, :, 0, 0], features)
    weights = torch.relu(weights + (module.of_skip.bias + module.of_features.bias)[:, None, None])
    weights = torch.einsum("i,bihw->bhw", module.weight.weight[0, :, 0, 0], weights) + module.weight.bias
    torch.testing.assert_close(module(skip, features), skip * softly(weights)[:, None])


@pytest.mark.parametrize(
    ("channels", "single", "several"), [(64, 8_352, 16_640), (256, 131_712, 263_168), (512, 525_568, 1_050_624)]
)
def test_self_attention_has_the_published_sizes(channels, single, several):
    assert count(attention(channels, heads=1, reduction=2)) == single
    assert count(attention(channels, heads=4, reduction=1)) == several


def test_self_attention_begins_as_no_attention():
    features = torch.randn(2, 8, 3, 4)
    assert torch.equal(attention(blank=True)(features), features)
    assert not torch.equal(attention()(features), features)


def test_self_attention_is_its_equation():
    module, features = attention(), torch.randn(2, 8, 3, 5)
    queries, keys, values = module.queries_keys_values(features).flatten(2).chunk(3, dim=1)  # (B, 4, 15)
    weights = softmax(queries.transpose(1, 2) @ keys / 4**0.5, dim=2)  # over the keys; 4 wide
    gathered = (values @ weights.transpose(1, 2)).unflatten(2, (3, 5))
    torch.testing.assert_close(module(features), features + module.output(gathered))


def test_heads_are_those_of_torch():
    module, features = attention(heads=2, reduction=1), torch.randn(2, 8, 3, 5)
    reference = nn.MultiheadAttention(8, num_heads=2, batch_first=True)
    with torch.no_grad():
        reference.in_proj_weight.copy_(module.queries_keys_values.weight[:, :, 0, 0])
        reference.in_proj_bias.copy_(module.queries_keys_values.bias)
        reference.out_proj.weight.copy_(module.output.weight[:, :, 0, 0])
    tokens = features.flatten(2).transpose(1, 2)
    expected, _ = reference(tokens, tokens, tokens)
    expected = features + expected.transpose(1, 2).unflatten(2, (3, 5))
    torch.testing.assert_close(module(features), expected)
    channels_last = features.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(module(channels_last), expected)


@pytest.mark.parametrize(("heads", "reduction"), [(3, 1), (8, 2), (1, 16)])
def test_width_that_heads_cannot_share_is_refused(heads, reduction):
    with pytest.raises(SeglabError, match=r"model\.bottleneck\.heads: expected a divisor of the width inside, 8 // "):
        attention(heads=heads, reduction=reduction)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_self_attention_needs_no_matrix_of_all_pairs(memory_format):
    features = torch.randn(2, 8, 6, 7).contiguous(memory_format=memory_format)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):  # raises where the layout rules the fused kernel out
        assert attention(heads=2)(features).shape == features.shape
