"""Low-rank additions to the layers of a network, by the library peft (LoRA: Hu et al., arXiv 2106.09685).

In training a layer of weights W answers W x + s B A x, and only A and B learn. `merged` puts W + s B A in the place of
W: what is kept is the plain network, whose names know nothing of this.
"""

import copy
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from seglab.errors import SeglabError, listed

_ADAPTER = "default"  # peft's own name of a single one
_BASE = ".base_layer."  # what peft puts before the names of a layer's own tensors

State = dict[str, Tensor]


def add_adapters(encoder: nn.Module, *, rank: int, alpha: float, dropout: float, modules: Sequence[str]) -> list[str]:
    """The names of the layers of `encoder` that were given additions, in place; all its other weights are frozen.

    The additions begin at zero: the encoder answers as before.

    Args:
        alpha: s is alpha / rank.
        dropout: share of the values that go into A that is left out in training.
        modules: ends of dotted names, such as "attn.qkv"; * and ? as in file names.

    Raises:
        SeglabError: peft is not installed, or no layer that LoRA is for has such a name.
    """
    config, inject = _library()
    candidates = _candidates(encoder)
    names = [name for name in candidates if any(_fits(name, pattern) for pattern in modules)]
    if not names:
        kinds = list(dict.fromkeys(re.sub(r"\b\d+\.", "*.", name) for name in candidates))
        raise SeglabError(
            f"adapt.modules: expected ends of names of linear or convolutional layers of {type(encoder).__name__}, "
            f"such as {listed(kinds, most=16) or 'none, since it has none'}; came {listed(modules)} - name some of "
            "these, or use adapt=linear_probe or adapt=full"
        )
    exactly = "|".join(map(re.escape, names))
    _call_all_projections(encoder)
    inject(config(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=exactly), encoder, _ADAPTER)
    return names


def adapted_layers(network: nn.Module) -> dict[str, nn.Module]:
    """{dotted name: layer} of the layers with additions; of a network that `add_adapters` was called for."""
    from peft.tuners.lora import LoraLayer

    return {name: module for name, module in network.named_modules() if isinstance(module, LoraLayer)}


@torch.no_grad()
def merged(network: nn.Module, state: Mapping[str, Tensor], *, prefix: str) -> tuple[State, State]:
    """The tensors of `state` as the plain network has them, and those that the merged ones among them were made of.

    Args:
        network: with additions; its own values count for nothing here.
        state: what it is saved as, each name behind `prefix`; perhaps with other tensors.
    """
    plain, adapters = dict(state), State()
    for name, layer in adapted_layers(network).items():
        before = f"{prefix}{name}."
        own = {key: tensor for key, tensor in state.items() if key.startswith(before)}
        whole: Any = copy.deepcopy(layer)
        whole.load_state_dict({key.removeprefix(before): tensor for key, tensor in own.items()})
        whole.merge()
        for key in own:
            del plain[key]
        plain |= {before + key: tensor for key, tensor in whole.get_base_layer().state_dict().items()}
        adapters |= own
    return plain, adapters


def unmerged(state: Mapping[str, Tensor], adapters: Mapping[str, Tensor]) -> State:
    """The state that `merged` was given, bit for bit, from the two that it returned."""
    replaced = {key.replace(_BASE, ".") for key in adapters if _BASE in key}
    return {key: tensor for key, tensor in state.items() if key not in replaced} | dict(adapters)


def _library() -> tuple[Any, Any]:
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise SeglabError(
            f"adapt=lora: expected the package peft; came {error} - pip install 'seglab[peft]', or use "
            "adapt=linear_probe or adapt=full"
        ) from error
    return LoraConfig, inject_adapter_in_model


def _candidates(encoder: nn.Module) -> list[str]:
    """Layers whose additions can be merged. Torch's own attention calls none of its layers: it reads their weights."""
    inside = tuple(
        f"{name}." for name, module in encoder.named_modules() if name and isinstance(module, nn.MultiheadAttention)
    )
    return [name for name, module in encoder.named_modules() if _can_be_merged(module) and not name.startswith(inside)]


def _can_be_merged(module: nn.Module) -> bool:
    """Whether it is linear in its weights as peft computes them: no group, no dilation, no standardised weights."""
    if type(module) is nn.Conv2d:
        return module.groups == 1 and module.dilation == (1, 1) and module.padding_mode == "zeros"
    return type(module) is nn.Linear


def _call_all_projections(encoder: nn.Module) -> None:
    """Timm's BEiT, EVA and Swin V2 read the weights of `qkv` where keys have no bias; asked so, they call it."""
    for module in encoder.modules():
        if getattr(module, "qkv_bias_separate", None) is False:
            module.qkv_bias_separate = True  # type: ignore[assignment]


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"*.{pattern}")
