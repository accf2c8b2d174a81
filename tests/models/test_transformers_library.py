"""Networks of transformers: their errors, and weights from a folder on disk."""

import logging
import subprocess
import sys

import pytest
import torch

from seglab import PACKAGE
from seglab.errors import SeglabError
from seglab.models.transformers_library import configuration, library_network
from seglab.models.transformers_model import SegFormer

transformers = pytest.importorskip("transformers")

SMALL = {"depths": [1, 1, 1, 1], "hidden_sizes": [8, 16, 40, 64], "decoder_hidden_size": 16}


def build(config=SMALL, *, weights=None, classes=5, in_channels=3):
    return SegFormer(config=config, weights=weights, classes=classes, in_channels=in_channels)


@pytest.fixture
def checkpoint(tmp_path):
    """A folder as `hf download` leaves it, of the small SegFormer with 5 labels, and its logits for IMAGE."""
    torch.manual_seed(1)
    network = transformers.SegformerForSemanticSegmentation(transformers.SegformerConfig(**SMALL, num_labels=5)).eval()
    network.save_pretrained(tmp_path / "published")
    with torch.inference_mode():
        return tmp_path / "published", network(IMAGE).logits


IMAGE = torch.randn(1, 3, 32, 64, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"depth": [1]}, r"model.config: SegformerConfig has no argument 'depth' - did you mean 'depths'\?"),
        ({"num_labels": 3}, r"model.config.num_labels: set by model.classes and model.in_channels - leave it out"),
        ({"depths": "many"}, r"model.config: transformers refuses it"),
    ],
)
def test_a_wrong_key_is_told(config, message):
    with pytest.raises(SeglabError, match=message):
        build(config)


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        (
            {"model_type": "swim"},
            r"backbone_config.model_type: expected swin or .*; came 'swim' - did you mean 'swin'\?",
        ),
        ({}, r"backbone_config.model_type: expected swin .*; came None"),
        ({"model_type": "timm_backbone"}, "came 'timm_backbone'"),  # which might download
        (
            {"model_type": "swin", "embed_dims": 3},
            r"SwinConfig has no argument 'embed_dims' - did you mean 'embed_dim'\?",
        ),
    ],
)
def test_a_wrong_backbone_is_told(backbone, message):
    with pytest.raises(SeglabError, match=message):
        library_network(
            "UperNetForSemanticSegmentation",
            config={"backbone_config": backbone},
            weights=None,
            classes=3,
            in_channels=3,
        )


@pytest.mark.parametrize(
    ("model_type", "settings", "message"),
    [
        ("segformr", {}, "came 'segformr' - did you mean 'segformer'"),
        ("timm_wrapper", {}, "came 'timm_wrapper'"),  # which might download
        ("segformer", {"attn_implementation": "anyone/kernel"}, "no argument 'attn_implementation'"),  # would run code
        ("segformer", {"auto_map": "anyone/net"}, "no argument 'auto_map'"),
        ("segformer", {"depths": {"model_type": "timm_backbone"}}, "settings.depths: expected a plain value"),
        ("upernet", {"backbone_config": {"model_type": "timm_backbone"}}, "came 'timm_backbone'"),
    ],
)
def test_a_configuration_describes_a_network_and_nothing_else(model_type, settings, message):
    with pytest.raises(SeglabError, match=message):
        configuration(model_type=model_type, settings=settings, classes=3)


def test_channels_reach_the_network():
    assert build(in_channels=5)(torch.randn(2, 5, 32, 32)).shape == (2, 5, 8, 8)


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(SeglabError, match=r"expected the package transformers.*pip install 'seglab\[transformers\]'"):
        build()


@pytest.mark.exhaustive
def test_the_package_is_imported_by_its_networks_alone():
    program = (
        "import sys, seglab.models.transformers_model, seglab.models.transformers_queries, seglab.training.build\n"
        "print('transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert done.stdout.strip() == "False", done.stderr


class TestWeights:
    def test_are_those_of_the_folder(self, checkpoint, caplog):
        folder, logits = checkpoint
        with caplog.at_level(logging.INFO, logger="seglab"):
            network = build(weights=str(folder))
        assert network.training
        with torch.inference_mode():
            torch.testing.assert_close(network.eval()(IMAGE), logits)
        assert "all of them theirs" in caplog.text

    def test_for_other_labels_the_head_starts_at_random(self, checkpoint, caplog):
        folder, _ = checkpoint
        with caplog.at_level(logging.INFO, logger="seglab"):
            network = build(weights=str(folder), classes=7)
        assert "decode_head.classifier.bias, decode_head.classifier.weight start at random" in caplog.text
        whole = build(weights=str(folder))
        ours, theirs = network.state_dict(), whole.state_dict()
        for name in ours:
            assert name.startswith("decoder.classifier.") or torch.equal(ours[name], theirs[name]), name

    def test_of_another_architecture_are_refused(self, checkpoint):
        folder, _ = checkpoint
        with pytest.raises(SeglabError, match=r"came none that fits .* compare model.config with .*config.json"):
            build({**SMALL, "hidden_sizes": [8, 16, 40, 72]}, weights=str(folder))
        with pytest.raises(SeglabError, match="came none that fits"):
            build({**SMALL, "depths": [1, 1, 2, 1]}, weights=str(folder))

    def test_a_folder_that_is_none_is_told(self, tmp_path):
        with pytest.raises(
            SeglabError, match=r"expected a folder with config.json .*; came .*nowhere, which is no folder"
        ):
            build(weights=str(tmp_path / "nowhere"))

    def test_pickles_are_not_read(self, checkpoint):
        folder, _ = checkpoint
        torch.save({}, folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
        with pytest.raises(SeglabError, match=r"came config.json, pytorch_model.bin - pickled weights .* are not read"):
            build(weights=str(folder))
