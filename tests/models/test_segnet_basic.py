from collections import Counter
from functools import cache

import pytest
import torch
import torch.nn.functional as F
from hydra.utils import instantiate
from torch import nn

from seglab import config
from seglab.models.segnet_basic import FCNBasic, SegNetBasic
from tests.composed import compose

TABLE = {  # config: (millions of parameters in the paper's table 1, ours with 19 classes)
    "segnet_basic_bilinear": (0.625, 613_248),
    "segnet_basic": (1.425, 1_416_595),
    "segnet_basic_encoder_addition": (1.425, 1_416_595),
    "segnet_basic_single_channel": (0.625, 626_323),
    "fcn_basic": (0.65, 709_464),
    "fcn_basic_no_addition": (0.65, 705_816),
    "fcn_basic_no_dim_reduction": (1.625, 1_662_355),
    "fcn_basic_no_addition_no_dim_reduction": (1.625, 1_662_355),
}
COUNTS = {name: ours for name, (_, ours) in TABLE.items()} | {
    "segnet_basic_bayesian": 1_417_107,
    "segnet": 29_453_971,
    "segnet_bayesian": 29_453_971,
}


@cache
def composed(model, *overrides, labels="cityscapes_19"):
    config.register()
    return compose("train", [f"model={model}", f"data.labels={labels}", *overrides])


def built(model, *overrides, labels="cityscapes_19", activation=None):
    node = {**composed(model, *overrides, labels=labels).model, "activation": activation}
    del node["size_divisor"]
    torch.manual_seed(0)
    return instantiate(node, _convert_="all")


def small(model, *, activation=None):
    return built(model, "model.width=6", labels="camvid_11", activation=activation)


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("model", COUNTS)
def test_configs_are_correct_and_have_the_counts_that_they_state(model):
    config.check(composed(model))
    with torch.device("meta"):
        assert count(built(model)) == COUNTS[model]
    text = (config.FOLDER / "model" / f"{model}.yaml").read_text()
    assert f"{COUNTS[model]:,} parameters for 19 classes" in text


@pytest.mark.parametrize("model", TABLE)
def test_sizes_with_11_classes_are_the_papers_within_three_percent(model):
    with torch.device("meta"):
        ours = count(built(model, labels="camvid_11"))
    assert ours / 1e6 == pytest.approx(TABLE[model][0], rel=0.03)


@pytest.mark.parametrize(
    ("classes", "bias", "expected"),
    [
        (19, True, 1_417_107),
        (19, False, 1_416_595),
        (11, True, 1_416_587),
        (11, False, 1_416_075),
        (41, True, 1_418_537),
    ],
)
def test_parameter_counts_are_those_of_release_and_paper(classes, bias, expected):
    with torch.device("meta"):
        network = built("segnet_basic", f"model.bias={bias}", f"model.classes={classes}")
    assert count(network) == expected


@pytest.mark.parametrize(("batch", "size"), [(2, (32, 48)), (1, (65, 97))])
@pytest.mark.parametrize("model", TABLE)
def test_logits_are_as_large_as_the_image(model, batch, size):
    logits = small(model)(torch.randn(batch, 3, *size))
    assert logits.shape == (batch, 11, *size)
    assert logits.isfinite().all()


@pytest.mark.parametrize("model", TABLE)
def test_gradients_reach_every_parameter(model):
    network = small(model, activation=nn.SiLU)
    logits = network(torch.randn(2, 3, 65, 97))
    # Summed with random factors: BatchNorm and the plain sum would cancel some gradients exactly.
    (logits * torch.randn_like(logits)).sum().backward()
    dead = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert dead == []
    assert {name for name, _ in network.named_children()} == {"encoder", "decoder", "head"}


@pytest.mark.slow
@pytest.mark.parametrize("model", TABLE)
def test_loss_falls_on_one_batch_at_the_papers_learning_rate(model):
    network, image = built(model, "model.width=16", labels="camvid_11"), torch.randn(4, 3, 32, 48)
    mask = (F.avg_pool2d(image.mean(1), 5, stride=1, padding=2) > 0).long()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(10):
        loss = F.cross_entropy(network(image), mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("model", TABLE)
def test_activation_stands_in_the_encoder_alone(model):
    network = small(model, activation=nn.Mish)
    assert Counter(type(module) for module in network.encoder.modules())[nn.Mish] == 4
    assert Counter(type(module) for module in network.modules())[nn.Mish] == 4
    assert not any(isinstance(module, nn.ReLU) for module in network.modules())


def test_normalisation_is_caffes_and_needs_pixels_of_0_to_255():
    lrn = small("segnet_basic").encoder.normalisation
    image = torch.randint(0, 256, (1, 3, 4, 4)).float()
    expected = image / (1 + 1e-4 / 5 * image.square().sum(1, keepdim=True)) ** 0.75  # 5 channels around see all 3
    torch.testing.assert_close(lrn(image), expected)
    normalised = torch.randn(1, 3, 4, 4)
    torch.testing.assert_close(lrn(normalised), normalised, rtol=1e-3, atol=0)
    off = built("segnet_basic", "model.width=6", "model.lrn=false", labels="camvid_11")
    assert torch.equal(off.encoder.normalisation(image), image)


def test_dropout_stands_at_the_four_places_of_bayesian_segnet_basic():
    network = small("segnet_basic_bayesian")
    where = [name for name, module in network.named_modules() if isinstance(module, nn.Dropout)]
    assert where == ["encoder.dropouts.2", "encoder.dropouts.3", "decoder.0.2", "decoder.1.2"]


def test_encoder_addition_adds_the_pooled_maps_of_the_same_size():
    network, image = small("segnet_basic_encoder_addition").eval(), torch.randn(1, 3, 33, 35)
    pooled = network.encoder(image)
    outputs, inputs = [], []
    for block in network.decoder:
        block.register_forward_hook(lambda _, given, output: outputs.append(output))
    network.head.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    network(image)
    assert [tuple(output.shape[-2:]) for output in outputs] == [(5, 5), (9, 9), (17, 18), (33, 35)]
    assert [tuple(stage.features.shape[-2:]) for stage in pooled] == [(17, 18), (9, 9), (5, 5), (3, 3)]
    assert torch.equal(inputs[0], outputs[-1])  # nothing pooled is as large as the image
    plain = small("segnet_basic").eval()
    plain.load_state_dict(network.state_dict())
    assert not torch.allclose(plain(image), network(image))


def test_single_channel_decoder_keeps_maps_apart():
    convolution = small("segnet_basic_single_channel").decoder[0][0]
    maps = torch.zeros(1, 6, 9, 9)
    maps[0, 2, 4, 4] = 1.0
    touched = convolution(maps)[0].abs().sum((1, 2)) > 0
    assert touched.tolist() == [False, False, True, False, False, False]


def test_learnt_up_sampling_begins_as_bilinear_interpolation():
    up = small("fcn_basic_no_dim_reduction").decoder[0].up[0]
    maps = torch.randn(2, 6, 7, 5)
    doubled, expected = up(maps), F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)
    assert doubled.shape == expected.shape
    torch.testing.assert_close(doubled[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2])


def test_reduced_decoder_has_as_many_maps_as_classes():
    network = small("fcn_basic")
    reductions = [module for module in network.decoder.modules() if isinstance(module, nn.Conv2d)]
    assert [tuple(module.weight.shape) for module in reductions] == [(11, 6, 1, 1)] * 4
    reductions = [
        module for module in small("fcn_basic_no_addition").decoder.modules() if isinstance(module, nn.Conv2d)
    ]
    assert len(reductions) == 1


@pytest.mark.parametrize(
    ("model", "expected"), [("fcn_basic", [True] * 4), ("fcn_basic_no_addition", [False, False, False, True])]
)
def test_addition_brings_the_pooled_maps_of_every_level_to_the_decoder(model, expected):
    network, image = small(model).eval(), torch.randn(1, 3, 32, 32)
    # cut loose, so that what reaches a map came through the decoder
    pooled = [stage._replace(features=stage.features.detach().requires_grad_()) for stage in network.encoder(image)]
    network.encoder.forward = lambda image: pooled
    network(image).square().sum().backward()
    assert [stage.features.grad is not None for stage in pooled] == expected


def test_bilinear_decoder_only_interpolates_class_maps():
    network, image = small("segnet_basic_bilinear").eval(), torch.randn(1, 3, 32, 48)
    assert [name for name, _ in network.decoder.named_parameters()] == ["0.reduction.weight"]
    classes = network.decoder[0].reduction(network.encoder(image)[-1].features)
    for _ in range(4):
        classes = F.interpolate(classes, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(network(image), classes)


@pytest.mark.parametrize("model", TABLE)
def test_bfloat16_autocast_trains_and_stays_near(model):
    network, image = small(model, activation=nn.SiLU), torch.randn(4, 3, 33, 35)
    exact = network(image)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(image)
    # a maximum may move to the next pixel, and with it all that is un-pooled there
    assert (logits.float() - exact).abs().mean() < 0.2 * exact.abs().mean()
    logits.float().square().mean().backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


@pytest.mark.parametrize("model", ["segnet_basic_encoder_addition", "fcn_basic"])
def test_state_dict_carries_the_logits(model):
    network, other, image = small(model).eval(), small(model).eval(), torch.randn(1, 3, 33, 32)
    nn.init.normal_(other.encoder.stages[0][0].weight)
    with torch.no_grad():
        assert not torch.equal(network(image), other(image))
        other.load_state_dict(network.state_dict())
        assert torch.equal(network(image), other(image))


def test_classes_are_the_ones_that_are_configured():
    assert isinstance(small("segnet_basic"), SegNetBasic)
    assert isinstance(small("fcn_basic"), FCNBasic)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["segnet_basic_encoder_addition", "fcn_basic"])
def test_captured_network_gives_the_same_logits(model):
    network, image = small(model).eval(), torch.randn(1, 3, 33, 32)
    # Captured whole and differentiated, which is where modules break; test_unet.py has code generated too.
    compiled = torch.compile(network, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        torch.testing.assert_close(compiled(image), network(image), rtol=1e-4, atol=1e-4)
