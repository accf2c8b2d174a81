"""From a node of a configuration to the object that it describes. The only caller of hydra's instantiate."""

from typing import Any

import seglab.lean_imports  # noqa: F401

import hydra.utils


def instantiate(node: Any, **given: Any) -> Any:
    """What `node` describes, with lists and dicts as Python's own: a ListConfig silently changes smp's losses."""
    return hydra.utils.instantiate(node, _convert_="all", **given)
