"""The seeds of a run: one for all that is drawn in it, or one for each source of chance."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Seeds(NamedTuple):
    """What a run draws, in three parts that do not depend on each other."""

    init: int  # the weights that nothing else gives, and whatever else is drawn while the network is built
    order: int  # in which order the images come; with `sampling`, which ones
    augment: int  # what is drawn for each image and step: augmentation, mixing, dropout, points of a loss


def seeds_of(config: Mapping[str, Any]) -> Seeds:
    """Those of `seeds`; where one is null, `seed`. What loaders draw follows `data.seed` there, often the same."""
    return Seeds(**{**dict.fromkeys(Seeds._fields, config["seed"]), **stated_seeds(config)})


def stated_seeds(config: Mapping[str, Any]) -> dict[str, int]:
    """{source: its seed} of those that are not null below `seeds`, which earlier configurations have not."""
    stated = config.get("seeds") or {}
    return {source: stated[source] for source in Seeds._fields if stated.get(source) is not None}
