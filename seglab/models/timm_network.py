"""Networks of timm by their names, as the encoders of seglab's own."""

from collections.abc import Mapping
from typing import Any

import timm
from torch import nn

from seglab.errors import SeglabError, did_you_mean


def timm_network(
    encoder_name: str,
    *,
    encoder_weights: str | None,
    in_channels: int,
    arguments: Mapping[str, Any],
    module: str = "",
) -> Any:
    """The network that timm calls `encoder_name`, which may begin with smp's 'tu-'.

    Args:
        encoder_weights: any text for timm's own weights of that name, downloaded once; None for a random start.
        arguments: of timm's class, beside the number of channels.
        module: of timm.models, whose networks alone will do, such as hrnet.

    Raises:
        SeglabError: timm has no such network, or its class no such argument.
    """
    name = encoder_name.removeprefix("tu-")
    names = timm.list_models(module=module)
    if name.partition(".")[0] not in names:
        raise SeglabError(
            f"model.encoder_name: expected a network of timm{f'.models.{module}' if module else ''}, such as "
            f"{names[0]}; came {encoder_name!r}{did_you_mean(name, names)}"
        )
    try:
        return timm.create_model(name, pretrained=encoder_weights is not None, in_chans=in_channels, **arguments)
    except TypeError as error:
        raise SeglabError(f"model.encoder_options: timm refuses them for {name}: {error}") from error


def without_final_norm(network: nn.Module) -> None:
    """The norm before a classifier of images has no part in maps of earlier blocks: no gradient, no weight decay."""
    for name, _ in list(network.named_children()):
        if name in ("norm", "fc_norm"):
            setattr(network, name, nn.Identity())
