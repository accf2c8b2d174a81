import logging

import pytest
import torch
from torch import nn
from torchvision.models import get_model

from seglab.errors import SeglabError
from seglab.models import pretrained
from seglab.models.activation import replace_activations
from seglab.models.torchvision_model import TorchvisionModel

LRASPP = "lraspp_mobilenet_v3_large"
HEADS = {"low_classifier": 40, "high_classifier": 128}  # of LR-ASPP: 1x1 convolutions from so many channels


def build(architecture=LRASPP, *, weights=None, encoder_weights=None, classes=5, auxiliary=False):
    return TorchvisionModel(
        architecture=architecture, weights=weights, encoder_weights=encoder_weights, classes=classes,
        auxiliary=auxiliary,
    )  # fmt: skip


@pytest.fixture
def served(monkeypatch):
    """`served(network)`: the parameters that any address holds from now on; the list of addresses asked for."""
    asked = []

    def put(network):
        weights = network.state_dict()
        monkeypatch.setattr(pretrained, "state_dict", lambda url: asked.append(url) or weights)
        return asked

    return put


@pytest.mark.parametrize(
    ("architecture", "parameters", "stride"),
    [
        ("fcn_resnet50", 32_955_987, 8),
        ("fcn_resnet101", 51_948_115, 8),
        ("deeplabv3_resnet50", 39_638_355, 8),
        ("deeplabv3_resnet101", 58_630_483, 8),
        ("deeplabv3_mobilenet_v3_large", 11_024_963, 16),
        (LRASPP, 3_221_198, 8),
    ],
)
def test_parameters_for_19_classes(architecture, parameters, stride):
    with torch.device("meta"):
        network = build(architecture, classes=19)
        logits = network.eval()(torch.zeros(1, 3, 48, 80))
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert logits.shape == (1, 19, 48 // stride, 80 // stride)


def test_logits_are_torchvisions_before_it_enlarges_them():
    theirs = get_model("deeplabv3_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=5).eval()
    network = build("deeplabv3_mobilenet_v3_large").eval()
    network.load_state_dict(theirs.state_dict())
    image = torch.randn(1, 3, 32, 64)
    with torch.no_grad():
        logits = nn.functional.interpolate(network(image), size=(32, 64), mode="bilinear", align_corners=False)
        torch.testing.assert_close(logits, theirs(image)["out"])


def test_the_auxiliary_head_is_torchvisions_and_speaks_in_training_alone(served):
    theirs = get_model(
        "deeplabv3_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=21, aux_loss=True
    ).train()
    served(theirs)
    network = build(
        "deeplabv3_mobilenet_v3_large", weights="COCO_WITH_VOC_LABELS_V1", classes=21, auxiliary=True
    ).train()
    image = torch.randn(2, 3, 32, 64)
    torch.manual_seed(0)
    answer = network(image)
    torch.manual_seed(0)
    expected = theirs(image)
    for ours, name in ((answer.logits, "out"), (answer.auxiliary["aux"], "aux")):
        enlarged = nn.functional.interpolate(ours, size=(32, 64), mode="bilinear", align_corners=False)
        torch.testing.assert_close(enlarged, expected[name])
    assert isinstance(network.eval()(image), torch.Tensor)
    with pytest.raises(SeglabError, match=r"model\.auxiliary: expected false for lraspp"):
        build(auxiliary=True)


def test_head_for_other_classes_is_new_and_the_rest_is_theirs(served, caplog):
    theirs = get_model(LRASPP, weights=None, weights_backbone=None, num_classes=21)
    asked = served(theirs)
    with caplog.at_level(logging.INFO, "seglab"):
        network = build(weights="COCO_WITH_VOC_LABELS_V1", classes=5)
    assert asked == ["https://download.pytorch.org/models/lraspp_mobilenet_v3_large-d234d4ea.pth"]
    own, loaded = network.state_dict(), theirs.state_dict()
    new = {f"classifier.{head}.{kind}" for head in HEADS for kind in ("weight", "bias")}
    assert {name for name in own if not torch.equal(own[name], loaded[name])} == new
    assert own["classifier.low_classifier.weight"].shape == (5, HEADS["low_classifier"], 1, 1)
    assert "classifier.low_classifier.weight" in caplog.text
    assert "start at random: they are for 21 classes" in caplog.text


def test_head_for_21_classes_is_theirs(served, caplog):
    theirs = get_model(LRASPP, weights=None, weights_backbone=None, num_classes=21)
    served(theirs)
    with caplog.at_level(logging.INFO, "seglab"):
        network = build(weights="COCO_WITH_VOC_LABELS_V1", classes=21)
    assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in network.state_dict().items())
    assert "the head is theirs, with the 21 classes of Pascal VOC" in caplog.text


def test_auxiliary_head_of_the_file_is_left_out(served):
    with torch.device("meta"):
        theirs = get_model("fcn_resnet50", weights=None, weights_backbone=None, num_classes=21, aux_loss=True)
        served(theirs)
        network = build("fcn_resnet50", weights="COCO_WITH_VOC_LABELS_V1", classes=21)
    assert any(name.startswith("aux_classifier.") for name in theirs.state_dict())
    assert [name for name, _ in network.named_children()] == ["backbone", "classifier"]


def test_encoder_of_an_image_classifier(served):
    theirs = get_model("mobilenet_v3_large", weights=None)
    asked = served(theirs)
    network = build(encoder_weights="IMAGENET1K_V1")
    assert asked == ["https://download.pytorch.org/models/mobilenet_v3_large-8738ca79.pth"]
    assert torch.equal(network.backbone["0"][0].weight, theirs.features[0][0].weight)


def test_file_of_another_network_is_refused(served):
    served(nn.Conv2d(3, 3, 1))
    with pytest.raises(SeglabError, match=r"came a file without backbone\.0\.0\.weight"):
        build(weights="COCO_WITH_VOC_LABELS_V1")
    with pytest.raises(SeglabError, match=r"expected the weights IMAGENET1K_V1 .* came a file without 0\.0\.weight"):
        build(encoder_weights="IMAGENET1K_V1")


def test_unknown_or_doubled_weights_are_refused():
    with pytest.raises(SeglabError, match=r"model\.weights: expected COCO_WITH_VOC_LABELS_V1 or null .* came 'COCO'"):
        build(weights="COCO")
    with pytest.raises(SeglabError, match=r"expected IMAGENET1K_V1, IMAGENET1K_V2 or null .* did you mean"):
        build(encoder_weights="IMAGENET1K")
    with pytest.raises(SeglabError, match=r"brings its own encoder; came model\.encoder_weights=IMAGENET1K_V1"):
        build(weights="COCO_WITH_VOC_LABELS_V1", encoder_weights="IMAGENET1K_V1")


def test_activations_are_replaced_in_either_part():
    with torch.device("meta"):
        encoder = replace_activations(build(), nn.SiLU, scope="encoder")
        decoder = replace_activations(build(), nn.SiLU, scope="decoder")
    assert encoder.replaced == {"Hardswish": 20, "ReLU": 19}
    assert decoder.replaced == {"ReLU": 1}
    assert encoder.functional == decoder.functional == ()


def test_replacing_by_the_same_changes_no_logit():
    """Residual blocks of ResNet use one in-place ReLU three times."""
    network = build("fcn_resnet50").eval()
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        before = network(image)
        replace_activations(network, nn.ReLU, scope="all")
        assert torch.equal(network(image), before)
