from collections import Counter
from functools import partial

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import nn

from seglab import config
from seglab.errors import SeglabError
from seglab.models import pretrained
from seglab.models.activation import replace_activations
from seglab.models.fcn import FCN, _UpSampling
from tests.composed import compose

STRIDES = [32, 16, 8]
FEATURES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)


def small(stride=8, *, classes=3, up="fixed", activation=None, dropout=0.0, weights=None, widths=(4, 4, 4, 6, 6), fc=8):
    torch.manual_seed(0)
    return FCN(
        classes, in_channels=3, stride=stride, widths=widths, fc_width=fc, dropout=dropout, up=up,
        encoder_weights=weights, activation=activation,
    )  # fmt: skip


def awake(network):
    """With score layers that are not zero, so that the logits tell something."""
    for score in network.scores.values():
        nn.init.normal_(score.weight)
        nn.init.normal_(score.bias)
    return network


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("model", "fixed", "learned"),
    [("fcn32s", 134_338_387, 1_478_656), ("fcn16s", 134_348_134, 375_440), ("fcn8s", 134_353_017, 103_968)],
)
def test_configs_are_right_and_have_the_published_counts(model, fixed, learned):
    config.register()
    cfg = compose("train", overrides=[f"model={model}", "data.labels=cityscapes_19"])
    config.check(cfg)
    node = OmegaConf.to_container(cfg.model, resolve=True)
    node.pop("size_divisor")
    with torch.device("meta"):  # counts need no memory
        assert count(instantiate({**node, "activation": None}, _convert_="all")) == fixed
        assert count(instantiate({**node, "activation": None, "up": "learned"}, _convert_="all")) == fixed + learned


@pytest.mark.parametrize("up", ["fixed", "learned"])
@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("size", [(64, 96), (65, 97), (33, 1)])
def test_logits_are_as_large_as_the_image(stride, up, size):
    logits = awake(small(stride, up=up))(torch.randn(1, 3, *size))
    assert logits.shape == (1, 3, *size)
    assert logits.isfinite().all()
    assert logits.any()


@pytest.mark.parametrize("stride", STRIDES)
def test_first_logits_are_zero_and_the_loss_that_of_guessing(stride):
    logits = small(stride)(torch.randn(1, 3, 33, 40))
    assert not logits.any()
    loss = nn.functional.cross_entropy(logits, torch.zeros(1, 33, 40, dtype=torch.long))
    assert loss.item() == pytest.approx(torch.tensor(3.0).log().item())


@pytest.mark.parametrize("up", ["fixed", "learned"])
@pytest.mark.parametrize("stride", STRIDES)
def test_gradients_reach_every_parameter(stride, up):
    network = awake(small(stride, up=up, activation=nn.SiLU))  # no unit of SiLU is dead
    logits = network(torch.randn(2, 3, 65, 97))
    (logits * torch.randn_like(logits)).sum().backward()
    dead = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert dead == []


def test_up_sampling_kernel_is_that_of_the_release():
    """`upsample_filt(4)` of the authors' surgery.py, by hand: distances 1.5 and 0.5 from the centre, over 2."""
    row = torch.tensor([0.25, 0.75, 0.75, 0.25])
    for up in ("fixed", "learned"):
        weight = small(16, up=up).ups["fc7_x2"].weight
        torch.testing.assert_close(weight.detach()[0, 0], row[:, None] * row)
    learned = small(16, up="learned").ups["fc7_x2"].weight
    assert not learned[0, 1].any()
    torch.testing.assert_close(learned.detach()[2, 2], row[:, None] * row)


@pytest.mark.parametrize("up", ["fixed", "learned"])
@pytest.mark.parametrize("stride", [2, 8, 16, 32])
def test_up_sampling_keeps_a_ramp_where_it_was(stride, up):
    step = _UpSampling(2, stride, learned=up == "learned")
    cells = torch.arange(4.0)
    ramp = torch.stack([cells[:, None].expand(4, 4), cells.expand(4, 4)])[None]  # class 0 grows down, class 1 right
    pixels = (torch.arange(4 * stride) - (stride - 1) / 2) / stride  # the middle of cell j is j
    inside = slice(stride, -stride)
    logits = step(ramp)[0, :, inside, inside]
    torch.testing.assert_close(logits[0], pixels[inside, None].expand_as(logits[0]))
    torch.testing.assert_close(logits[1], pixels[inside].expand_as(logits[1]))
    # Beyond the map are zeros: half a cell from the border the logits shrink, as in the released nets.
    assert step(torch.ones(1, 2, 1, 1))[0, 0].amax().item() == pytest.approx((1 - 0.5 / stride) ** 2)


def see_through(network):
    """Every layer hands on its first channel, so that a white pixel lights the cells that it lies in."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.zeros_(layer.weight)
            layer.weight.data[0, 0, layer.kernel_size[0] // 2, layer.kernel_size[1] // 2] = 1
    return network


def weighted_middle(logits):
    """(y, x) of class 0's centre of mass in logits (1, K, H, W)."""
    mass = logits[0, 0].double()
    rows, columns = torch.arange(mass.shape[0]), torch.arange(mass.shape[1])
    return ((mass.sum(1) * rows).sum() / mass.sum()).item(), ((mass.sum(0) * columns).sum() / mass.sum()).item()


@pytest.mark.parametrize(("stride", "source"), [(32, "fc7"), (16, "fc7"), (16, "pool4"), (8, "pool4"), (8, "pool3")])
@pytest.mark.parametrize("size", [(160, 192), (149, 171)])
def test_logits_lie_where_the_image_has_its_light(stride, source, size):
    network = see_through(small(stride)).eval()
    for name, score in network.scores.items():
        if name != source:
            nn.init.zeros_(score.weight)
    cell = {"fc7": 32, "pool4": 16, "pool3": 8}[source]
    image = torch.zeros(1, 3, *size)
    image[0, 0, 70, 101] = 1
    with torch.no_grad():
        logits = network(image)
        shifted = network(image.roll(32, dims=-1))
    expected = tuple(pixel // cell * cell + (cell - 1) / 2 for pixel in (70, 101))
    assert weighted_middle(logits) == pytest.approx(expected)
    torch.testing.assert_close(shifted[..., 32:], logits[..., :-32], rtol=0, atol=0)
    assert not logits[0, 1:].any()


@pytest.mark.parametrize(("coarse", "fine"), [(32, 16), (16, 8)])
def test_state_of_one_stage_begins_the_next(coarse, fine):
    """Equal between the middles of two finer cells where no coarse cell has its centre between them."""
    before, after = awake(small(coarse)).eval(), small(fine).eval()
    unknown = after.load_state_dict(before.state_dict(), strict=False)
    name = {16: "pool4", 8: "pool3"}[fine]
    assert unknown.missing_keys == [f"scores.{name}.weight", f"scores.{name}.bias"]
    assert unknown.unexpected_keys == []
    image = torch.randn(1, 3, 160, 192)
    with torch.no_grad():
        old, new = before(image), after(image)
    places = torch.arange(192)
    same = ((places + coarse // 4) % coarse < coarse // 2) & (places >= coarse)
    rows = torch.where(same[:160] & (places[:160] < 160 - coarse))[0]
    columns = torch.where(same & (places < 192 - coarse))[0]
    torch.testing.assert_close(new[..., rows, :][..., columns], old[..., rows, :][..., columns])
    inner = (..., slice(coarse, -coarse), slice(coarse, -coarse))
    difference = (new - old)[inner].abs().max()
    assert 0 < difference < 0.25 * (old.max() - old.min())  # it only rounds the kinks
    assert not torch.allclose(new[..., rows, :], old[..., rows, :])  # the columns at the cells' centres


def test_learned_kernels_are_taken_over_where_the_factor_is_the_same():
    before, after = small(16, up="learned"), small(8, up="learned")
    keys = after.load_state_dict(before.state_dict(), strict=False)
    assert keys.unexpected_keys == ["ups.pool4_x16.weight"]
    assert [key for key in keys.missing_keys if key.startswith("ups")] == ["ups.pool4_x2.weight", "ups.pool3_x8.weight"]


def torchvisions(widths, fc, *, make):
    """A state dict with the names and shapes of torchvision's vgg16."""
    convolutions = [width for width, times in zip(widths, (2, 2, 3, 3, 3), strict=True) for _ in range(times)]
    shapes = {}
    for index, before, width in zip(FEATURES, [3, *convolutions], convolutions, strict=False):
        shapes[f"features.{index}"] = (width, before, 3, 3)
    shapes |= {"classifier.0": (fc, widths[4] * 49), "classifier.3": (fc, fc), "classifier.6": (1000, fc)}
    biases = {f"{name}.bias": make(shape[:1]) for name, shape in shapes.items()}
    return {f"{name}.weight": make(shape) for name, shape in shapes.items()} | biases


def test_imagenet_weights_stand_where_they_belong(monkeypatch):
    widths, fc = (2, 3, 4, 5, 6), 7
    weights = torchvisions(widths, fc, make=torch.randn)
    asked = []
    monkeypatch.setattr(pretrained, "state_dict", lambda url: asked.append(url) or weights)
    network = small(32, widths=widths, fc=fc, weights="imagenet").eval()
    assert asked == ["https://download.pytorch.org/models/vgg16-397923af.pth"]
    features = image = torch.randn(1, 3, 224, 224)
    for index in FEATURES:  # torchvision's forward pass, by its names
        weight, bias = weights[f"features.{index}.weight"], weights[f"features.{index}.bias"]
        features = nn.functional.conv2d(features, weight, bias, padding=1).relu()
        if index in (2, 7, 14, 21, 28):
            features = nn.functional.max_pool2d(features, 2)
    for name in ("classifier.0", "classifier.3"):
        features = nn.functional.linear(features.flatten(1), weights[f"{name}.weight"], weights[f"{name}.bias"]).relu()
    seen = []
    network.classifier.register_forward_hook(lambda _, __, output: seen.append(output))
    with torch.no_grad():
        network(image)
    centre = seen[0][:, :, 3, 3]  # where the 7x7 kernel sees the whole map of 7x7, as the classifier does
    torch.testing.assert_close(centre, features, rtol=1e-4, atol=1e-3 * features.abs().max().item())
    assert not network.scores["fc7"].weight.any()


def test_imagenet_weights_fit_the_true_size_and_no_other(monkeypatch):
    true = torchvisions((64, 128, 256, 512, 512), 4096, make=lambda shape: torch.zeros(1).expand(shape))
    monkeypatch.setattr(pretrained, "state_dict", lambda url: true)
    with torch.device("meta"):
        small(8, widths=(64, 128, 256, 512, 512), fc=4096, weights="imagenet")
    with pytest.raises(SeglabError, match=r"expected the widths of VGG16 .* features\.0 has \(64, 3, 3, 3\)"):
        small(8, weights="imagenet")


@pytest.mark.parametrize("factory", [nn.SiLU, partial(nn.LeakyReLU, negative_slope=0.2), nn.PReLU])
def test_activation_stands_in_every_place(factory):
    made = Counter(type(module) for module in small(activation=factory).modules())
    assert made[type(factory())] == 15
    assert made[nn.ReLU] == 0


def test_scopes_part_the_convolutions_from_the_classifier():
    assert replace_activations(small(), nn.SiLU, scope="encoder").replaced == {"ReLU": 13}
    assert replace_activations(small(), nn.SiLU, scope="decoder").replaced == {"ReLU": 2}


def test_dropout_acts_in_training_alone():
    network = awake(small(32, dropout=0.5))
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert not torch.equal(network(image), network(image))
        assert torch.equal(network.eval()(image), network(image))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stride": 4}, r"model\.stride: expected 32, 16 or 8; came 4"),
        ({"up": "nearest"}, r"model\.up: expected fixed or learned; came 'nearest'"),
        ({"weights": "coco"}, r"model\.encoder_weights: expected null or imagenet; came 'coco'"),
        ({"widths": (4, 4)}, r"model\.widths: expected 5 numbers, one a block; came \[4, 4\]"),
    ],
)
def test_wrong_options_are_refused(change, message):
    with pytest.raises(SeglabError, match=message):
        small(**change)


@pytest.mark.parametrize("up", ["fixed", "learned"])
def test_a_repeated_batch_is_learnt(up):
    network = small(8, up=up)
    image, mask = torch.randn(1, 3, 32, 32), torch.arange(3).repeat_interleave(11)[:32].expand(1, 32, 32)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(5):
        loss = nn.functional.cross_entropy(network(image), mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("up", ["fixed", "learned"])
def test_bfloat16_autocast_trains_and_stays_near(up):
    network, image = awake(small(8, up=up)), torch.randn(1, 3, 65, 64)
    exact = network(image)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(image)
    assert (logits.float() - exact).abs().mean() < 0.1 * exact.abs().mean()
    logits.float().square().mean().backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


@pytest.mark.parametrize("up", ["fixed", "learned"])
def test_state_dict_carries_the_logits_and_holds_no_fixed_kernel(up):
    network, other = awake(small(up=up)).eval(), small(up=up).eval()
    image = torch.randn(1, 3, 40, 40)
    state = network.state_dict()
    assert any(name.startswith("ups.") for name in state) == (up == "learned")
    other.load_state_dict(state)
    with torch.no_grad():
        assert torch.equal(network(image), other(image))


@pytest.mark.slow
def test_captured_network_gives_the_same_logits():
    network, image = awake(small()).eval(), torch.randn(1, 3, 33, 48)
    # Captured and differentiated, which is where modules break; test_unet.py has code generated too.
    compiled = torch.compile(network, backend="aot_eager")
    with torch.no_grad():
        torch.testing.assert_close(compiled(image), network(image), rtol=1e-4, atol=1e-4)
