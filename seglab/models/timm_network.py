"""Networks of timm by their names, as the encoders of seglab's own."""

from collections.abc import Mapping
from typing import Any

import timm
from torch import nn


def timm_network(
    encoder_name: str, *, encoder_weights: str | None, in_channels: int, arguments: Mapping[str, Any]
) -> Any:
    """The network that timm calls `encoder_name`, which may begin with smp's 'tu-'.

    Args:
        encoder_weights: any text for timm's own weights of that name, downloaded once; None for a random start.
        arguments: of timm's class, beside the number of channels.
    """
    name = encoder_name.removeprefix("tu-")
    return timm.create_model(name, pretrained=encoder_weights is not None, in_chans=in_channels, **arguments)


def without_final_norm(network: nn.Module) -> None:
    """The norm before a classifier of images has no part in maps of earlier blocks: no gradient, no weight decay."""
    for name, _ in list(network.named_children()):
        if name in ("norm", "fc_norm"):
            setattr(network, name, nn.Identity())
