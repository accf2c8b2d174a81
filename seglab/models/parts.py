"""The part of a network that its features come from, by the names that seglab and the libraries give it."""

from torch import nn

from seglab.errors import SeglabError

ENCODERS = ("encoder", "backbone")  # seglab, smp; torchvision


def encoder_name(network: nn.Module, *, setting: str, instead: str) -> str:
    """Name of the child of `network` that is its encoder.

    Args:
        setting: what asked for it, as the user wrote it.
        instead: what the user can do about a network without one.

    Raises:
        SeglabError: there is none.
    """
    children = [name for name, _ in network.named_children()]
    encoders = [name for name in ENCODERS if name in children]
    if not encoders:
        raise SeglabError(
            f"{setting}: expected {type(network).__name__} to have a part {' or '.join(ENCODERS)}; "
            f"came {', '.join(children) or 'none'} - {instead}"
        )
    return encoders[0]
