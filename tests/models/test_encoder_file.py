"""An encoder from a file on disk: every tensor in its place, resampled as timm does, or an error with advice."""

import logging
import re

import pytest
import segmentation_models_pytorch as smp
import timm
import torch
from safetensors.torch import save_file
from timm.layers import resample_abs_pos_embed

from seglab.config.instantiate import instantiate
from seglab.errors import SeglabError
from seglab.models import encoder_file

VIT = {"embed_dim": 24, "num_heads": 2}
DPT = {
    "_target_": "seglab.models.dpt.DPT", "_partial_": True, "encoder_name": "tu-test_vit", "encoder_weights": None,
    "encoder_options": VIT, "decoder_readout": "cat", "decoder_intermediate_channels": [4, 4, 4, 4],
    "decoder_fusion_channels": 4, "classes": 3,
}  # fmt: skip
LINEAR = {
    "_target_": "seglab.models.patch_linear.PatchLinear", "_partial_": True, "encoder_name": "tu-test_vit",
    "encoder_weights": None, "encoder_options": VIT, "classes": 3,
}  # fmt: skip
SWIN = {"depths": [1, 1, 1, 1], "embed_dim": 8, "num_heads": [1, 1, 2, 2]}
UPERNET = {
    "_target_": "segmentation_models_pytorch.UPerNet", "_partial_": True, "encoder_weights": None,
    "decoder_channels": 4, "classes": 3,
}  # fmt: skip


def published(path, name, *, seed=1, without="", **arguments):
    """The network of timm whose file lies at `path`, as timm publishes it: with its classifier."""
    torch.manual_seed(seed)
    network = timm.create_model(name, **arguments).eval()
    kept = {key: value.contiguous() for key, value in network.state_dict().items() if key != without}
    save_file(kept, path)
    return network


def filled(node, path):
    return encoder_file.filled(instantiate(node), str(path))().eval()


@pytest.mark.parametrize(
    ("weights", "asked"),
    [
        (None, False), ("imagenet", False), ("bundled", False), ("timm", False), (True, False),
        ("net.safetensors", True), ("folder/", True), ("/a/folder", True), ("net.pth", True), ("~/net", True),
    ],
)  # fmt: skip
def test_a_place_is_told_from_a_name(weights, asked):
    assert encoder_file.is_asked({"encoder_weights": weights}) is asked


def test_a_vision_transformer_and_its_features(tmp_path, caplog):
    theirs = published(tmp_path / "model.safetensors", "test_vit", **VIT)
    image = torch.randn(2, 3, 160, 160)
    with caplog.at_level(logging.INFO), torch.inference_mode():
        network = filled(DPT, tmp_path)  # the folder
        features, _ = network.encoder(image)
        expected = theirs.forward_intermediates(image, indices=network.encoder._output_indices, intermediates_only=True)
        assert all(map(torch.equal, features, expected))
        linear = filled(LINEAR, tmp_path / "model.safetensors")
        tokens = theirs.forward_intermediates(image, indices=1, norm=True, intermediates_only=True)
        torch.testing.assert_close(linear(image), linear.classifier(linear.norm(tokens[0])))
    assert "not used: head_bias, head_weight, norm_bias, norm_weight" in caplog.text


def test_positions_of_another_size_are_resampled_as_timm_does(tmp_path):
    theirs = published(tmp_path / "vit.safetensors", "test_vit", img_size=64, **VIT)  # 4 x 4 patches
    network = filled({**DPT, "encoder_options": {**VIT, "img_size": 96}}, tmp_path / "vit.safetensors")
    expected = resample_abs_pos_embed(theirs.pos_embed, (6, 6), num_prefix_tokens=1)
    assert network.encoder.model.pos_embed.shape == (1, 37, 24)
    torch.testing.assert_close(network.encoder.model.pos_embed, expected)


@pytest.mark.parametrize(
    ("name", "options", "further"),
    [
        ("swin_tiny_patch4_window7_224", SWIN, {"always_partition": True, "strict_img_size": False}),
        ("convnext_atto", {"depths": [1, 1, 1, 1], "dims": [4, 8, 8, 8]}, {}),
        ("mobilenetv4_conv_small_035", {}, {}),
        ("efficientvit_b0", {}, {}),
    ],
)
def test_features_of_several_sizes(tmp_path, name, options, further):
    theirs = published(tmp_path / "net.safetensors", name, **options)
    node = {**UPERNET, "encoder_name": f"tu-{name}", **options, **further}
    network = filled(node, tmp_path / "net.safetensors")
    image = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        expected = theirs.forward_intermediates(image, intermediates_only=True)
        torch.testing.assert_close(network.encoder(image)[-1], expected[-1])


def test_an_encoder_of_smp(tmp_path):
    torch.manual_seed(1)
    theirs = smp.encoders.get_encoder("mobilenet_v2", weights=None)
    save_file(theirs.state_dict(), tmp_path / "net.safetensors")
    network = filled({**UPERNET, "encoder_name": "mobilenet_v2"}, tmp_path / "net.safetensors")
    own = network.encoder.state_dict()
    assert all(torch.equal(own[name], tensor) for name, tensor in theirs.state_dict().items())


def test_half_precision_becomes_single(tmp_path):
    network = timm.create_model("test_vit", **VIT).half()
    save_file(network.state_dict(), tmp_path / "net.safetensors")
    assert filled(DPT, tmp_path / "net.safetensors").encoder.model.cls_token.dtype == torch.float32


def test_what_is_missing_or_of_another_network_is_named(tmp_path):
    path = tmp_path / "net.safetensors"
    published(path, "test_vit", without="blocks.3.attn.qkv.weight", **VIT)
    with pytest.raises(SeglabError, match=r"expected model\.blocks\.3\.attn\.qkv\.weight \(72, 24\) in .*came none of"):
        filled(DPT, path)
    published(path, "test_vit", embed_dim=32, num_heads=2)
    with pytest.raises(SeglabError, match=r"expected model\.cls_token \(1, 1, 24\) in .*; came one of \(1, 1, 32\)"):
        filled(DPT, path)
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(SeglabError, match=r"expected safetensors; .* cannot be read.* - get the encoder's"):
        filled(DPT, path)


def test_no_pickle_and_no_address(tmp_path):
    torch.save({}, tmp_path / "net.pth")
    with pytest.raises(SeglabError, match=r"expected FILE\.safetensors; came .*net\.pth - pickled weights"):
        filled(DPT, tmp_path / "net.pth")
    for place in (tmp_path, tmp_path / "no.safetensors", "https://example.org/net.safetensors"):
        with pytest.raises(SeglabError, match=re.escape("or a folder with model.safetensors or open_clip")):
            filled(DPT, place)


def test_a_network_without_an_encoder(tmp_path):
    published(tmp_path / "net.safetensors", "test_vit", **VIT)
    with pytest.raises(SeglabError, match=r"expected Sequential to have a part encoder; .*init_from=FILE"):
        encoder_file.filled(lambda: torch.nn.Sequential(torch.nn.ReLU()), str(tmp_path / "net.safetensors"))()


@pytest.mark.parametrize("node", [{**DPT, "encoder_options": {}}, {**LINEAR, "encoder_options": {}}])
def test_the_file_of_a_deeper_network_of_the_same_width_is_refused(tmp_path, node):
    published(tmp_path / "deep.safetensors", "test_vit", depth=8)
    expected = r"tensors of test_vit and its classifier; \S+deep.safetensors holds others as well: blocks_6_.*23 more"
    with pytest.raises(SeglabError, match=expected):
        filled(node, tmp_path / "deep.safetensors")


def test_blocks_that_are_left_out_on_purpose_need_no_place(tmp_path):
    published(tmp_path / "whole.safetensors", "test_vit", **VIT)
    network = filled({**LINEAR, "encoder_options": {**VIT, "depth": 2}}, tmp_path / "whole.safetensors")
    assert len(network.encoder.blocks) == 2
