"""Weights from a package: they are those of ImageNet, each in its place, and every way to fail says what to do."""

from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
import segmentation_models_pytorch as smp
import timm
import torch
from PIL import Image

from seglab.errors import SeglabError
from seglab.models import bundled

MODEL = {"encoder_name": "tu-tf_efficientnet_lite0", "in_channels": 3, "encoder_weights": None}
MILITARY_UNIFORM = 652  # of ImageNet's 1000 classes
PORTRAIT = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"  # of an admiral in hers


def network(**arguments):
    return smp.Unet("tu-tf_efficientnet_lite0", encoder_weights=None, classes=3, **arguments)


@pytest.fixture(scope="module")
def weights():
    return bundled._state_dict()


@pytest.fixture(scope="module")
def encoder():
    return bundled.filled(network, MODEL)().encoder.eval()


@pytest.fixture(scope="module")
def portrait():
    """(1, 3, 224, 224) as the weights expect it."""
    picture = np.asarray(Image.open(PORTRAIT).resize((224, 224)), dtype=np.float32) / 255
    return torch.from_numpy((picture - 0.5) / 0.5).permute(2, 0, 1)[None]


def test_every_tensor_of_the_encoder_is_one_of_the_file(encoder, weights):
    own = encoder.state_dict()
    assert (len(own), len(weights)) == (288, 296)  # head and classifier, 8 tensors, are of no use here
    for (name, tensor), (theirs, weight) in zip(own.items(), weights.items(), strict=False):
        assert name.rpartition(".")[2] == theirs.rpartition(".")[2]
        assert tensor.shape == weight.shape
        assert torch.equal(tensor, weight)


def test_with_the_head_of_the_file_it_knows_what_a_picture_shows(encoder, weights, portrait):
    classifier = timm.create_model("tf_efficientnet_lite0").eval()
    head = dict(zip(classifier.state_dict(), weights.values(), strict=True))
    learnt = {name.removeprefix("model."): tensor for name, tensor in encoder.state_dict().items()}
    classifier.load_state_dict(head | learnt)
    with torch.inference_mode():
        scores = classifier(portrait).softmax(1)[0]
    assert scores.argmax() == MILITARY_UNIFORM
    assert scores[MILITARY_UNIFORM] > 0.4


def test_features_are_those_of_the_classifier_and_not_of_a_random_start(encoder, weights, portrait):
    classifier = timm.create_model("tf_efficientnet_lite0").eval()
    classifier.load_state_dict(dict(zip(classifier.state_dict(), weights.values(), strict=True)))
    with torch.inference_mode():
        last = encoder(portrait)[-1]
        expected = classifier.blocks(classifier.bn1(classifier.conv_stem(portrait)))
        random = network().encoder.eval()(portrait)[-1]
    torch.testing.assert_close(last, expected)
    assert torch.corrcoef(torch.stack([last.flatten(), random.flatten()]))[0, 1].abs() < 0.2


@pytest.mark.parametrize(
    "arguments", [{"encoder_depth": 3, "decoder_channels": (32, 16, 8)}, {"decoder_channels": (8,) * 5}]
)
def test_fewer_stages_and_another_decoder_have_them_as_well(arguments, weights):
    built = bundled.filled(network, MODEL)(**arguments).encoder.state_dict()
    assert all(torch.equal(*pair) for pair in zip(built.values(), weights.values(), strict=False))


def test_tensors_in_another_order_are_refused(weights):
    with pytest.raises(SeglabError, match=r"its model\.conv_stem\.weight \(32, 3, 3, 3\) is not the _fc\.bias"):
        bundled._fill(network().encoder, dict(reversed(weights.items())))


@pytest.mark.parametrize(
    ("model", "came"),
    [
        ({"encoder_name": "resnet18", "in_channels": 3}, "resnet18 with 3"),
        ({"encoder_name": "timm-tf_efficientnet_lite0", "in_channels": 3}, "timm-tf_efficientnet_lite0 with 3"),
        ({"encoder_name": "tu-tf_efficientnet_lite0", "in_channels": 4}, "tu-tf_efficientnet_lite0 with 4"),
        ({"in_channels": 3}, "None with 3"),
    ],
)
def test_another_encoder_is_refused(model, came):
    with pytest.raises(SeglabError, match=f"expected model.encoder_name=tu-tf_efficientnet_lite0 .*; came {came} - "):
        bundled.filled(network, model)


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(SeglabError, match=r"expected the package efficientnet-lite0-.* - install seglab\[pretrained\]"):
        bundled.filled(network, MODEL)


@pytest.mark.parametrize("content", [b"", b"another file"])
def test_another_file_is_refused_before_it_is_opened(monkeypatch, tmp_path, content):
    (tmp_path / "weights").write_bytes(content)
    package = SimpleNamespace(locate_file=lambda name: tmp_path / "weights")
    monkeypatch.setattr(metadata, "distribution", lambda name: package)
    with pytest.raises(SeglabError, match=f"'{tmp_path}/weights' has another content"):
        bundled.filled(network, MODEL)


def test_other_statistics_are_said(caplog):
    half = {"mean": [0.5] * 3, "std": [0.5] * 3}
    bundled.warn_of_other_statistics(half)
    assert not caplog.records
    bundled.warn_of_other_statistics(half | {"std": [0.2] * 3})
    assert "add module.mean=[0.5,0.5,0.5] module.std=[0.5,0.5,0.5]" in caplog.text
