"""From a node of a configuration to the object that it describes: the one door to whatever a `_target_` names.

Hydra's own `instantiate` is not used: it resolves a node once more after it was checked, so that a text may become
another `_target_`, and it passes lists as ListConfig, which silently changes smp's losses.
"""

import pkgutil
from collections.abc import Mapping
from functools import partial
from typing import Any

import seglab.lean_imports  # noqa: F401

from hydra.errors import InstantiationException
from omegaconf import DictConfig, ListConfig, OmegaConf

from seglab.config.targets import refuse

_OF_HYDRA = frozenset({"_target_", "_partial_", "_convert_"})


def instantiate(node: Any, **given: Any) -> Any:
    """What `node` describes, `given` beside its own arguments; lists and dicts in it are Python's own.

    Raises:
        SeglabError: it names something that a configuration may not name. Nothing of it is imported or called then.
        InstantiationException: from the error of what is built.
    """
    plain = OmegaConf.to_container(node, resolve=True) if isinstance(node, DictConfig | ListConfig) else node
    target = plain.get("_target_") if isinstance(plain, Mapping) else None
    refuse(plain, where=str(target or "the configuration"))
    return _built(plain, given)


def _built(node: Any, given: Mapping[str, Any]) -> Any:
    if isinstance(node, list | tuple):
        return [_built(item, {}) for item in node]
    if not isinstance(node, Mapping):
        return node
    arguments = {key: _built(value, {}) for key, value in node.items() if key not in _OF_HYDRA} | dict(given)
    if "_target_" not in node:
        return arguments
    try:
        target = pkgutil.resolve_name(node["_target_"])
        return partial(target, **arguments) if node.get("_partial_") else target(**arguments)
    except Exception as error:
        raise InstantiationException(f"Error in call to target '{node['_target_']}':\n{error!r}") from error
