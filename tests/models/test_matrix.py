"""Every model of conf/model, with ReLU and cross-entropy, with SiLU and Dice: it trains, takes odd sizes, reloads."""

from contextlib import nullcontext

import pytest
import torch
from hydra import compose, initialize_config_dir

from seglab import config, runs
from seglab.errors import SeglabError
from seglab.losses import CrossEntropy, Dice
from seglab.models.activation import replace_activations
from seglab.training.build import build_module

pytestmark = pytest.mark.slow

MODELS = sorted(path.stem for path in (config.FOLDER / "model").glob("*.yaml"))
POOLED = ("deeplabv3", "deeplabv3plus", "pan", "torchvision_deeplabv3", "upernet")  # BatchNorm after global pooling
H, W = 64, 96
# Of our own networks, whose widest take most of the time; every one keeps its depth and its form.
NARROW = {
    "unet64": "base=16", "unet_original": "base=16",
    "fcn8s": "fc_width=256", "fcn16s": "fc_width=256", "fcn32s": "fc_width=256",
}  # fmt: skip


def built(model, activation):
    """The SegmentationModule of the configuration, from scratch."""
    config.register()
    overrides = [f"model={model}", f"activation={activation}", "data.root=/nowhere"]
    if model in NARROW:
        overrides.append(f"model.{NARROW[model]}")
    with initialize_config_dir(version_base="1.3", config_dir=str(config.FOLDER)):
        cfg = compose("train", overrides=overrides)
    config.check(cfg)
    torch.manual_seed(0)
    return build_module(runs.plain(cfg))


@pytest.fixture(scope="module", params=MODELS)
def module(request):
    return built(request.param, "relu")


@pytest.fixture(scope="module")
def batch():
    """One batch of two street-like images: bands of classes, with their own colours and some noise."""
    generator = torch.Generator().manual_seed(1)
    mask = (torch.arange(H)[:, None] // 16 * 3 + torch.arange(W)[None] // 48).expand(2, H, W).clone()
    mask[1] = mask[1].flip(1)
    mask[:, :4] = 255
    colors = torch.randint(0, 256, (256, 3), generator=generator)
    noise = torch.randint(-20, 20, (2, 3, H, W), generator=generator)
    image = (colors[mask].movedim(3, 1) + noise).clamp(0, 255).to(torch.uint8)
    return image, mask


def losses_of_training(module, batch, loss, *, steps=2):
    """The loss before and after each of `steps` steps of Adam on one batch; the module is left as it was."""
    before = {name: tensor.clone() for name, tensor in module.train().state_dict().items()}
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-4)
    values = []
    for step in range(steps + 1):
        torch.manual_seed(3)  # the same dropout each time: only the weights change
        value = loss(module(batch[0]), batch[1])
        values.append(value.item())
        if step < steps:
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
    module.load_state_dict(before)
    return values


def test_two_steps_lower_the_cross_entropy(module, batch):
    values = losses_of_training(module, batch, CrossEntropy())
    assert torch.tensor(values).isfinite().all()
    assert values[-1] < values[0], values


@pytest.mark.parametrize("model", MODELS)
def test_two_steps_lower_dice_with_silu(model, batch):
    """A pair in place of the product: what a loss makes of logits is the same for every network."""
    module = built(model, "silu")
    assert any(isinstance(layer, torch.nn.SiLU) for layer in module.network.modules())
    values = losses_of_training(module, batch, Dice())
    assert torch.tensor(values).isfinite().all()
    assert values[-1] < values[0], values


def test_odd_sizes(module):
    with torch.inference_mode():
        logits = module.eval()(torch.randint(0, 256, (1, 3, 65, 97), dtype=torch.uint8))
    assert logits.shape == (1, 19, 65, 97)
    assert logits.isfinite().all()


def test_a_batch_of_one_trains_or_is_refused_clearly(request, module, batch):
    refused = request.node.callspec.params["module"] in POOLED
    module.train()
    with pytest.raises(SeglabError, match="expected two images or more in a batch") if refused else nullcontext():
        assert module(batch[0][:1]).isfinite().all()


def test_saved_weights_give_the_same_logits(module, batch, tmp_path):
    with torch.inference_mode():
        before = module.eval()(batch[0])
    torch.save(module.state_dict(), tmp_path / "weights.pt")
    with torch.no_grad():
        for tensor in module.state_dict().values():
            tensor.zero_()
    module.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    with torch.inference_mode():
        assert torch.equal(module(batch[0]), before)


def test_parts_can_be_told_apart(module):
    """For activation.scope, freezing and the encoder's learning rate. The last test of a module: it changes it."""
    assert sum(replace_activations(module.network, torch.nn.SiLU, scope="encoder").replaced.values()) > 0
