"""Networks of seglab on encoders of timm: their shapes, their parts, what their sources say of them."""

import pytest
import timm
import torch
from torch import nn

from seglab.errors import SeglabError
from seglab.models.dpt import DPT
from seglab.models.efficientvit import EfficientViT
from seglab.models.hrnet import HRNet
from seglab.models.patch_linear import PatchLinear

VIT = {"embed_dim": 24, "num_heads": 2}


def dpt(name="tu-test_vit"):
    return DPT(
        encoder_name=name, encoder_weights=None, encoder_options=VIT, decoder_readout="cat",
        decoder_intermediate_channels=[4, 4, 4, 4], decoder_fusion_channels=4, classes=5,
    )  # fmt: skip


def linear(**options):
    options = {**VIT, "depth": 2, **options}
    return PatchLinear(
        encoder_name="vit_small_patch14_dinov2", encoder_weights=None, encoder_options=options, classes=5
    )


def hrnet():
    return HRNet(encoder_name="tu-hrnet_w18_small", encoder_weights=None, classes=5)


def efficientvit():
    return EfficientViT(encoder_name="tu-efficientvit_b0", encoder_weights=None, head_width=8, head_depth=1, classes=5)


@pytest.mark.parametrize(
    ("build", "size", "stride"),
    [(dpt, (64, 96), 1), (linear, (42, 70), 14), (hrnet, (64, 96), 4), (efficientvit, (64, 96), 8)],
)
def test_shape_and_every_part_learns(build, size, stride):
    network = build()
    logits = network(torch.randn(2, 3, *size))
    assert logits.shape == (2, 5, size[0] // stride, size[1] // stride)
    (logits * torch.randn_like(logits)).mean().backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize("name", ["tu-vit_base_patch16_dinov3", "tu-eva02_base_patch16_clip_224"])
def test_every_part_of_the_other_transformers_learns(name):
    network = dpt(name)
    network(torch.randn(2, 3, 32, 64)).mean().backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


def test_a_size_does_not_depend_on_what_it_was_built_for():
    """The positions of an image of the size that the weights are for stay as they are."""
    torch.manual_seed(1)
    any_size = linear(img_size=70).eval()
    torch.manual_seed(1)
    fixed = timm.create_model("vit_small_patch14_dinov2", num_classes=0, **VIT, depth=2, img_size=70).eval()
    image = torch.randn(1, 3, 70, 70)
    with torch.inference_mode():
        tokens = any_size.encoder.forward_intermediates(image, indices=1, norm=True, intermediates_only=True)[0]
        expected = fixed.forward_features(image)[:, 1:].transpose(1, 2).unflatten(2, (5, 5))
    torch.testing.assert_close(tokens, expected)


# Of timm's own cards, in millions, with the classifier where the weights have one: huggingface.co/timm/NAME.
CARDS = {
    "vit_base_patch16_224.mae": 85.8,
    "vit_base_patch14_dinov2": 86.6,
    "mobilenetv4_conv_medium": 9.72,
    "vit_small_patch16_dinov3": 21.6,  # the file's 86.4 MB in single precision
}


@pytest.mark.parametrize("name", CARDS)
def test_parameters_of_the_cards(name):
    with torch.device("meta"):
        network = timm.create_model(name)
    digits = 2 if name.startswith("mobilenet") else 1
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e6, digits) == CARDS[name]


def test_the_head_of_hrnet_is_as_wide_as_the_four_maps():
    convolutions = [layer for layer in hrnet().head if isinstance(layer, nn.Conv2d)]
    assert [(layer.in_channels, layer.out_channels) for layer in convolutions] == [(240, 240), (240, 5)]


def test_a_head_is_for_its_own_encoder():
    """timm's EfficientViT of MIT; another network bears the same name, of other maps."""
    for name in ("resnet18", "tu-efficientvit_m0"):
        with pytest.raises(SeglabError, match=r"expected a network of timm.models.efficientvit_mit, such as eff\w+_b0"):
            EfficientViT(encoder_name=name, encoder_weights=None, head_width=8, head_depth=1, classes=5)
