"""Every conf/model with every conf/activation, found by itself: composed, built, run."""

from collections import Counter

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import open_dict

from seglab import config
from seglab.models.activation import build_with_activation

MODELS = sorted(path.stem for path in (config.FOLDER / "model").glob("*.yaml"))
ACTIVATIONS = sorted(path.stem for path in (config.FOLDER / "activation").glob("*.yaml"))
PARAMETERS = {"unet": 1_942_883, "smp_unet": 14_330_819, "deeplabv3plus": 12_333_923, "segformer": 3_719_027}


def composed(model, activation, *overrides):
    config.register()  # the resolver num_classes
    with initialize_config_dir(str(config.FOLDER), version_base="1.3"):
        groups = [f"+model={model}", f"+activation={activation}", "+data.labels=cityscapes_19"]
        return compose(overrides=groups + list(overrides))


def built(cfg):
    with open_dict(cfg.model):
        divisor = cfg.model.pop("size_divisor")
    network, report = build_with_activation(
        instantiate(cfg.model, _partial_=True, _convert_="all"),
        instantiate(cfg.activation.factory),
        scope=cfg.activation.scope,
        has_argument="activation" in cfg.model,
    )
    return network, report, divisor


def test_there_is_something_to_test():
    assert set(PARAMETERS) <= set(MODELS)
    assert {"native", "relu", "silu", "gelu", "leaky_relu", "mish"} <= set(ACTIVATIONS)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("model", MODELS)
def test_every_pair_builds(model, activation):
    cfg = composed(model, activation)
    network, report, divisor = built(cfg)
    with torch.inference_mode():
        logits = network.eval()(torch.zeros(1, 3, divisor, 2 * divisor))
    assert logits.shape[:2] == (1, 19)
    assert (report.activation == "native") == (activation == "native")
    if activation != "native":
        wanted = cfg.activation.factory._target_.rpartition(".")[2]
        used = Counter(type(module).__name__ for module in network.modules())
        assert used[wanted] == sum(report.replaced.values()) + sum(report.built.values()) > 0
        assert {"ReLU", "GELU", "SiLU"} & set(used) <= {wanted}


@pytest.mark.parametrize("model", PARAMETERS)
def test_parameter_counts_of_the_defaults(model):
    network, _, _ = built(composed(model, "native"))
    assert sum(parameter.numel() for parameter in network.parameters()) == PARAMETERS[model]


@pytest.mark.parametrize("model", PARAMETERS)
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
