"""What the networks for real time have in common; what each of them is stands in the test of its file."""

from functools import cache, partial

import pytest
import torch
from hydra.utils import instantiate
from torch import Tensor, nn

from seglab import config
from seglab.models.auxiliary import WithAuxiliary
from tests.composed import compose
from tests.exhaustive import few_of

# Parameters for 19 classes with what is there for training alone, without it, and the published millions. Of ENet these
# hold the encoder's classifier, of Fast-SCNN no BatchNorm (their own tests); of BiSeNetV2, STDC-Seg there are none.
COUNTS = {
    "enet": (364_311, 364_311, None),
    "erfnet": (2_064_191, 2_064_191, 2.06),
    "fast_scnn": (1_194_473, 1_137_795, None),
    "bisenetv2": (3_645_935, 3_358_627, None),
    "stdc1": (8_425_248, 8_275_104, None),
    "stdc2": (12_455_712, 12_305_568, None),
    "ddrnet_23_slim": (5_734_342, 5_695_987, 5.7),
    "pidnet_s": (7_720_935, 7_625_715, 7.6),
    "pidnet_m": (28_763_111, 28_538_515, None),
}
STRIDES = {name: 1 if name in ("enet", "erfnet") else 8 for name in COUNTS}  # of the logits
AUXILIARY = {  # {name of the head: its stride}
    "enet": {}, "erfnet": {},
    "fast_scnn": {"shallow": 8, "deep": 32},
    "bisenetv2": {"stage4": 4, "stage8": 8, "stage16": 16, "stage32": 32},
    "stdc1": {"fine": 8, "coarse": 16}, "stdc2": {"fine": 8, "coarse": 16},
    "ddrnet_23_slim": {"fine": 8},
    "pidnet_s": {"p": 8}, "pidnet_m": {"p": 8},
}  # fmt: skip
HAVE_HEADS = [name for name, heads in AUXILIARY.items() if heads]
ONE_OF_EACH = [name for name in COUNTS if name not in ("stdc2", "pidnet_m")]  # the larger ones are of the same classes


@cache
def composed(model, *overrides):
    config.register()
    return compose("train", [f"model={model}", "data.labels=cityscapes_19", *overrides])


def built(model, *overrides, activation=None):
    node = {**composed(model, *overrides).model, "activation": activation}
    del node["size_divisor"]
    torch.manual_seed(0)
    return instantiate(node, _convert_="all")


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def all_outputs(answer):
    """Of a network in training mode, by name."""
    if isinstance(answer, Tensor):
        return {"logits": answer}
    boundary = {} if answer.boundary is None else {"boundary": answer.boundary}
    return {"logits": answer.logits, **answer.auxiliary, **boundary}


@pytest.mark.parametrize("model", COUNTS)
def test_counts_are_those_of_the_source_and_of_the_comment(model):
    config.check(composed(model))
    own, bare, millions = COUNTS[model]
    with torch.device("meta"):
        assert count(built(model)) == own
        if AUXILIARY[model]:
            assert count(built(model, "model.auxiliary=false")) == bare
    text = (config.FOLDER / "model" / f"{model}.yaml").read_text()
    assert f"{own:,} parameters for 19 classes" in text
    assert f"{bare:,}" in text
    assert millions is None or round(bare / 1e6, len(str(millions).partition(".")[2])) == millions


@pytest.mark.parametrize("model", ONE_OF_EACH)
def test_logits_alone_in_evaluation_at_every_multiple_of_the_divisor(model):
    divisor = composed(model).model.size_divisor
    network, size = built(model).eval(), (3 * divisor, 5 * divisor)
    if AUXILIARY[model]:
        network.auxiliary.forward = network.boundary = None  # whoever calls one of them fails
        for head in network.auxiliary.values():
            head.forward = None
    with torch.inference_mode():
        logits = network(torch.randn(1, 3, *size))
    assert isinstance(logits, Tensor)
    assert logits.shape == (1, 19, *(side // STRIDES[model] for side in size))
    assert logits.isfinite().all()


@pytest.mark.parametrize("model", HAVE_HEADS)
def test_training_adds_what_the_heads_say(model):
    answer = built(model)(torch.randn(2, 3, 64, 96))
    assert isinstance(answer, WithAuxiliary)
    assert answer.logits.shape == (2, 19, 8, 12)
    shapes = {name: (2, 19, 64 // stride, 96 // stride) for name, stride in AUXILIARY[model].items()}
    assert {name: tuple(logits.shape) for name, logits in answer.auxiliary.items()} == shapes
    assert (answer.boundary is not None) == model.startswith("pidnet")


@pytest.mark.parametrize("model", HAVE_HEADS)
def test_without_heads_training_says_the_logits_alone(model):
    with torch.device("meta"):
        answer = built(model, "model.auxiliary=false")(torch.randn(2, 3, 64, 64))
    assert answer.logits.shape == (2, 19, 8, 8)
    assert (dict(answer.auxiliary), answer.boundary) == ({}, None)


@pytest.mark.parametrize("model", ONE_OF_EACH)
def test_gradients_reach_every_parameter(model):
    network = built(model, activation=nn.SiLU)
    outputs = all_outputs(network(torch.randn(3, 3, 64, 96)))
    # Summed with random factors: BatchNorm and the plain sum would cancel some gradients exactly.
    sum((output * torch.randn_like(output)).sum() for output in outputs.values()).backward()
    dead = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert dead == []


@pytest.mark.parametrize("model", ONE_OF_EACH)
def test_activations_in_place_change_nothing(model):
    image, outputs = torch.randn(2, 3, 64, 64), []
    for activation in (nn.ReLU, partial(nn.ReLU, inplace=True)):
        network = built(model, activation=activation)
        for module in network.modules():
            if isinstance(module, nn.Dropout | nn.Dropout2d):
                module.p = 0.0
        outputs.append(all_outputs(network(image)))
    assert outputs[0].keys() == outputs[1].keys()
    for name, output in outputs[0].items():
        torch.testing.assert_close(outputs[1][name], output)


@pytest.mark.parametrize("model", ONE_OF_EACH)
def test_bfloat16_autocast_trains_on_images_of_five_channels(model):
    network = built(model, "model.in_channels=5")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = all_outputs(network(torch.randn(2, 5, 64, 64)))
    sum(output.float().square().mean() for output in outputs.values()).backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("model", few_of(["enet", "bisenetv2", "pidnet_s"], ["bisenetv2"]))
def test_captured_network_gives_the_same_outputs_in_training(model):
    network, image = built(model), torch.randn(2, 3, 64, 64)
    for module in network.modules():
        if isinstance(module, nn.Dropout | nn.Dropout2d):
            module.p = 0.0
    wanted = all_outputs(network(image))
    came = all_outputs(torch.compile(network, fullgraph=True, backend="eager")(image))
    assert came.keys() == wanted.keys()
    for name, output in wanted.items():
        torch.testing.assert_close(came[name], output, rtol=1e-3, atol=1e-3)
