from collections import Counter
from functools import partial

import pytest
import torch
from torch import nn

from seglab.errors import SeglabError
from seglab.models.unet import UNet
from tests.exhaustive import few_of


class Marked(nn.Module):
    """Stands for a module of attention or context: remembers what it was made for, changes nothing."""

    def __init__(self, channels, *, activation):
        super().__init__()
        self.channels, self.act = channels, activation()
        self.layer = nn.Conv2d(1, 1, kernel_size=1)
        nn.init.constant_(self.layer.weight, 7)

    def forward(self, features):
        return features


class Gate(nn.Module):
    """Closes the skip."""

    def __init__(self, channels, *, gating_channels, activation):
        super().__init__()
        self.channels, self.gating_channels, self.act = channels, gating_channels, activation()

    def forward(self, skip, features):
        assert skip.shape[-2:] == features.shape[-2:]
        return 0 * skip


OPTIONS = {
    "in_channels": 3, "base": 4, "depth": 2, "bridge": None, "convs_per_step": 2, "skip": "concat", "up": "transposed",
    "bias": False, "block_attention": None, "skip_attention": None, "bottleneck": None, "activation": None,
}  # fmt: skip
UPS = ["transposed", "bilinear", "nearest"]
JOINTS = [(skip, up) for skip in ("concat", "add", "none") for up in UPS if (skip, up) != ("add", "nearest")]


def small(*, classes=5, **options):
    assert set(options) <= set(OPTIONS)
    torch.manual_seed(0)
    return UNet(classes, **{**OPTIONS, **options})


def parameters(**options):
    with torch.device("meta"):  # counts need no memory
        return sum(parameter.numel() for parameter in small(**options).parameters())


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
    assert parameters(classes=classes, base=base, depth=4, bias=bias) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"skip": "none"}, 1_734_067),
        ({"skip": "none", "classes": 8}, 1_733_704),
        ({"skip": "none", "base": 64}, 6_927_187),
        ({"skip": "none", "depth": 4}, 6_980_275),
        ({"skip": "add"}, 1_734_067),
        ({"skip": "concat"}, 1_927_603),
        ({"skip": "concat", "classes": 41}, 1_928_329),
        ({"up": "nearest", "bridge": 256}, 1_948_883),
        ({"up": "nearest", "bridge": 256, "classes": 41}, 1_949_609),
        ({"up": "nearest", "base": 16}, 488_307),
        ({"up": "nearest", "base": 64}, 7_786_899),
        # by hand: 27 * 4 + 8, 36 * 8 + 16 | 4 * 8 * 4 + 4, 36 * 8 + 8 | 4 * 19 + 19
        ({"base": 4, "depth": 1, "convs_per_step": 1}, 943),
        # the lowest step 6 wide instead of 8: 36 * 6 + 12 and 4 * 6 * 4 + 4 for the second and third of these
        ({"base": 4, "depth": 1, "convs_per_step": 1, "bridge": 6}, 835),
    ],
)
def test_parameter_counts_of_its_relatives(options, expected):
    assert parameters(**{"classes": 19, "base": 32, "depth": 3, **options}) == expected


@pytest.mark.parametrize(("skip", "up"), JOINTS)
@pytest.mark.parametrize("size", [(64, 96), (65, 97), (16, 31)])
def test_logits_are_as_large_as_the_image(skip, up, size):
    logits = small(depth=4, skip=skip, up=up)(torch.randn(2, 3, *size))
    assert logits.shape == (2, 5, *size)
    assert logits.isfinite().all()


@pytest.mark.parametrize(("skip", "up"), JOINTS)
def test_gradients_reach_every_parameter(skip, up):
    network = small(skip=skip, up=up, bias=True)
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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"up": "cubic"}, r"model\.up: expected transposed, bilinear or nearest; came 'cubic'"),
        ({"skip": "sum"}, r"model\.skip: expected concat, add or none; came 'sum'"),
        ({"skip": "add", "up": "nearest"}, r"model\.skip=add: expected an up-sampled map as wide as the skip; came"),
        (
            {"skip": "none", "skip_attention": Gate},
            r"model\.skip_attention: expected skips to gate; came model",
        ),
    ],
)
def test_joints_that_do_not_fit_are_refused(options, message):
    with pytest.raises(SeglabError, match=message):
        small(**options)


@pytest.mark.parametrize("option", ["block_attention", "skip_attention", "bottleneck"])
def test_a_name_is_no_factory(option):
    with pytest.raises(
        SeglabError, match=rf"model\.{option}: expected null or a class, as _target_ with .* came 'cbam'"
    ):
        small(**{option: "cbam"})


def test_skips_carry_what_the_lowest_step_cannot_see():
    """With every weight of the lowest up-sampling at zero, only skips can tell two images apart."""
    first, second = torch.randn(2, 1, 3, 16, 16)
    for skip, tells in (("concat", True), ("add", True), ("none", False)):
        network = small(skip=skip).eval()
        nn.init.zeros_(network.decoder[0].up.weight)
        with torch.no_grad():
            assert torch.equal(network(first), network(second)) is not tells


def test_options_stand_in_their_places():
    network = small(block_attention=Marked, skip_attention=Gate, bottleneck=Marked, activation=nn.SiLU)
    assert [step[-1].channels for step in network.encoder] == [4, 8, 16]
    assert [block.convolutions[-1].channels for block in network.decoder] == [8, 4]
    assert [(block.gate.channels, block.gate.gating_channels) for block in network.decoder] == [(8, 8), (4, 4)]
    assert network.bottleneck.channels == 16
    assert all(isinstance(module.act, nn.SiLU) for module in network.modules() if isinstance(module, Marked | Gate))
    nearest = small(up="nearest", skip_attention=Gate)
    assert [(block.gate.channels, block.gate.gating_channels) for block in nearest.decoder] == [(8, 16), (4, 8)]
    assert next(name for name, _ in network.named_children()) == "encoder"


def test_gate_decides_over_the_skip_alone():
    block = small(skip_attention=Gate).decoder[0]
    seen = []
    block.convolutions.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    block(torch.ones(1, 16, 4, 4), torch.ones(1, 8, 8, 8))
    assert (seen[0][:, :8] == 0).all()
    assert (seen[0][:, 8:] != 0).all()


def test_bottleneck_keeps_the_weights_it_drew():
    assert (small(bottleneck=Marked).bottleneck.layer.weight == 7).all()


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
@pytest.mark.parametrize(
    ("skip", "up", "backend"),
    # generating code takes most of the time, and is the compiler's own business: once
    few_of(
        [("concat", "transposed", "inductor"), ("add", "bilinear", "aot_eager"), ("none", "nearest", "aot_eager")],
        [("add", "bilinear", "aot_eager")],
    ),
)
def test_compiled_network_gives_the_same_logits(skip, up, backend):
    network, image = small(skip=skip, up=up).eval(), torch.randn(1, 3, 33, 32)
    torch.compiler.reset()  # recompilations of the same code are counted and limited
    compiled = torch.compile(network, fullgraph=True, backend=backend)
    with torch.no_grad():
        torch.testing.assert_close(compiled(image), network(image), rtol=1e-4, atol=1e-4)
