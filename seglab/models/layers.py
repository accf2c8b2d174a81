"""The layers of an encoder by number, from the image on, for learning rates that differ from layer to layer."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from seglab.errors import SeglabError

# layers.0, encoder.layer.0, layers.0.blocks.0, stages.0.layers.0
_BLOCK = re.compile(r"(?:.*?\.)??(?:layers?|blocks|stages)\.\d+(?:\.(?:layers?|blocks)\.\d+)?(?=\.)")
_BEHIND = "(behind the encoder)"  # no parameter is called so: what a matcher of timm knows no layer for


def layer_numbers(encoder: nn.Module, *, setting: str) -> tuple[dict[str, int], int]:
    """{parameter of `encoder`: number of its layer} from 0, what makes tokens of the image, and that of what is behind.

    An encoder of timm, or one around it, is counted as timm counts for `param_groups_layer_decay`; of its parameters
    those that timm knows no layer for (a classifier's) are left out. Of others, the blocks are counted that lie in a
    list called layers, layer or blocks, perhaps of stages; what lies between two blocks belongs to the first.

    Args:
        setting: what asked for it, as the user wrote it.

    Raises:
        SeglabError: no layers can be told apart.
    """
    numbers = _of_timm(encoder) or _of_lists(encoder)
    if len(set(numbers.values())) < 2:
        raise SeglabError(
            f"{setting}: expected an encoder whose layers can be told apart, one of timm (model.encoder_name=tu-NAME) "
            f"or with a list of blocks as transformers' have; came {type(encoder).__name__} - leave it at 1.0, "
            "module.encoder_lr slows the encoder as a whole"
        )
    behind = numbers.pop(_BEHIND)
    return {name: number for name, number in numbers.items() if number < behind}, behind


def _of_timm(encoder: nn.Module) -> dict[str, int]:
    """{parameter: number}, that of _BEHIND among them; empty where there is nothing of timm."""
    modules = dict(encoder.named_modules())
    path = next((path for path, module in modules.items() if _matcher(module) is not None), None)
    if path is None:
        path = next((path for path, module in modules.items() if _architecture(module) is not None), None)
    if path is None:
        return {}
    part = modules[path]
    matcher, own_names = _matcher(part), {name: name for name, _ in part.named_parameters()}
    if matcher is None:
        matcher, own_names = _of_taken_apart(part)
    from timm.models import group_parameters

    numbers: dict[str, int] = group_parameters(_Named([*own_names.values(), _BEHIND]), matcher, reverse=True)
    before = f"{path}." if path else ""
    return {before + name: numbers[own] for name, own in own_names.items()} | {_BEHIND: numbers[_BEHIND]}


class _Named(nn.Module):
    """Stands for a network of which timm asks the names of its parameters alone."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names = names

    def named_parameters(self, *unused: Any, **unused_too: Any) -> Iterator[tuple[str, nn.Parameter]]:
        yield from ((name, nn.Parameter()) for name in self._names)


def _matcher(module: nn.Module) -> Any:
    """By what timm finds the layers of one of its networks."""
    matcher: Any = getattr(module, "group_matcher", None)
    return None if matcher is None else matcher(coarse=False)


def _architecture(module: nn.Module) -> str | None:
    """The name that timm has for a network of it."""
    if not type(module).__module__.startswith("timm."):
        return None
    description: Any = getattr(module, "pretrained_cfg", None) or {}
    return description.get("architecture")


def _of_taken_apart(features: nn.Module) -> tuple[Any, dict[str, str]]:
    """Of what features_only=True has made of a network the matcher, and {name there: name in the whole network}."""
    import timm

    with torch.device("meta"):
        whole = timm.create_model(_architecture(features))
    flat = dict(_flattened(whole))
    names = {}
    for name, _ in features.named_parameters():
        child, dot, rest = name.partition(".")
        names[name] = flat.get(child, child) + dot + rest
    return _matcher(whole), names


def _flattened(whole: nn.Module) -> Iterator[tuple[str, str]]:
    """("stages_0", "stages.0"): what features_only=True makes of the children of a Sequential."""
    for name, child in whole.named_children():
        if isinstance(child, nn.Sequential):
            yield from ((f"{name}_{inner}", f"{name}.{inner}") for inner, _ in child.named_children())


def _of_lists(encoder: nn.Module) -> dict[str, int]:
    names = [name for name, _ in encoder.named_parameters()]
    found = {match[0] for name in names if (match := _BLOCK.match(name))}
    blocks = {block for block in found if not any(other.startswith(f"{block}.") for other in found)}
    numbers, number, current = {}, 0, None
    for name in names:
        match = _BLOCK.match(name)
        if match and match[0] in blocks and match[0] != current:
            number, current = number + 1, match[0]
        numbers[name] = number
    return numbers | ({_BEHIND: number + 1} if number > 1 else {})
