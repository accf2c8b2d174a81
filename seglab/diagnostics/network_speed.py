"""`python -m seglab.diagnostics.network_speed`: how fast the network of a configuration is here, and what it costs.

`python -m seglab.table speed=true` starts it, in a process of its own.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from seglab.diagnostics.network import measure as measure_network
from seglab.diagnostics.served import serve
from seglab.training.build import build_network, without_weights

_USUAL_SIZE = [512, 1024]  # where images keep their own size
_SIDE = 128  # at least, of the image on which is seen what a prediction uses


def measure(config: Mapping[str, Any]) -> dict[str, Any]:
    """Of one image of data.size in float32, the median of five, without resizing its logits to the image.

    Returns:
        {"parameters": those that a prediction uses, "flops": a multiplication and an addition are two, "size":
        [height, width], "images_per_second": ..., "milliseconds": ..., "conditions": 'batch of 1, NVIDIA H100'}.
    """
    plain = without_weights(config)
    settings = {
        **plain,
        "size": plain["data"]["size"] or _USUAL_SIZE,
        "batch_size": 1,
        "device": "auto",
        "precision": "32-true",
        "channels_last": plain["module"]["channels_last"],
        "compile": False,
        "repetitions": 5,
        "training": False,
    }
    costs = measure_network(settings, title="")
    assert costs.inference is not None
    return {
        "parameters": used_parameters(
            build_network(settings), channels=costs.complexity.channels, divisor=settings["model"]["size_divisor"]
        ),
        "flops": costs.complexity.flops,
        "size": list(costs.complexity.size),
        "images_per_second": costs.inference.images_per_second,
        "milliseconds": costs.inference.milliseconds,
        "conditions": costs.conditions,
    }


def used_parameters(network: nn.Module, *, channels: int, divisor: int) -> int:
    """How many parameters the logits of an image depend on: those of heads for training alone are not among them."""
    network.eval().requires_grad_(True)
    side = -(-_SIDE // divisor) * divisor
    network(torch.zeros(1, channels, side, side)).sum().backward()
    return sum(parameter.numel() for parameter in network.parameters() if parameter.grad is not None)


def main() -> None:
    serve(measure)


if __name__ == "__main__":
    main()
