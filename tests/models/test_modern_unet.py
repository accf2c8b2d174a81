from collections import Counter
from functools import partial

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import nn

from seglab import config
from seglab.errors import SeglabError
from seglab.models.activation import replace_activations
from seglab.models.modern_unet import ModernUNet, _Attention, _centred
from tests.composed import compose

BOTH = [(3, "grid"), (2, "grid"), (2, "centre"), (3, "centre")]


def small(
    classes=3, *, hidden=8, multipliers=(1, 2), blocks=1, groups=1, final_groups=2, down_kernel=3, alignment="grid",
    attention="key", attention_norm=True, activation=None,
):  # fmt: skip
    torch.manual_seed(0)
    return ModernUNet(
        classes, in_channels=3, hidden=hidden, multipliers=multipliers, blocks=blocks, groups=groups,
        final_groups=final_groups, down_kernel=down_kernel, alignment=alignment, attention=attention,
        attention_norm=attention_norm, activation=activation,
    )  # fmt: skip


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("classes", "hidden", "multipliers", "down_kernel", "expected"),
    [
        (19, 32, (1, 1, 2, 2), 3, 3_125_683),
        (19, 32, (1, 1, 2, 2), 2, 3_094_963),
        (34, 32, (1, 1, 2, 2), 3, 3_126_178),
        (34, 32, (1, 1, 2, 2), 2, 3_095_458),
        (19, 64, (1, 1, 2, 2), 3, 12_477_267),
        (19, 64, (1, 2, 2, 4), 3, 148_493_843),
        (19, 64, (1, 2, 3, 4), 3, 329_813_267),
    ],
)
def test_parameter_counts_are_the_published_ones(classes, hidden, multipliers, down_kernel, expected):
    options = {"hidden": hidden, "multipliers": multipliers, "blocks": 2, "final_groups": 8, "down_kernel": down_kernel}
    lowest = hidden * torch.tensor(multipliers).prod().item()
    with torch.device("meta"):  # counts need no memory
        assert count(small(classes, **options)) == expected
        assert count(small(classes, **options, attention_norm=False)) == expected - 2 * lowest


@pytest.mark.parametrize(("model", "expected"), [("modern_unet", 3_125_683), ("modern_unet_k2", 3_094_963 - 256)])
def test_configs_are_right(model, expected):
    config.register()
    cfg = compose("train", overrides=[f"model={model}", "data.labels=cityscapes_19"])
    config.check(cfg)
    node = OmegaConf.to_container(cfg.model, resolve=True)
    node.pop("size_divisor")
    with torch.device("meta"):
        assert count(instantiate({**node, "activation": None}, _convert_="all")) == expected


@pytest.mark.parametrize(("down_kernel", "alignment"), BOTH)
@pytest.mark.parametrize("size", [(64, 96), (65, 97), (1, 3)])
def test_logits_are_as_large_as_the_image(down_kernel, alignment, size):
    network = small(multipliers=(1, 1, 2, 2), down_kernel=down_kernel, alignment=alignment)
    logits = network(torch.randn(1, 3, *size))
    assert logits.shape == (1, 3, *size)
    assert logits.isfinite().all()


@pytest.mark.parametrize("attention", ["key", "query", "none"])
@pytest.mark.parametrize("attention_norm", [True, False])
@pytest.mark.parametrize(("down_kernel", "alignment"), BOTH)
def test_gradients_reach_every_parameter(attention, attention_norm, down_kernel, alignment):
    network = small(
        attention=attention, attention_norm=attention_norm, down_kernel=down_kernel, alignment=alignment, blocks=2
    )
    logits = network(torch.randn(1, 3, 17, 16))
    (logits * torch.randn_like(logits)).sum().backward()
    dead = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert dead == []


def test_widths_and_sizes_are_the_sources():
    """256x512 with kernel 2: 129x257, 65x129, 33x65, then 66, 132 and 264 rows; kernel 3 halves exactly."""
    with torch.device("meta"):
        networks = {
            key: small(multipliers=(1, 1, 2, 2), hidden=32, down_kernel=key[0], alignment=key[1]) for key in BOTH
        }
        image = torch.zeros(1, 3, 256, 512)
    expected = {
        (3, "grid"): ([(128, 256), (64, 128), (32, 64)], [(64, 128), (128, 256), (256, 512)]),
        (3, "centre"): ([(128, 256), (64, 128), (32, 64)], [(64, 128), (128, 256), (256, 512)]),
        (2, "grid"): ([(129, 257), (65, 129), (33, 65)], [(65, 129), (129, 257), (256, 512)]),
        (2, "centre"): ([(129, 257), (65, 129), (33, 65)], [(66, 130), (132, 260), (264, 520)]),
    }
    for key, network in networks.items():
        features, skips = network.encoder(image)
        assert features.shape[1] == 128
        assert [skip.shape[1] for skip in skips] == [32, 32, 32, 32, 32, 64, 64, 128]
        downs = [tuple(skip.shape[-2:]) for skip in skips[2::2]]
        ups = []
        for level in network.decoder.levels[1:]:
            level[0].register_forward_pre_hook(lambda _, inputs, ups=ups: ups.append(tuple(inputs[0].shape[-2:])))
        assert network(image).shape[-2:] == (256, 512)
        assert (downs, ups) == expected[key]


@pytest.mark.parametrize("down_kernel", [2, 3])
def test_grid_puts_each_cell_back_on_its_pixels(down_kernel):
    """A cell made of pixels centred at c comes back centred at c (kernel 2), or half a pixel behind (kernel 3)."""
    network = small(hidden=2, multipliers=(1, 1), down_kernel=down_kernel).double()
    down, up, first = network.encoder.downs[0], network.decoder.ups[0], network.decoder.first
    for layer in (down, up):
        nn.init.ones_(layer.weight)
        nn.init.zeros_(layer.bias)
    image = torch.zeros(1, 2, 31, 31, dtype=torch.double, requires_grad=True)
    cells, places = down(image), torch.arange(31)
    for cell in (4, 7):
        (made_of,) = torch.autograd.grad(cells[0, 0, cell, cell], image, retain_graph=True)
        lit = torch.zeros_like(cells)
        lit[0, 0, cell, cell] = 1
        back = up(lit)[0, 0, first : first + 31, first : first + 31]
        there, here = ((mass.sum(0) * places).sum() / mass.sum() for mass in (made_of[0, 0], back))
        assert (here - there).item() == pytest.approx({2: 0.0, 3: 0.5}[down_kernel])


@pytest.mark.parametrize(("size", "pads"), [(65, (1, 0)), (63, (2, 1)), (64, (1, 1)), (67, (0, -1)), (69, (-1, -2))])
def test_centring_is_the_sources(size, pads):
    """Rounded as the source's `_crop_Nd` rounds (size' - size) / 2, plus 0.001 in front and minus 0.001 behind."""
    target = 66
    assert pads == (round((target - size) / 2 + 0.001), round((target - size) / 2 - 0.001))
    row = torch.arange(1.0, size + 1)
    before, after = pads
    expected = torch.cat(
        [torch.zeros(max(before, 0)), row[max(-before, 0) : size - max(-after, 0)], torch.zeros(max(after, 0))]
    )
    moved = _centred(row[None, None, None], torch.zeros(1, 1, 1, target))
    assert torch.equal(moved[0, 0, 0], expected)


@pytest.mark.parametrize(("softmax", "axis"), [("key", 2), ("query", 1)])
def test_attention_is_the_sources_but_for_the_axis(softmax, axis):
    torch.manual_seed(0)
    attention, features = _Attention(6, norm=nn.Identity(), softmax=softmax), torch.randn(2, 6, 3, 4)
    x = features.view(2, 6, -1).permute(0, 2, 1)
    query, key, value = attention.projection(x).chunk(3, dim=-1)
    weights = (torch.einsum("bid,bjd->bij", query, key) * 6**-0.5).softmax(dim=axis)
    gathered = attention.output(torch.einsum("bij,bjd->bid", weights, value)) + x
    torch.testing.assert_close(attention(features), gathered.permute(0, 2, 1).view(2, 6, 3, 4))


@pytest.mark.parametrize("size", [(32, 48), (33, 50)])
def test_faithful_variant_computes_what_the_source_computes(size):
    """Its forward pass in its own order: every map is pushed, every up-block pops one, sized by `_crop_Nd`."""
    network = small(
        multipliers=(1, 1, 2), blocks=2, down_kernel=2, alignment="centre", attention="query", attention_norm=False
    )
    encoder, decoder = network.encoder, network.decoder

    def cropped(maps, like):
        pads = []
        for axis in (-1, -2):
            half = (like.shape[axis] - maps.shape[axis]) / 2
            pads += [round(half + 0.001), round(half - 0.001)]
        return nn.functional.pad(maps, pads)

    image = torch.randn(1, 3, *size)
    h = encoder.stem(image)
    pushed = [h]
    for level, residuals in enumerate(encoder.levels):
        for step in ([encoder.downs[level - 1]] if level else []) + list(residuals):
            h = step(h)
            pushed.append(h)
    h = encoder.middle(h)
    for level, residuals in enumerate(decoder.levels):
        h = decoder.ups[level - 1](h) if level else h
        for residual in residuals:
            h = residual(torch.cat((h, cropped(pushed.pop(), h)), dim=1))
    norm, activation, final, output = network.head
    expected = output(cropped(final(activation(norm(h))), image))
    assert pushed == []
    torch.testing.assert_close(network(image), expected)


def test_attention_norm_is_applied_and_the_axes_differ():
    image = torch.randn(1, 3, 16, 16)
    networks = {
        (softmax, norm): small(attention=softmax, attention_norm=norm, hidden=4, final_groups=1).eval()
        for softmax in ("key", "query") for norm in (True, False)
    }  # fmt: skip
    common = networks["key", False].state_dict()
    with torch.no_grad():
        for network in networks.values():
            network.load_state_dict(common, strict=False)
        logits = [network(image) for network in networks.values()]
    for index, one in enumerate(logits):
        assert not any(torch.allclose(one, other, atol=1e-4) for other in logits[index + 1 :])


def test_multipliers_of_one_stack_blocks_of_one_width():
    network = small(multipliers=(1, 1), blocks=3, attention="none")
    assert {module.out_channels for module in network.encoder.modules() if isinstance(module, nn.Conv2d)} == {8}
    assert [len(level) for level in network.encoder.levels] == [3, 3]
    assert [len(level) for level in network.decoder.levels] == [4, 4]


@pytest.mark.parametrize("factory", [nn.SiLU, partial(nn.LeakyReLU, negative_slope=0.2), nn.PReLU])
def test_activation_stands_in_every_place(factory):
    with torch.device("meta"):
        network = small(multipliers=(1, 1, 2, 2), blocks=2, activation=factory)
    made = Counter(type(module) for module in network.modules())
    assert made[type(factory())] == 45  # 22 residual blocks, 2 each, and the last
    assert made[nn.GELU] == 0


def test_gelu_is_the_default_and_scopes_part_it():
    options = {"multipliers": (1, 1, 2, 2), "blocks": 2}
    with torch.device("meta"):
        assert Counter(type(module) for module in small(**options).modules())[nn.GELU] == 45
        assert replace_activations(small(**options), nn.ReLU, scope="encoder").replaced == {"GELU": 20}
        assert replace_activations(small(**options), nn.ReLU, scope="decoder").replaced == {"GELU": 25}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"down_kernel": 4}, r"model\.down_kernel: expected one of 2, 3; came 4"),
        ({"alignment": "left"}, r"model\.alignment: expected one of grid, centre; came 'left'"),
        ({"attention": "both"}, r"model\.attention: expected one of key, query, none; came 'both'"),
        ({"hidden": 6, "final_groups": 4}, r"model\.hidden: expected a multiple of groups \(1\) and of final_groups"),
    ],
)
def test_wrong_options_are_refused(change, message):
    with pytest.raises(SeglabError, match=message):
        small(**change)


def test_a_repeated_batch_is_learnt():
    network = small()
    image, mask = torch.randn(1, 3, 16, 16), torch.randint(0, 3, (1, 16, 16))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(5):
        loss = nn.functional.cross_entropy(network(image), mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("attention", ["key", "query"])
def test_bfloat16_autocast_trains_and_stays_near(attention):
    network, image = small(attention=attention), torch.randn(2, 3, 33, 32)
    exact = network(image)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(image)
    assert logits.dtype == torch.bfloat16
    assert (logits.float() - exact).abs().mean() < 0.1 * exact.abs().mean()
    logits.float().square().mean().backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


def test_channels_last_and_state_dict_keep_the_logits():
    network, image = small().eval(), torch.randn(1, 3, 20, 24)
    other = small().eval().to(memory_format=torch.channels_last)
    for parameter in other.parameters():
        nn.init.normal_(parameter)
    other.load_state_dict(network.state_dict())
    with torch.no_grad():
        logits = other(image.contiguous(memory_format=torch.channels_last))
        torch.testing.assert_close(logits, network(image), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("attention", "alignment"), [("key", "grid"), pytest.param("query", "centre", marks=pytest.mark.exhaustive)]
)
def test_captured_network_gives_the_same_logits(attention, alignment):
    network = small(attention=attention, alignment=alignment, down_kernel=2).eval()
    image = torch.randn(1, 3, 17, 16)
    # Captured and differentiated, which is where modules break; test_unet.py has code generated too.
    compiled = torch.compile(network, backend="aot_eager")
    with torch.no_grad():
        torch.testing.assert_close(compiled(image), network(image), rtol=1e-4, atol=1e-4)
