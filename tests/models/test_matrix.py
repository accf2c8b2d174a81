"""Every model of conf/model, with ReLU and cross-entropy, with SiLU and Dice: it trains, takes odd sizes, reloads."""

import io
from contextlib import nullcontext

import pytest
import torch
from omegaconf import OmegaConf

from seglab import config, runs
from seglab.errors import SeglabError
from seglab.losses import CrossEntropy, Dice
from seglab.models.activation import replace_activations
from seglab.training.build import build_module
from tests.composed import compose
from tests.exhaustive import few_of
from tests.models import tiny_encoders, tiny_transformers

pytestmark = pytest.mark.slow

MODELS = sorted(path.stem for path in (config.FOLDER / "model").glob("*.yaml"))
FEW = (  # one of each kind
    "deeplabv3plus", "hf_mask2former", "modern_unet", "pidnet_s", "pspnet_auxiliary", "segformer", "segnet_basic",
    "torchvision_deeplabv3", "unet", "unet_attention_gates", "vltseg",
)  # fmt: skip
POOLED = (  # BatchNorm after global pooling
    "bisenetv2", "ddrnet_23_slim", "deeplabv3", "deeplabv3_auxiliary", "deeplabv3plus", "fast_scnn", "hf_beit",
    "hf_upernet", "hf_upernet_swin", "pan", "pidnet_m", "pidnet_s", "stdc1", "stdc2", "torchvision_deeplabv3",
    "upernet", "upernet_convnext", "upernet_swin",
)  # fmt: skip
# One of each kind: few processors have bf16, and the step of all takes four minutes where it is emulated.
IN_BF16 = (
    "bisenetv2", "ddrnet_23_slim", "deeplab_largefov", "dinov2_linear", "dpt_clip", "dpt_dinov3", "dpt_eva02_clip",
    "dpt_mae", "efficientvit", "enet", "erfnet", "fast_scnn", "fpn_lite0", "hf_beit", "hf_eomt", "hf_mask2former",
    "hf_maskformer", "hf_segformer", "hf_upernet", "hf_upernet_swin", "hrnet", "lraspp", "mobilenetv4", "modern_unet",
    "ocr", "pidnet_m", "pidnet_s", "resnet38", "segformer", "segnet_basic", "smp_unet", "stdc1", "stdc2", "unet",
    "unet_attention_gates", "unet_self_attention", "upernet_convnext", "upernet_swin", "vltseg",
)  # fmt: skip
H, W = 64, 64
# Of our own networks, whose widest take most of the time; every one keeps its depth and its form. Those of
# transformers and on encoders of timm would take gigabytes.
NARROW = {
    **dict.fromkeys(("unet64", "unet_original"), ("model.base=16",)),
    **dict.fromkeys(("fcn8s", "fcn16s", "fcn32s"), ("model.fc_width=256",)),
    "deeplab_largefov": ("model.widths=[8,16,16,32,32]",),
    "ocr": ("model.encoder_name=tu-hrnet_w18_small", "model.width=32", "model.key_width=16"),
    "resnet38": ("model.base=8",),  # with 4, oneDNN ends the process in the backward of a 1x1 convolution of stride 2
    **tiny_transformers.TINY,
    **tiny_encoders.TINY,
}


def built(model, activation):
    """The SegmentationModule of the configuration, from scratch."""
    config.register()
    overrides = [f"model={model}", f"activation={activation}", "data.root=/nowhere", *NARROW.get(model, ())]
    cfg = compose("train", overrides=overrides)
    config.check(cfg)
    torch.manual_seed(0)
    return build_module(runs.plain(cfg))


@pytest.fixture(scope="module", params=few_of(MODELS, FEW))
def module(request):
    return built(request.param, "relu")


@pytest.fixture(scope="module")
def batch():
    """One batch of two street-like images: bands of classes, with their own colours and some noise."""
    generator = torch.Generator().manual_seed(1)
    mask = (torch.arange(H)[:, None] // 16 * 3 + torch.arange(W)[None] // 32).expand(2, H, W).clone()
    mask[1] = mask[1].flip(1)
    mask[:, :4] = 255
    colors = torch.randint(0, 256, (256, 3), generator=generator)
    noise = torch.randint(-20, 20, (2, 3, H, W), generator=generator)
    image = (colors[mask].movedim(3, 1) + noise).clamp(0, 255).to(torch.uint8)
    return image, mask


def losses_of_training(module, batch, loss):
    """The loss before and after a step of Adam on one batch; the module is left as it was."""
    before = {name: tensor.clone() for name, tensor in module.train().state_dict().items()}
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-4)
    values = []
    for is_trained in (False, True):
        torch.manual_seed(3)  # the same dropout each time: only the weights change
        with torch.set_grad_enabled(not is_trained):
            value = loss(module(batch[0]), batch[1])
        values.append(value.item())
        if not is_trained:
            value.backward()
            optimizer.step()
    module.load_state_dict(before)
    return values


def test_a_step_lowers_the_cross_entropy(module, batch):
    before, after = losses_of_training(module, batch, CrossEntropy())
    assert before > after > 0


@pytest.mark.parametrize("module", few_of(IN_BF16, ["hf_mask2former", "pidnet_s", "unet", "vltseg"]), indirect=True)
def test_a_step_in_bf16_gives_every_gradient_a_number(module, batch):
    """As Lightning's trainer.precision=bf16-mixed has it: the forward pass and the loss under autocast."""
    before = {name: tensor.clone() for name, tensor in module.train().state_dict().items()}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, _ = module._loss_and_terms(module._answer(batch[0][..., :32, :32]), batch[1][..., :32, :32])
    loss.backward()
    gradients = {name: p.grad for name, p in module.named_parameters() if p.grad is not None}
    module.zero_grad()
    module.load_state_dict(before)
    assert loss.isfinite()
    assert loss.dtype == torch.float32
    assert gradients
    assert [name for name, gradient in gradients.items() if not gradient.isfinite().all()] == []


def test_odd_sizes(module):
    with torch.inference_mode():
        logits = module.eval()(torch.randint(0, 256, (1, 3, 33, 49), dtype=torch.uint8))
    assert logits.shape == (1, 19, 33, 49)
    assert logits.isfinite().all()


def test_a_batch_of_one_trains_or_is_refused_clearly(request, module, batch):
    refused = request.node.callspec.params["module"] in POOLED
    module.train()
    with pytest.raises(SeglabError, match="expected two images or more in a batch") if refused else nullcontext():
        assert module(batch[0][:1]).isfinite().all()


def test_saved_weights_give_the_same_logits(module, batch):
    with torch.inference_mode():
        before = module.eval()(batch[0])
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    with torch.no_grad():
        for tensor in module.state_dict().values():
            tensor.zero_()
    module.load_state_dict(torch.load(file, weights_only=True))
    with torch.inference_mode():
        assert torch.equal(module(batch[0]), before)


def test_parts_can_be_told_apart_and_a_step_lowers_dice_with_silu(request, module, batch):
    """For activation.scope, freezing and the encoder's learning rate. The last test of a module: it changes it.

    SiLU and Dice are a pair in place of the product: what a loss makes of logits is the same for every network. As in a
    training, it is replaced in the networks of libraries, and built into those of ours.
    """
    assert sum(replace_activations(module.network, torch.nn.SiLU, scope="encoder").replaced.values()) > 0
    model = request.node.callspec.params["module"]
    if "activation" in OmegaConf.load(config.FOLDER / "model" / f"{model}.yaml"):
        module = built(model, "silu")
    else:
        replace_activations(module.network, torch.nn.SiLU, scope="all")
    assert any(isinstance(layer, torch.nn.SiLU) for layer in module.network.modules())
    before, after = losses_of_training(module, batch, Dice())
    assert before > after > 0
