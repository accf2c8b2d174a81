"""An optimizer whose rates and decay may differ between the parts of a network."""

from collections.abc import Callable, Iterable
from typing import Any

from torch import nn
from torch.optim import Optimizer

from seglab.models.layers import layer_numbers
from seglab.models.parts import encoder_name

OptimizerFactory = Callable[[Iterable[nn.Parameter] | list[dict[str, Any]]], Optimizer]


def build_optimizer(
    factory: OptimizerFactory,
    module: nn.Module,
    *,
    network: nn.Module,
    encoder_lr: float,
    decay_norm_and_bias: bool,
    layer_decay: float = 1.0,
) -> Optimizer:
    """The optimizer of all parameters of `module`, those without a gradient (frozen ones) too: torch passes them over.

    One group without a name, as ever, unless something is asked for; then groups `encoder` and `rest` (or `network`),
    with `layer_decay` `encoder_layer_0` and so on in place of the first, and each once more as `..._no_decay`.

    Args:
        network: the part of `module` that has an encoder.
        encoder_lr: factor on the learning rate of the encoder's parameters. A schedule multiplies all rates.
        decay_norm_and_bias: False leaves parameters of one axis (norms, biases, PReLU) without weight decay.
        layer_decay: factor on the learning rate of each layer of the encoder for every layer behind it; what is behind
            the encoder counts as one (BEiT, arXiv 2106.08254; timm's param_groups_layer_decay).

    Raises:
        SeglabError: a factor was asked for and the network has no encoder, or that no layers to tell apart.
    """
    if encoder_lr == 1 and decay_norm_and_bias and layer_decay == 1:
        return factory(list(module.parameters()))
    factors: dict[str, float] = {}  # of each part that is slowed
    part_of: dict[nn.Parameter, str] = {}
    if encoder_lr != 1 or layer_decay != 1:
        factors, part_of = _slowed(network, encoder_lr=encoder_lr, layer_decay=layer_decay)
    members: dict[str, list[nn.Parameter]] = {}
    for parameter in module.parameters():
        part = part_of.get(parameter, "rest" if part_of else "network")
        decays = decay_norm_and_bias or parameter.ndim > 1
        members.setdefault(part if decays else f"{part}{_NO_DECAY}", []).append(parameter)
    groups: list[dict[str, Any]] = [
        {"name": name, "params": parameters, **({"weight_decay": 0.0} if name.endswith(_NO_DECAY) else {})}
        for name, parameters in members.items()
    ]
    optimizer = factory(groups)
    for group in optimizer.param_groups:
        group["lr"] *= factors.get(group["name"].removesuffix(_NO_DECAY), 1.0)
    return optimizer


_NO_DECAY = "_no_decay"


def _slowed(
    network: nn.Module, *, encoder_lr: float, layer_decay: float
) -> tuple[dict[str, float], dict[nn.Parameter, str]]:
    """{part of the encoder: factor on its rate} and {parameter of the encoder: its part}."""
    keys = {"module.encoder_lr": encoder_lr, "module.layer_decay": layer_decay}
    key = next(key for key, value in keys.items() if value != 1)
    setting = f"{key}={keys[key]}"
    encoder = network.get_submodule(encoder_name(network, setting=setting, instead=f"use {key}=1.0"))
    numbers, behind = layer_numbers(encoder, setting=setting) if layer_decay != 1 else ({}, 0)
    part_of = {
        parameter: f"encoder_layer_{numbers[name]}" if name in numbers else "encoder"
        for name, parameter in encoder.named_parameters()
    }
    layers = {f"encoder_layer_{number}": layer_decay ** (behind - number) for number in set(numbers.values())}
    return {part: encoder_lr * layers.get(part, 1.0) for part in ("encoder", *layers)}, part_of
