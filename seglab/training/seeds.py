"""The seeds of a run: one for all that is drawn in it, or one for each source of chance."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Seeds(NamedTuple):
    """What a run draws, in three parts that do not depend on each other."""

    init: int  # the weights that nothing else gives, and whatever else is drawn while the network is built
    order: int  # in which order the images come; with `sampling`, which ones
    augment: int  # what is drawn for each image and step: augmentation, mixing, dropout, points of a loss


def seeds_of(config: Mapping[str, Any]) -> Seeds:
    """Those of `seeds`, which earlier configurations have not; where one is null, `seed`."""
    stated = config.get("seeds") or {}
    chosen = (stated.get(source) for source in Seeds._fields)
    return Seeds(*(config["seed"] if seed is None else seed for seed in chosen))
