"""Every conf/model and conf/activation, found by itself: what it builds, counted, mostly without memory."""

import functools
import re
from collections import Counter

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf, open_dict
from torch.overrides import TorchFunctionMode

from seglab import config
from seglab.diagnostics.published import PUBLISHED
from seglab.models import pretrained
from seglab.models.activation import build_with_activation
from tests.composed import compose
from tests.exhaustive import one_in

# With 19 classes; where no source printed a count, it was added up by hand from the layers.
PARAMETERS = {
    "bisenetv2": 3_645_935,
    "ddrnet_23_slim": 5_734_342,
    "deeplab_largefov": 20_503_379,
    "deeplabv3": 39_638_355,
    "deeplabv3_auxiliary": 42_003_046,
    "deeplabv3plus": 12_333_923,
    "dinov2_linear": 22_064_275,
    "dpt_clip": 121_013_011,
    "dpt_dinov3": 120_854_803,
    "dpt_eva02_clip": 121_082_899,
    "dpt_mae": 121_012_243,
    "efficientvit": 4_803_443,
    "encoder_decoder": 1_734_067,
    "enet": 360_551,  # without the slopes of its PReLUs: with SiLU, as here
    "erfnet": 2_064_191,
    "fast_scnn": 1_194_473,
    "fcn16s": 134_348_134,
    "fcn32s": 134_338_387,
    "fcn8s": 134_353_017,
    "fcn_basic": 709_464,
    "fcn_basic_no_addition": 705_816,
    "fcn_basic_no_addition_no_dim_reduction": 1_662_355,
    "fcn_basic_no_dim_reduction": 1_662_355,
    "fpn": 23_157_715,
    "fpn_lite0": 3_093_299,
    "hf_beit": 163_273_574,
    "hf_eomt": 315_886_612,
    "hf_mask2former": 47_405_966,
    "hf_mask2former_r50": 44_007_700,
    "hf_maskformer": 41_723_342,
    "hf_segformer": 3_719_027,
    "hf_upernet": 60_141_766,
    "hf_upernet_swin": 59_840_992,
    "hrnet": 9_641_119,
    "linknet": 21_772_531,
    "lraspp": 3_221_198,
    "manet": 31_786_243,
    "mobilenetv4": 7_385_731,
    "modern_unet": 3_125_683,
    "modern_unet_k2": 3_094_707,
    "ocr": 70_372_678,
    "pan": 21_481_018,
    "pidnet_m": 28_763_111,
    "pidnet_s": 7_720_935,
    "pspnet": 22_160_595,
    "pspnet_auxiliary": 22_309_414,
    "resnet38": 124_033_363,
    "segformer": 3_719_027,
    "segformer_b1": 13_682_131,
    "segformer_b2": 27_361_235,
    "segformer_b3": 47_237_075,
    "segformer_b4": 64_007_635,
    "segformer_b5": 84_607_955,
    "segnet": 29_453_971,
    "segnet_basic": 1_416_595,
    "segnet_basic_bayesian": 1_417_107,
    "segnet_basic_bilinear": 613_248,
    "segnet_basic_encoder_addition": 1_416_595,
    "segnet_basic_single_channel": 626_323,
    "segnet_bayesian": 29_453_971,
    "smp_unet": 14_330_819,
    "smp_unet_efficientnet": 6_254_079,
    "smp_unet_mobilenet": 6_631_555,
    "smp_unet_scse": 24_552_970,
    "stdc1": 8_425_248,
    "stdc2": 12_455_712,
    "torchvision_deeplabv3": 39_638_355,
    "torchvision_fcn": 32_955_987,
    "u_lite": 1_948_883,
    "unet": 1_942_883,
    "unet64": 31_044_691,
    "unet_aspp": 4_173_923,
    "unet_attention_gates": 1_965_251,
    "unet_cbam": 1_957_397,
    "unet_original": 31_032_915,
    "unet_ppm": 2_140_259,
    "unet_self_attention": 2_074_595,
    "unet_spatial_attention": 1_943_765,
    "unetplusplus": 26_081_219,
    "upernet": 29_604_307,
    "upernet_convnext": 59_251_635,
    "upernet_swin": 58_950_861,
    "vltseg": 336_469_140,
}
# One network of each kind, for what would take too long with all.
FEW = ("unet", "smp_unet", "segformer", "lraspp")
MODELS = sorted(path.stem for path in (config.FOLDER / "model").glob("*.yaml"))
ACTIVATIONS = sorted(path.stem for path in (config.FOLDER / "activation").glob("*.yaml"))


class WithoutMemory(TorchFunctionMode):
    """Inside, tensors have shapes and no values, but for the few that constructors compute numbers with."""

    def __enter__(self):
        self._meta = torch.device("meta")
        self._meta.__enter__()
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        self._meta.__exit__(*error)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.linspace:  # SegFormer's rates of stochastic depth
            kwargs = {"device": "cpu", **(kwargs or {})}
        return function(*args, **(kwargs or {}))


def composed(model, activation, *overrides):
    config.register()  # the resolver num_classes
    groups = [f"+model={model}", f"+activation={activation}", "+data.labels=cityscapes_19"]
    return compose(overrides=groups + list(overrides))


def built(cfg):
    with open_dict(cfg.model):
        divisor = cfg.model.pop("size_divisor")
        cfg.model.update(pretrained.without_weights(cfg.model))
    network, report = build_with_activation(
        instantiate(cfg.model, _partial_=True, _convert_="all"),
        instantiate(cfg.activation.factory),
        scope=cfg.activation.scope,
        has_argument="activation" in cfg.model,
    )
    return network, report, divisor


@functools.cache
def with_silu(model):
    with WithoutMemory():
        network, report, _ = built(composed(model, "silu"))
    return network, report


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_every_model_has_its_count_here():
    assert list(PARAMETERS) == MODELS
    asked_for = ["any", "elu", "gelu", "hardswish", "leaky_relu", "mish", "native", "prelu", "relu", "silu"]
    assert set(asked_for) <= set(ACTIVATIONS)


def test_the_guide_says_what_every_model_costs():
    guide = (config.FOLDER.parent / "notebooks" / "choices.md").read_text()
    lines = re.findall(r"^\| (\w+) \| (.+) \| ([\d.]+) \| [\d.,]+ \|$", guide, re.MULTILINE)
    rows = {model: (published, float(millions)) for model, published, millions in lines}
    assert sorted(rows) == MODELS
    for model, (published, millions) in rows.items():
        assert published == PUBLISHED.get(model, "–")
        count = {**PARAMETERS, "enet": 364_311}[model]  # with its PReLUs
        assert millions == pytest.approx(count / 1e6, rel=0.005)  # three digits


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_parameters(model):
    network, _ = with_silu(model)  # which has none of its own
    assert count(network) == PARAMETERS[model]
    head = (config.FOLDER / "model" / f"{model}.yaml").read_text().partition("_target_")[0]
    assert f"{PARAMETERS[model]:,}" in head


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "overrides", "parameters"),
    [
        ("pspnet", ["model.encoder_depth=3", "model.output_stride=32"], 21_520_947),
        ("pspnet", ["model.encoder_name=resnet50", "model.encoder_depth=3", "model.output_stride=32"], 24_383_955),
        ("smp_unet", ["model.encoder_name=resnet34"], 24_438_979),
        ("smp_unet", ["model.encoder_name=resnet50"], 32_523_715),
        ("smp_unet", ["model.encoder_name=resnet50", "model.decoder_attention_type=scse"], 33_818_686),
        ("smp_unet_efficientnet", ["model.encoder_name=efficientnet-b3"], 13_161_643),
        ("deeplabv3plus", ["model.encoder_name=resnet34"], 22_442_083),
        ("deeplabv3plus", ["model.encoder_name=resnet50"], 26_682_211),
        ("deeplabv3plus", ["model.encoder_name=mobilenet_v2"], 4_383_139),
        ("segformer_b2", ["model.decoder_segmentation_channels=256"], 24_726_995),
        ("hrnet", ["model.encoder_name=tu-hrnet_w48"], 65_859_379),
        (
            "efficientvit",
            ["model.encoder_name=tu-efficientvit_b0", "model.head_width=32", "model.head_depth=1"],
            706_691,
        ),
        ("efficientvit", ["model.encoder_name=tu-efficientvit_b2", "model.head_width=96"], 15_323_779),
        ("efficientvit", ["model.encoder_name=tu-efficientvit_b3", "model.head_width=128"], 39_603_155),
    ],
)
def test_parameters_of_what_the_comments_recommend(model, overrides, parameters):
    with WithoutMemory():
        network, _, _ = built(composed(model, "native", *overrides))
    assert count(network) == parameters


@pytest.mark.parametrize("model", one_in(6, MODELS))
def test_silu_takes_every_place(model):
    network, report = with_silu(model)
    used = Counter(type(module).__name__ for module in network.modules())
    assert used["SiLU"] == sum(report.replaced.values()) + sum(report.built.values()) > 0
    assert not {"ReLU", "ReLU6", "GELU", "Hardswish", "Swish"} & set(used)
    assert report.functional == ()


@pytest.mark.slow
@pytest.mark.parametrize("activation", one_in(4, ACTIVATIONS))
@pytest.mark.parametrize("model", FEW)
def test_every_activation(model, activation):
    cfg = composed(model, activation)
    wanted = None if activation == "native" else OmegaConf.select(cfg, "activation.factory._target_")
    network, report, divisor = built(cfg)
    with torch.inference_mode():
        logits = network.eval()(torch.randn(1, 3, divisor, 2 * divisor))
    assert logits.shape[:2] == (1, 19)
    assert logits.isfinite().all()
    assert report.activation == ("native" if wanted is None else wanted.rpartition(".")[2])
    assert wanted is None or sum(report.replaced.values()) + sum(report.built.values()) > 0


@pytest.mark.parametrize("model", FEW)
def test_training_step_reaches_every_part(model):
    network, _, divisor = built(composed(model, "silu"))
    logits = network(torch.randn(2, 3, 2 * divisor, 2 * divisor))
    (logits * torch.randn_like(logits)).mean().backward()
    assert logits.isfinite().all()
    reached = {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    assert reached == {name for name, child in network.named_children() if any(True for _ in child.parameters())}


def test_scope_reaches_a_network_with_an_argument():
    network, report, _ = built(composed("unet", "silu", "activation.scope=decoder"))
    assert report.replaced == {"ReLU": 8}
    assert not any(isinstance(module, torch.nn.SiLU) for module in network.encoder.modules())
