"""Every configuration of the U-Net's family: checked, counted, and trained a step as a user's overrides make it."""

import pytest
import torch
from omegaconf import DictConfig

from seglab import config, runs
from seglab.errors import SeglabError
from seglab.training.build import build_network
from tests.exhaustive import one_in

PARAMETERS = {
    "unet": 1_942_883, "encoder_decoder": 1_734_067, "u_lite": 1_948_883, "unet_original": 31_032_915,
    "unet_cbam": 1_957_397, "unet_spatial_attention": 1_943_765, "unet_attention_gates": 1_965_251,
    "unet_self_attention": 2_074_595, "unet_aspp": 4_173_923, "unet_ppm": 2_140_259,
}  # fmt: skip
UNET = ("model.base=16", "model.depth=4")  # the default size, which the tiny configuration overrides
FULL = {
    "encoder_decoder": ("model.base=32", "model.depth=3"),
    "u_lite": ("model.base=32", "model.depth=3"),
    "unet_original": ("model.base=64", "model.depth=4"),
}


@pytest.fixture
def built(tiny_config):
    def network(*overrides: str) -> torch.nn.Module:
        cfg: DictConfig = tiny_config(*overrides)
        config.check(cfg)
        torch.manual_seed(0)
        return build_network(runs.plain(cfg))

    return network


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("model", PARAMETERS)
def test_parameter_counts_are_those_in_the_file(built, model):
    with torch.device("meta"):
        network = built(f"model={model}", *FULL.get(model, UNET))
    assert count(network) == PARAMETERS[model]
    text = (config.FOLDER / "model" / f"{model}.yaml").read_text()
    assert f"{PARAMETERS[model]:,}" in text.partition("\n_target_")[0].partition("\ndefaults")[0]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (("model=encoder_decoder", "model.base=64", "model.depth=3"), 6_927_187),
        (("model=encoder_decoder", "model.base=32", "model.depth=4"), 6_980_275),
        (("model=encoder_decoder", "model.base=32", "model.depth=3", "model.skip=concat"), 1_927_603),
        (("model=u_lite", "model.base=32", "model.depth=3", "model.up=transposed"), 1_927_603),
        (("model=u_lite", "model.base=16", "model.depth=3", "model.bridge=128"), 488_307),
        (("model=u_lite", "model.base=64", "model.depth=3", "model.bridge=512"), 7_786_899),
        (("model=unet_original", "model.base=16", "model.depth=4"), 1_941_411),
        (("model=unet_self_attention", *UNET, "model.bottleneck.heads=4", "model.bottleneck.reduction=1"), 2_206_051),
    ],
)
def test_counts_of_the_variants_that_the_files_name(built, overrides, expected):
    with torch.device("meta"):
        assert count(built(*overrides)) == expected


@pytest.mark.slow
@pytest.mark.parametrize("model", one_in(3, list(PARAMETERS)))
@pytest.mark.parametrize("activation", ["relu", pytest.param("silu", marks=pytest.mark.exhaustive)])
def test_loss_falls_at_an_odd_size_and_logits_outlive_a_reload(built, model, activation):
    small = ("model.bridge=16",) if model == "u_lite" else ("model.dropout=0",) if model == "unet_original" else ()
    network = built(f"model={model}", f"activation={activation}", *small)
    image, mask = torch.randn(2, 3, 65, 97), torch.randint(19, (2, 65, 97))
    optimizer, losses = torch.optim.Adam(network.parameters(), lr=1e-3), []
    for _ in range(4):
        loss = torch.nn.functional.cross_entropy(network(image), mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[3] < losses[0]
    other = built(f"model={model}", f"activation={activation}", *small)
    other.load_state_dict(network.state_dict())
    with torch.no_grad():
        assert torch.equal(network.eval()(image), other.eval()(image))


@pytest.mark.parametrize("model", one_in(3, list(PARAMETERS)))
def test_one_image_trains_in_bfloat16(built, model):
    network = built(f"model={model}")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(torch.randn(1, 3, 64, 96))
    assert logits.shape == (1, 19, 64, 96)
    torch.nn.functional.cross_entropy(logits.float(), torch.randint(19, (1, 64, 96))).backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


@pytest.mark.parametrize("model", ["unet_cbam", "unet_attention_gates", "unet_aspp", "unet_original"])
def test_scopes_part_the_encoder_from_the_rest(built, model):
    network = built(f"model={model}", "activation=silu", "activation.scope=encoder")
    inside = {type(module) for module in network.encoder.modules()}
    outside = {type(module) for name, module in network.named_modules() if not name.startswith("encoder")}
    assert torch.nn.SiLU in inside
    assert torch.nn.ReLU not in inside
    assert torch.nn.ReLU in outside
    assert torch.nn.SiLU not in outside


def test_overrides_reach_the_modules_inside(built):
    network = built("model=unet_cbam", "model.base=16", "model.block_attention.reduction=8")
    assert network.encoder[0][-1].of_channels.perceptron[0].out_channels == 2
    rates = [
        branch[0].dilation[0] for branch in built("model=unet_aspp", "model.bottleneck.rates=[6,12]").bottleneck.around
    ]
    assert rates == [6, 12]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+model.block_attention.reducton=8", "Cbam has no argument 'reducton' - did you mean 'reduction'?"),
        (
            "model.block_attention.reduction=few",
            "reduction is 'few'; expected a whole number or null",
        ),
        ("model.skip=sum", "model: skip is 'sum'; expected one of 'concat', 'add', 'none'"),
    ],
)
def test_mistakes_are_found_before_anything_is_built(tiny_config, override, message):
    with pytest.raises(SeglabError) as error:
        config.check(tiny_config("model=unet_cbam", override))
    assert message in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    "model", one_in(6, [name for name in PARAMETERS if name.startswith("unet_") and name != "unet_original"])
)
def test_captured_network_gives_the_same_logits(built, model):
    network, image = built(f"model={model}").eval(), torch.randn(1, 3, 33, 32)
    torch.compiler.reset()  # the networks share their code, whose recompilations are counted and limited
    # Captured whole and differentiated, which is where modules break; test_unet.py has code generated too.
    compiled = torch.compile(network, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        torch.testing.assert_close(compiled(image), network(image), rtol=1e-4, atol=1e-4)
