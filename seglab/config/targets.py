"""Which `_target_` a configuration may name: if it could name any importable callable, a YAML file could run any code.

Hydra's own block list is no boundary (`torch.load` passes it), so this is a list of what is allowed, by what a group is
for: see seglab.config.kinds. It is applied to resolved values and to the place where a name is defined:
`seglab.training.build.torch.load` is `torch.load`.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from seglab.config.definitions import public_names
from seglab.config.kinds import KINDS, Kind
from seglab.config.signatures import Definition, find_definition
from seglab.errors import SeglabError, did_you_mean

_ALL = tuple(dict.fromkeys(kind for kinds in KINDS.values() for kind in kinds))
_PACKAGES = frozenset(package.removesuffix(".*") for kind in _ALL for package in kind.packages)
_LIBRARIES = frozenset(package.split(".")[0] for package in _PACKAGES)
VARIABLE = "SEGLAB_ALLOW"

# Arguments that timm.create_model takes, also through segmentation_models_pytorch, and that name what it shall fetch.
_FETCHED = frozenset({"checkpoint_path", "pretrained_cfg", "pretrained_cfg_overlay", "cache_dir"})
_HAND_ON = frozenset({"timm", "segmentation_models_pytorch", "seglab"})  # their arguments to timm


def refusal(target: str, definition: Definition | None, *, group: str | None = None) -> str | None:
    """Why a configuration may not name `target`, whose static definition is given; None if it may.

    Args:
        group: root key that names it, which decides the kind of thing it may be; None: any kind that a group may build.
    """
    own = allowed_by_user()
    kinds = _ALL if group is None else KINDS.get(group, ())
    if target in own or (definition is not None and any(kind.holds(target, definition) for kind in kinds)):
        return None
    package, _, name = target.rpartition(".")
    top = target.split(".")[0]
    if definition is None and (package in _PACKAGES or top == "seglab"):
        # transformers has 400 packages, in which a like name is looked for a minute
        names = () if package == "transformers" else public_names(package)
        return f"{package} has no class or function {name!r}{did_you_mean(name, names)}"
    if top in sys.stdlib_module_names or top in _LIBRARIES:
        return (
            f"a configuration may not name {target}{_expected(kinds, group)}; a class of your own is allowed by its "
            f'full name: export {VARIABLE}="my_module.MyClass"'
        )
    if definition is None:
        return f"there is no class or function {target} - is its folder on PYTHONPATH, and the name spelled in full?"
    line = f'export {VARIABLE}="{",".join([*own, target])}"'
    return f"{target} is not part of seglab; if you trust it, allow it by its full name: {line}"


def refuse(node: Any, *, where: str, group: str | None = None) -> None:
    """Raises SeglabError if a resolved node holds, at any depth, a `_target_` that a configuration may not name."""
    for path, below in _targets(node, path=where):
        target = below["_target_"]
        if not isinstance(target, str):
            raise SeglabError(f"{path}: _target_ is {target!r}; expected the full name of a class")
        refused = refusal(target, find_definition(target), group=group) or refusal_of_arguments(below)
        if refused is not None:
            raise SeglabError(f"{path}: {refused}")


def refusal_of_arguments(node: Mapping[str, Any]) -> str | None:
    """Why an allowed `_target_` may not get the arguments beside it; None if it may.

    timm reads a repository of anyone, a folder or an address where it is told to. seglab's weights come from the
    libraries' own list, by the name of the encoder, or from a file that `encoder_weights` or `weights` names.
    """
    if str(node["_target_"]).split(".")[0] not in _HAND_ON:
        return None
    for key, value in _arguments(node):
        if key in _FETCHED and value is not None:
            return f"a configuration may not set {key}: weights on disk are encoder_weights=FILE.safetensors"
        if key == "encoder_name" and isinstance(value, str) and any(mark in value for mark in ":/\\"):
            return (
                f"encoder_name: expected the name of an encoder, of timm after 'tu-'; came {value!r}, which names a "
                "place - weights on disk are encoder_weights=FILE.safetensors"
            )
    return None


def _arguments(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Keys and values at any depth that belong to this node and to no other `_target_`."""
    for key, value in node.items():
        yield str(key), value
        if isinstance(value, Mapping) and "_target_" not in value:
            yield from _arguments(value)


def allowed_by_user() -> tuple[str, ...]:
    """The full names in the environment variable SEGLAB_ALLOW."""
    return tuple(name.strip() for name in os.environ.get(VARIABLE, "").split(",") if name.strip())


def _targets(node: Any, *, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(path, node) of each node that has a `_target_`."""
    if isinstance(node, Mapping) and "_target_" in node:
        yield path, node
    items = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list | tuple) else ()
    for key, value in items:
        yield from _targets(value, path=f"{path}.{key}")


def _expected(kinds: tuple[Kind, ...], group: str | None) -> str:
    if group is None:
        return ""
    meanings = " or ".join(kind.meaning for kind in kinds)
    return f" in {group!r}; expected {meanings}" if meanings else f" in {group!r}, of which nothing is built"
