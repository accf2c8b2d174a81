"""What a network costs before it has computed anything: parameters, operations and the shapes inside it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from seglab.display.numbers import cell, word
from seglab.display.sheet import Sheet

_DEPTH = 2  # levels of the network that are listed


class Part(NamedTuple):
    """One module of the network."""

    path: str
    kind: str
    shape: tuple[int, ...] | None  # of its output, without the batch; None where it returns no tensor or is not called
    parameters: int


@dataclass(frozen=True)
class Complexity:
    """`flops` counts a multiplication and an addition as two, of convolutions, matrix products and attention.

    Norms, activations, pooling and interpolation are left out, as everybody does. `flops` and `outputs` are None and no
    part has a shape where the network cannot be followed without computing.
    """

    name: str
    size: tuple[int, int]  # (H, W) of the image
    parameters: int
    trainable: int
    flops: int | None  # of one image
    parts: tuple[Part, ...]
    outputs: Any = None  # what it returns for a batch of one image, tensors without values
    channels: int = 3  # of the image


def complexity(network: nn.Module, *, size: Sequence[int], divisor: int = 1, channels: int = 3) -> Complexity:
    """The complexity for one image of `size`, padded to multiples of `divisor`. Nothing is computed or copied."""
    height, width = (-(-side // divisor) * divisor for side in size)
    shapes: dict[str, tuple[int, ...]] = {}
    flops = outputs = None
    training = network.training
    network.eval()  # BatchNorm's statistics stay as they are
    try:
        with torch.no_grad(), ExitStack() as hooks, FlopCounterMode(display=False) as counter:
            for path, module in _listed(network):
                hooks.callback(module.register_forward_hook(_remember(shapes, path)).remove)
            image = torch.empty(1, channels, height, width, device="meta")
            outputs = functional_call(network, _without_values(network), (image,))
        flops = counter.get_total_flops()
    except (RuntimeError, TypeError):  # it looks at values, or an operation knows no meta tensors
        shapes.clear()
    finally:
        network.train(training)
    return Complexity(
        name=type(network).__name__,
        size=(height, width),
        parameters=_count(network),
        trainable=trainable_parameters(network),
        flops=flops,
        parts=tuple(
            Part(path, type(module).__name__, shapes.get(path), _count(module)) for path, module in _listed(network)
        ),
        outputs=outputs,
        channels=channels,
    )


def trainable_parameters(network: nn.Module) -> int:
    """How many of its numbers learn."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def summary_sheet(network: Complexity) -> Sheet:
    """The parts with the shapes of their outputs and their parameters, one line each, and the totals."""
    rows = [
        [word("  " * part.path.count(".") + part.path.rpartition(".")[2]), word(part.kind),
         word("–" if part.shape is None else " x ".join(map(str, part.shape))), cell(part.parameters, ",")]
        for part in network.parts
    ]  # fmt: skip
    return Sheet(
        caption=f"{network.name}, one image of {network.channels} x {network.size[0]} x {network.size[1]}",
        header=("part", "class", "output (C x H x W)", "parameters"),
        rows=rows,
        words=3,
        notes=[headline(network)],
    )


def headline(network: Complexity) -> str:
    """'1,942,883 parameters, 5.61 GFLOPs an image of 128x256'."""
    frozen = "" if network.trainable == network.parameters else f" ({network.trainable:,} trainable)"
    counted = f"{network.parameters:,} parameters{frozen}"
    if network.flops is None:
        return counted
    return f"{counted}, {network.flops / 1e9:.3g} GFLOPs an image of {network.size[0]}x{network.size[1]}"


def _listed(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """(path, module) of the uppermost levels; a module without parameters of its own is listed on the first only."""
    for path, module in network.named_modules():
        depth = path.count(".") + 1
        if path and (depth == 1 or (depth <= _DEPTH and _count(module) > 0)):
            yield path, module


def _remember(shapes: dict[str, tuple[int, ...]], path: str) -> Callable[[nn.Module, Any, Any], None]:
    def hook(module: nn.Module, arguments: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            shapes[path] = tuple(output.shape[1:])

    return hook


def _without_values(network: nn.Module) -> dict[str, Tensor]:
    named = [*network.named_parameters(remove_duplicate=False), *network.named_buffers(remove_duplicate=False)]
    return {name: tensor.detach().to("meta") for name, tensor in named}


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
