from collections import Counter
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.functional import relu

from seglab.errors import SeglabError
from seglab.models.activation import build_with_activation, kaiming_gain, replace_activations
from seglab.models.unet import UNet


class Parts(nn.Module):
    """An encoder of three activations (one of them under two names), a decoder of one, a gate, a head."""

    def __init__(self):
        super().__init__()
        shared = nn.ReLU(inplace=True)
        self.encoder = nn.ModuleDict({"first": shared, "again": shared, "gelu": nn.GELU(), "prelu": nn.PReLU()})
        self.decoder = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Hardswish())
        self.gate = nn.Sequential(nn.Sigmoid(), nn.Tanh(), nn.Softmax(dim=1), nn.Identity())

    def forward(self, image):
        features = self.encoder["again"](self.encoder["first"](image))
        return self.decoder(self.encoder["prelu"](self.encoder["gelu"](features)))


class CallsFunctions(nn.Module):
    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU()

    def forward(self, image):
        return F.relu(image)


class CallsMethod(nn.Module):
    def forward(self, image):
        return self._inner(image)

    def _inner(self, image):
        return (image + 1).relu()


class CallsBareName(nn.Module):
    def forward(self, image):
        return relu(image)


class CallsModuleOnly(CallsFunctions):
    def forward(self, image):
        return self.relu(image)


class HoldsFunction(nn.Module):
    def __init__(self):
        super().__init__()
        self.function = F.gelu

    def forward(self, image):
        return self.function(image)


def kinds(module):
    return Counter(type(m).__name__ for m in module.modules())


def test_every_hidden_activation_is_replaced_and_gates_stay():
    network = Parts()
    report = replace_activations(network, nn.SiLU, scope="all")
    assert report.replaced == {"ReLU": 1, "GELU": 1, "PReLU": 1, "Hardswish": 1}
    assert report.kept == {}
    assert kinds(network)["SiLU"] == 4
    assert [type(m) for m in network.gate] == [nn.Sigmoid, nn.Tanh, nn.Softmax, nn.Identity]
    image = torch.randn(1, 3, 4, 4)
    torch.testing.assert_close(network(image), F.silu(network.decoder[0](F.silu(F.silu(F.silu(F.silu(image)))))))


def test_shared_module_stays_shared():
    network = Parts()
    replace_activations(network, nn.PReLU, scope="all")
    assert network.encoder["first"] is network.encoder["again"]
    assert isinstance(network.encoder["again"], nn.PReLU)
    prelus = [m for m in network.modules() if isinstance(m, nn.PReLU)]
    assert len({id(m.weight) for m in prelus}) == len(prelus) == 4  # one parameter each


def test_scopes_divide_the_network():
    whole = Parts()
    encoder = replace_activations(whole, nn.Mish, scope="encoder")
    assert encoder.replaced == {"ReLU": 1, "GELU": 1, "PReLU": 1}
    assert encoder.kept == {"Hardswish": 1}
    assert isinstance(whole.decoder[1], nn.Hardswish)
    whole = Parts()
    decoder = replace_activations(whole, nn.Mish, scope="decoder")
    assert decoder.replaced == {"Hardswish": 1}
    assert decoder.kept == {"ReLU": 1, "GELU": 1, "PReLU": 1}
    assert isinstance(whole.encoder["first"], nn.ReLU)


def test_in_place_only_where_the_old_one_was():
    network = Parts()
    replace_activations(network, partial(nn.ReLU, inplace=True), scope="all")
    assert network.encoder["first"].inplace
    assert not network.encoder["gelu"].inplace
    network = Parts()
    replace_activations(network, nn.SiLU, scope="all")
    assert not network.encoder["first"].inplace


def test_training_mode_is_carried_over():
    network = Parts().eval()
    replace_activations(network, nn.RReLU, scope="all")
    image = torch.randn(1, 3, 4, 4)
    assert torch.equal(network(image), network(image))


@pytest.mark.parametrize(
    ("part", "named"),
    [
        (CallsFunctions, True),
        (CallsMethod, True),
        (CallsBareName, True),
        (HoldsFunction, True),
        (CallsModuleOnly, False),
    ],
)
def test_functional_calls_are_named(part, named):
    network = nn.ModuleDict({"part": part(), "act": nn.ReLU()})
    report = replace_activations(network, nn.SiLU, scope="all")
    assert report.functional == (("part",) if named else ())
    assert ("NOT replaced in 1 modules that call it as a function (part)" in report.line()) == named


def test_line_says_what_happened():
    line = replace_activations(Parts(), nn.Mish, scope="encoder").line()
    assert line == "activation Mish (scope encoder): replaced 1 GELU, 1 PReLU, 1 ReLU; kept 1 Hardswish"


def test_nothing_to_replace_is_an_error():
    network = nn.Sequential(nn.Conv2d(3, 3, 1), CallsMethod())
    with pytest.raises(SeglabError, match=r"came none \(it calls functions in 1\).*activation=native"):
        replace_activations(network, nn.SiLU, scope="all")


def test_unknown_scope_and_missing_encoder_are_errors():
    with pytest.raises(SeglabError, match=r"expected all, encoder or decoder; came 'head'"):
        replace_activations(Parts(), nn.SiLU, scope="head")
    with pytest.raises(SeglabError, match=r"to have a part encoder or backbone; came 0; use activation\.scope=all"):
        replace_activations(nn.Sequential(nn.ReLU()), nn.SiLU, scope="decoder")


unet = partial(
    UNet, 5, in_channels=3, base=4, depth=4, bridge=None, convs_per_step=2, skip="concat", up="transposed", bias=False,
    block_attention=None, skip_attention=None, bottleneck=None, activation=None,
)  # fmt: skip


def test_constructor_argument_is_used_where_there_is_one():
    network, report = build_with_activation(unet, factory=nn.SiLU, scope="all", has_argument=True)
    assert report.built == {"SiLU": 18}
    assert report.line() == "activation SiLU (scope all): built with 18 SiLU"
    assert kinds(network)["ReLU"] == 0


def test_part_of_a_network_with_an_argument():
    network, report = build_with_activation(unet, factory=nn.SiLU, scope="decoder", has_argument=True)
    assert report.replaced == {"ReLU": 8}
    assert kinds(network.encoder)["ReLU"] == 10
    assert kinds(network.decoder)["SiLU"] == 8


def test_native_keeps_and_counts():
    network, report = build_with_activation(Parts, factory=None, scope="decoder", has_argument=False)
    assert kinds(network)["ReLU"] == 1
    assert report.line() == "activation native (scope all): kept 1 GELU, 1 Hardswish, 1 PReLU, 1 ReLU"


@pytest.mark.parametrize(
    ("factory", "gain"),
    [
        (nn.ReLU, 2**0.5),
        (nn.SiLU, 2**0.5),
        (nn.GELU, 2**0.5),
        (nn.Mish, 2**0.5),
        (partial(nn.LeakyReLU, negative_slope=0.5), (2 / 1.25) ** 0.5),
        (nn.Hardswish, 2**0.5),
        (nn.PReLU, (2 / 1.0625) ** 0.5),
        (nn.Identity, 1.0),
        (nn.SELU, 1.0),  # arXiv 1706.02515: its fixed point has mean square 1
        (partial(nn.ELU, alpha=0.0), 2**0.5),
        (partial(nn.ELU, inplace=True), 1.2451),  # 1 / sqrt(1/2 + e^2 P(z < -2) - 2 e^(1/2) P(z < -1) + P(z < 0))
        (partial(nn.Threshold, 9.0, 0.0), 1.0),
    ],
)
def test_gain(factory, gain):
    assert kaiming_gain(factory) == pytest.approx(gain, abs=1e-4)


@pytest.fixture(scope="module")
def smp():
    return pytest.importorskip("segmentation_models_pytorch")


@pytest.mark.parametrize(
    ("name", "encoder", "replaced", "in_decoder"),
    [
        ("Unet", "resnet18", {"ReLU": 19}, {"ReLU": 10}),
        ("DeepLabV3Plus", "resnet18", {"ReLU": 18}, {"ReLU": 9}),
        ("Segformer", "mit_b0", {"GELU": 8, "ReLU": 1}, {"ReLU": 1}),
        ("Unet", "timm-efficientnet-b0", {"Swish": 49, "ReLU": 10}, {"ReLU": 10}),
    ],
)
def test_library_networks(smp, name, encoder, replaced, in_decoder):
    build = partial(getattr(smp, name), encoder_name=encoder, encoder_weights=None, classes=3)
    network, report = build_with_activation(build, factory=nn.Mish, scope="all", has_argument=False)
    part = replace_activations(build(), nn.Mish, scope="decoder")
    assert report.replaced == replaced
    assert report.functional == ()
    assert kinds(network)["Mish"] == sum(replaced.values())
    assert part.replaced == in_decoder


def test_output_of_a_library_head_is_not_hidden(smp):
    with torch.device("meta"):
        network = smp.Unet("resnet18", encoder_weights=None, activation=nn.ReLU, decoder_attention_type="scse")
        report = replace_activations(network, nn.SiLU, scope="all")
    assert type(network.segmentation_head[2].activation) is nn.ReLU
    assert report.replaced == {"ReLU": 19 + 10}  # the squeezed one of two attention blocks in each of five stages
    assert kinds(network)["Sigmoid"] == 20


def test_library_argument_of_the_same_name_is_refused(smp):
    build = partial(smp.Unet, "resnet18", encoder_weights=None, activation=None)
    with torch.device("meta"), pytest.raises(SeglabError, match="expected Unet to use SiLU in its hidden places; came"):
        build_with_activation(build, factory=nn.SiLU, scope="all", has_argument=True)


def test_functional_calls_of_a_library_encoder(smp):
    with torch.device("meta"):
        network = smp.Unet("dpn68", encoder_weights=None)
        report = replace_activations(network, nn.SiLU, scope="all")
        decoder = replace_activations(network, nn.SiLU, scope="decoder")
    assert report.functional == ("encoder",)
    assert decoder.functional == ()


@pytest.mark.parametrize(("name", "encoder"), [("Unet", "resnet18"), ("DeepLabV3Plus", "resnet18")])
def test_replacing_relu_by_relu_changes_no_logit(smp, name, encoder):
    """An in-place ReLU that becomes one which is not (or the reverse) must not be felt elsewhere in the network."""
    torch.manual_seed(0)
    network = getattr(smp, name)(encoder_name=encoder, encoder_weights=None, classes=3).eval()
    image = torch.randn(1, 3, 32, 64)
    with torch.no_grad():
        before = network(image)
        replace_activations(network, nn.ReLU, scope="all")
        assert torch.equal(network(image), before)
        replace_activations(network, nn.SiLU, scope="all")
        assert not torch.equal(network(image), before)
