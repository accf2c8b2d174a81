from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from seglab.models.unet_original import OriginalUNet


def small(*, classes=5, in_channels=3, base=2, depth=4, dropout=0.5, activation=None):
    torch.manual_seed(0)
    return OriginalUNet(
        classes, in_channels=in_channels, base=base, depth=depth, dropout=dropout, activation=activation
    )


@pytest.mark.parametrize(("in_channels", "classes", "expected"), [(3, 19, 31_032_915), (1, 2, 31_030_658)])
def test_parameter_counts_are_the_published_ones(in_channels, classes, expected):
    with torch.device("meta"):
        network = small(classes=classes, in_channels=in_channels, base=64)
    assert sum(parameter.numel() for parameter in network.parameters()) == expected
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert len(convolutions) == 23  # "In total the network has 23 convolutional layers"


def test_sizes_are_those_of_figure_1():
    with torch.device("meta"):
        network = small(classes=2, in_channels=1, base=64)
    sizes = []
    for step in [*network.encoder, *network.decoder]:
        step.register_forward_hook(lambda _, inputs, output: sizes.append((inputs[0].shape[-1], *output.shape[1:])))
    logits = network(torch.empty(1, 1, 388, 388, device="meta"))
    assert sizes == [
        (572, 64, 568, 568), (284, 128, 280, 280), (140, 256, 136, 136), (68, 512, 64, 64), (32, 1024, 28, 28),
        (28, 512, 52, 52), (52, 256, 100, 100), (100, 128, 196, 196), (196, 64, 388, 388),
    ]  # fmt: skip
    assert logits.shape == (1, 2, 388, 388)


@pytest.mark.parametrize("size", [(64, 96), (65, 97), (4, 20), (1, 2)])
def test_logits_cover_an_image_of_any_size(size):
    with torch.no_grad():
        logits = small()(torch.randn(1, 3, *size))
    assert logits.shape == (1, 5, *size)
    assert logits.isfinite().all()


def test_border_is_mirrored():
    image = torch.randn(2, 3, 196, 212)  # 4 + 16 k, and larger than the border
    expected = F.pad(image, (92, 92, 92, 92), mode="reflect")
    assert torch.equal(small()._mirrored(image), expected)


def test_small_image_is_mirrored_again_and_again():
    mirrored = small(depth=1)._mirrored(torch.arange(4.0).expand(1, 1, 4, 4))  # 8 on each side
    assert mirrored[0, 0, 5].tolist() == [2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1]
    torch.testing.assert_close(mirrored, mirrored[:, :, :1].expand_as(mirrored))


def test_tiles_give_the_logits_of_the_whole_image():
    network, image = small(depth=2).eval(), torch.randn(1, 3, 80, 80)
    tile = image[..., 20:68, 20:68]  # begins at a multiple of the poolings; the border is 20 here
    with torch.no_grad():
        whole, part = network(image), network(tile)
    torch.testing.assert_close(whole[..., 40:48, 40:48], part[..., 20:28, 20:28])
    assert not torch.allclose(whole[..., 20:28, 20:28], part[..., :8, :8])  # there the tile sees its own mirror image


def test_dropout_ends_the_contracting_path():
    network = small()
    steps = [*network.encoder, *network.decoder]
    dropouts = [[module.p for module in step.modules() if isinstance(module, nn.Dropout)] for step in steps]
    assert dropouts == [[], [], [], [0.5], [0.5], [], [], [], []]
    image = torch.randn(1, 3, 20, 20)
    assert not torch.equal(network(image), network(image))
    assert torch.equal(network.eval()(image), network(image))
    assert not any(isinstance(module, nn.Dropout) for module in small(dropout=0.0).modules())


def test_activation_stands_in_every_place():
    made = Counter(type(module) for module in small(activation=nn.SiLU).modules())
    assert made[nn.SiLU] == 18
    assert made[nn.ReLU] == 0
    assert next(name for name, _ in small().named_children()) == "encoder"


def test_bfloat16_autocast_trains_one_image():
    network = small(depth=2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(torch.randn(1, 3, 17, 24))
    assert logits.dtype == torch.bfloat16
    (logits.float() * torch.randn(logits.shape)).sum().backward()
    assert all(parameter.grad.isfinite().all() and parameter.grad.any() for parameter in network.parameters())


@pytest.mark.slow
def test_captured_network_gives_the_same_logits():
    network, image = small(depth=2).eval(), torch.randn(1, 3, 17, 20)
    torch.compiler.reset()  # recompilations of the same code are counted and limited
    # Captured whole and differentiated, which is where modules break; test_unet.py has code generated too.
    compiled = torch.compile(network, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        torch.testing.assert_close(compiled(image), network(image), rtol=1e-4, atol=1e-4)
