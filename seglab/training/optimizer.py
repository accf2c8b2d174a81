"""An optimizer whose rates and decay may differ between the parts of a network."""

from collections.abc import Callable, Iterable
from typing import Any

from torch import nn
from torch.optim import Optimizer

from seglab.models.parts import encoder_name

OptimizerFactory = Callable[[Iterable[nn.Parameter] | list[dict[str, Any]]], Optimizer]


def build_optimizer(
    factory: OptimizerFactory, module: nn.Module, *, network: nn.Module, encoder_lr: float, decay_norm_and_bias: bool
) -> Optimizer:
    """The optimizer of all parameters of `module`, those without a gradient (frozen ones) too: torch passes them over.

    One group without a name, as ever, unless something is asked for; then groups `encoder` and `rest` (or `network`),
    and each once more as `..._no_decay`.

    Args:
        network: the part of `module` that has an encoder.
        encoder_lr: factor on the learning rate of the encoder's parameters. A schedule multiplies both rates.
        decay_norm_and_bias: False leaves parameters of one axis (norms, biases, PReLU) without weight decay.

    Raises:
        SeglabError: a factor was asked for and the network has no encoder.
    """
    if encoder_lr == 1 and decay_norm_and_bias:
        return factory(list(module.parameters()))
    encoder: set[nn.Parameter] = set()
    if encoder_lr != 1:
        setting = f"module.encoder_lr={encoder_lr}"
        name = encoder_name(network, setting=setting, instead="use module.encoder_lr=1.0")
        encoder = set(network.get_submodule(name).parameters())
    members: dict[str, list[nn.Parameter]] = {}
    for parameter in module.parameters():
        part = "encoder" if parameter in encoder else "rest" if encoder else "network"
        decays = decay_norm_and_bias or parameter.ndim > 1
        members.setdefault(part if decays else f"{part}_no_decay", []).append(parameter)
    groups: list[dict[str, Any]] = [
        {"name": name, "params": parameters, **({"weight_decay": 0.0} if name.endswith("_no_decay") else {})}
        for name, parameters in members.items()
    ]
    optimizer = factory(groups)
    for group in optimizer.param_groups:
        if group["name"].startswith("encoder"):
            group["lr"] *= encoder_lr
    return optimizer
