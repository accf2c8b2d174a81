from collections import Counter
from functools import partial

import pytest
import torch
from torch import nn

from seglab.errors import SeglabError
from seglab.models.unet import UNet


def small(*, classes=5, base=4, depth=2, up="transposed", bias=False, activation=None):
    torch.manual_seed(0)
    return UNet(classes, in_channels=3, base=base, depth=depth, up=up, bias=bias, activation=activation)


@pytest.mark.parametrize(
    ("base", "classes", "bias", "expected"),
    [
        (64, 19, True, 31_044_691),
        (64, 3, True, 31_043_651),
        (64, 20, True, 31_044_756),
        (64, 34, True, 31_045_666),
        (64, 19, False, 31_038_803),
        (32, 19, False, 7_763_635),
        (16, 19, False, 1_942_883),
        (16, 8, False, 1_942_696),
    ],
)
def test_parameter_counts_are_the_published_ones(base, classes, bias, expected):
    with torch.device("meta"):  # counts need no memory
        network = small(classes=classes, base=base, depth=4, bias=bias)
    assert sum(parameter.numel() for parameter in network.parameters()) == expected


@pytest.mark.parametrize("up", ["transposed", "bilinear"])
@pytest.mark.parametrize("size", [(64, 96), (65, 97), (16, 31)])
def test_logits_are_as_large_as_the_image(up, size):
    logits = small(depth=4, up=up)(torch.randn(2, 3, *size))
    assert logits.shape == (2, 5, *size)
    assert logits.isfinite().all()


@pytest.mark.parametrize("up", ["transposed", "bilinear"])
def test_gradients_reach_every_parameter(up):
    network = small(up=up, bias=True)
    # Summed with random factors: BatchNorm and the plain sum would cancel some gradients exactly.
    logits = network(torch.randn(2, 3, 17, 16))
    (logits * torch.randn_like(logits)).sum().backward()
    dead = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert dead == []


@pytest.mark.parametrize("factory", [nn.SiLU, partial(nn.LeakyReLU, negative_slope=0.2), nn.PReLU])
def test_activation_stands_in_every_place(factory):
    network = small(depth=4, activation=factory)
    made = Counter(type(module) for module in network.modules())
    assert made[type(factory())] == 4 * 4 + 2
    assert made[nn.ReLU] == 0


def test_relu_is_the_default_and_one_module_a_place():
    relus = [module for module in small(depth=4).modules() if isinstance(module, nn.ReLU)]
    assert len(relus) == 18
    assert all(relu.inplace for relu in relus)


def test_initial_weights_have_the_papers_spread():
    network = small(base=32, depth=2)
    second = network.encoder[1][3]  # 3x3, 64 -> 64
    up = network.decoder[0].up  # 2x2 transposed, 128 -> 64: each output sees 128 values
    assert second.weight.std().item() == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.03)
    assert up.weight.std().item() == pytest.approx((2 / 128) ** 0.5, rel=0.03)
    assert up.bias.abs().sum() == 0
    leaky = small(base=32, depth=2, activation=partial(nn.LeakyReLU, negative_slope=1.0)).encoder[1][3]
    assert leaky.weight.std().item() == pytest.approx((1 / (9 * 64)) ** 0.5, rel=0.03)


def test_bilinear_order_changes_cost_and_not_the_result():
    convolution, upsample = small(up="bilinear").decoder[0].up
    nn.init.normal_(convolution.bias)
    features = torch.randn(1, 16, 5, 6)
    torch.testing.assert_close(upsample(convolution(features)), convolution(upsample(features)))


def test_odd_edges_of_the_up_sampled_map_are_zero():
    block = small().decoder[0]
    seen = []
    block.convolutions.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    block(torch.ones(2, 16, 3, 4), torch.ones(2, 8, 7, 9))
    up_sampled = seen[0][:, 8:]  # behind the skip's 8 channels
    assert (up_sampled[:, :, 6:] == 0).all()
    assert (up_sampled[:, :, :, 8:] == 0).all()
    assert (up_sampled[:, :, :6, :8] != 0).any()
    assert (seen[0][:, :8] == 1).all()


def test_unknown_up_sampling_is_refused():
    with pytest.raises(SeglabError, match=r"model\.up: expected transposed or bilinear; came 'nearest'"):
        small(up="nearest")


def test_evaluation_repeats_and_state_dict_carries_the_logits():
    network, image = small().eval(), torch.randn(2, 3, 32, 32)
    other = small(bias=False).eval()
    nn.init.normal_(other.head.weight)
    with torch.no_grad():
        first = network(image)
        assert torch.equal(first, network(image))
        assert not torch.equal(first, other(image))
        other.load_state_dict(network.state_dict())
        assert torch.equal(first, other(image))


def test_image_is_left_as_it_was():
    image = torch.randn(2, 3, 16, 16)
    before = image.clone()
    small()(image)
    assert torch.equal(image, before)


def test_bfloat16_autocast_trains_and_stays_near():
    network, image = small(activation=nn.SiLU), torch.randn(2, 3, 32, 32)
    exact = network(image)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(image)
    assert logits.dtype == torch.bfloat16
    assert (logits.float() - exact).abs().mean() < 0.1 * exact.abs().mean()  # 8 bits of mantissa, 11 layers
    logits.float().square().mean().backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("up", ["transposed", "bilinear"])
def test_compiled_network_gives_the_same_logits(up):
    network, image = small(up=up).eval(), torch.randn(1, 3, 33, 32)
    compiled = torch.compile(network)
    with torch.no_grad():
        torch.testing.assert_close(compiled(image), network(image), rtol=1e-4, atol=1e-4)
