from collections import Counter
from functools import partial

import pytest
import torch
import torchvision
from torch import nn

from seglab.errors import SeglabError
from seglab.models.segnet import SegNet

VGG16 = [64, 128, 256, 512, 512]


def small(classes=5, *, widths=(4, 4, 6, 8, 8), bias=True, decoder_activation=True, dropout=None, **others):
    torch.manual_seed(0)
    options = {"in_channels": 3, "encoder_weights": None, "activation": None} | others
    return SegNet(classes, widths=widths, bias=bias, decoder_activation=decoder_activation, dropout=dropout, **options)


@pytest.mark.parametrize(
    ("classes", "bias", "expected"),
    [(19, True, 29_453_971), (19, False, 29_446_035), (11, True, 29_449_355), (41, True, 29_466_665)],
)
def test_parameter_counts_are_those_of_the_release(classes, bias, expected):
    with torch.device("meta"):  # counts need no memory
        network = small(classes, widths=VGG16, bias=bias)
    assert sum(parameter.numel() for parameter in network.parameters()) == expected


def test_decoder_has_the_releases_widths():
    with torch.device("meta"):
        network = small(11, widths=VGG16)
    widths = [module.out_channels for module in network.decoder.modules() if isinstance(module, nn.Conv2d)]
    assert widths == [512, 512, 512, 512, 512, 256, 256, 256, 128, 128, 64, 64]
    assert network.head.out_channels == 11


@pytest.mark.parametrize("size", [(64, 96), (65, 97), (33, 34)])
@pytest.mark.parametrize("batch", [1, 2])
def test_logits_are_as_large_as_the_image(size, batch):
    logits = small()(torch.randn(batch, 3, *size))
    assert logits.shape == (batch, 5, *size)
    assert logits.isfinite().all()


@pytest.mark.parametrize("decoder_activation", [True, False])
def test_gradients_reach_every_parameter(decoder_activation):
    network = small(decoder_activation=decoder_activation, activation=nn.SiLU)
    # Summed with random factors: BatchNorm and the plain sum would cancel some gradients exactly.
    logits = network(torch.randn(2, 3, 65, 97))
    (logits * torch.randn_like(logits)).sum().backward()
    dead = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert dead == []


@pytest.mark.parametrize("factory", [nn.SiLU, partial(nn.LeakyReLU, negative_slope=0.2), nn.PReLU])
def test_activation_stands_in_every_place(factory):
    network = small(activation=factory)
    made = Counter(type(module) for module in network.encoder.modules())
    assert made[type(factory())] == 13
    assert Counter(type(module) for module in network.decoder.modules())[type(factory())] == 12
    assert not any(isinstance(module, nn.ReLU) for module in network.modules())
    linear = small(activation=factory, decoder_activation=False)
    assert not any(isinstance(module, type(factory())) for module in linear.decoder.modules())


def test_decoder_sees_the_maxima_where_they_stood():
    network, seen = small().eval(), []
    network.encoder[0].convolutions.register_forward_hook(lambda _, inputs, output: seen.append(output))
    network.decoder[-1].convolutions.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network(torch.randn(1, 3, 64, 64))
    encoded, unpooled = seen
    windows = [maps[0, 0].unfold(0, 2, 2).unfold(1, 2, 2).reshape(-1, 4) for maps in (encoded, unpooled)]
    placed = windows[1] != 0
    assert placed.any()
    assert (windows[0][placed] == windows[0].amax(1, keepdim=True).expand(-1, 4)[placed]).all()


def test_dropout_stands_at_the_six_places_of_bayesian_segnet():
    network = small(dropout=0.5)
    where = [name for name, module in network.named_modules() if isinstance(module, nn.Dropout)]
    assert where == [*(f"encoder.{stage}.dropout" for stage in (2, 3, 4)), *(f"decoder.{i}.dropout" for i in (0, 1, 2))]
    image = torch.randn(2, 3, 64, 64)
    assert torch.equal(network.eval()(image), small().eval()(image))  # the same weights, and dropout is off
    assert not torch.equal(network.train()(image), network(image))


def test_wrong_number_of_widths_is_refused():
    with pytest.raises(SeglabError, match=r"model\.widths: expected five.*came \[4, 4\]"):
        small(widths=[4, 4])


def test_evaluation_repeats_and_state_dict_carries_the_logits():
    network, image = small().eval(), torch.randn(2, 3, 33, 32)
    other = small().eval()
    nn.init.normal_(other.head.weight)
    with torch.no_grad():
        first = network(image)
        assert torch.equal(first, network(image))
        assert not torch.equal(first, other(image))
        other.load_state_dict(network.state_dict())
        assert torch.equal(first, other(image))


@pytest.mark.parametrize("in_bfloat16", [False, True])
def test_loss_falls_on_one_batch(in_bfloat16):
    # No comparison of the logits: in bfloat16 maxima move to the next pixel, and with them all that is un-pooled there.
    network, image = small(), torch.randn(2, 3, 33, 34)
    mask = (image.mean(1) > 0).long()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for _ in range(8):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=in_bfloat16):
            logits = network(image)
        assert logits.dtype == (torch.bfloat16 if in_bfloat16 else torch.float32)
        loss = nn.functional.cross_entropy(logits.float(), mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.slow
def test_captured_network_gives_the_same_logits():
    network, image = small().eval(), torch.randn(1, 3, 65, 64)
    # Captured whole and differentiated, which is where modules break; test_unet.py has code generated too.
    compiled = torch.compile(network, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        torch.testing.assert_close(compiled(image), network(image), rtol=1e-4, atol=1e-4)


def vgg16(*, batch_norm, widths):
    """torchvision's `features` with other widths and random values everywhere, and its state by torchvision's keys."""
    layers = [entry for width, count in zip(widths, (2, 2, 3, 3, 3), strict=True) for entry in [width] * count + ["M"]]
    torch.manual_seed(1)
    features = torchvision.models.vgg.make_layers(layers, batch_norm=batch_norm).eval()
    for name, tensor in features.state_dict().items():
        if tensor.is_floating_point():
            nn.init.normal_(tensor, std=0.3)
            if name.endswith("running_var"):
                tensor.abs_().add_(0.5)
    state = {f"features.{name}": tensor for name, tensor in features.state_dict().items()}
    return features, state | {"classifier.0.weight": torch.zeros(1)}


def encoded(network, image):
    features = image
    for stage in network.encoder:
        features = nn.functional.max_pool2d(stage.convolutions(features), 2)
    return features


@pytest.fixture
def stored(monkeypatch):
    """`stored(state)`: what any address holds from now on; returns the addresses asked for."""

    def store(state):
        asked = []
        monkeypatch.setattr(
            "seglab.models.pretrained.state_dict",
            lambda url: asked.append(url) or {name: tensor.clone() for name, tensor in state.items()},
        )
        return asked

    return store


@pytest.mark.parametrize("bias", [True, False])
def test_encoder_computes_what_the_pretrained_network_computes(stored, bias):
    features, state = vgg16(batch_norm=True, widths=(4, 4, 6, 8, 8))
    asked = stored(state)
    network, image = small(bias=bias, encoder_weights="imagenet_bn").eval(), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(encoded(network, image), features(image))
    assert asked == ["https://download.pytorch.org/models/vgg16_bn-6c64b313.pth"]


def test_old_file_without_counts_of_batches_loads(stored):
    features, state = vgg16(batch_norm=True, widths=(4, 4, 6, 8, 8))
    stored({name: tensor for name, tensor in state.items() if "num_batches" not in name})
    network, image = small(encoder_weights="imagenet_bn").eval(), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(encoded(network, image), features(image))


def test_weights_without_batch_norm_set_the_convolutions_alone(stored):
    features, state = vgg16(batch_norm=False, widths=(4, 4, 6, 8, 8))
    asked = stored(state)
    network = small(encoder_weights="imagenet").eval()
    ours = [module for module in network.encoder.modules() if isinstance(module, nn.Conv2d)]
    theirs = [module for module in features if isinstance(module, nn.Conv2d)]
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one.weight, other.weight)
        assert torch.equal(one.bias, other.bias)
    assert all((norm.weight == 1).all() for norm in network.encoder.modules() if isinstance(norm, nn.BatchNorm2d))
    assert asked == ["https://download.pytorch.org/models/vgg16-397923af.pth"]
    assert torch.equal(network.decoder[0].convolutions[0].weight, small().decoder[0].convolutions[0].weight)


@pytest.mark.parametrize("others", [{"in_channels": 4}, {"widths": (4, 4, 6, 8, 6)}])
def test_weights_of_another_shape_are_refused(stored, others):
    stored(vgg16(batch_norm=False, widths=(4, 4, 6, 8, 8))[1])
    with pytest.raises(SeglabError, match=r"encoder_weights=imagenet: expected VGG16's shape"):
        small(encoder_weights="imagenet", **others)


def test_unknown_weights_are_refused():
    with pytest.raises(SeglabError, match="expected imagenet, imagenet_bn or null; came 'coco'"):
        small(encoder_weights="coco")


def test_missing_file_is_no_silent_random_start(monkeypatch):
    def gone(url):
        raise SeglabError(f"expected the pretrained weights {url}")

    monkeypatch.setattr("seglab.models.pretrained.state_dict", gone)
    with pytest.raises(SeglabError, match="expected the pretrained weights"):
        small(encoder_weights="imagenet")
