"""A configuration in plain dicts and lists, with everything in it that cannot be had named by its key."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import (
    BooleanNode,
    DictConfig,
    FloatNode,
    IntegerNode,
    ListConfig,
    OmegaConf,
    StringNode,
)
from omegaconf.errors import OmegaConfBaseException, ValidationError

from seglab.errors import SeglabError, first_line

_REFERENCE = re.compile(r"\$\{[\w.]+\}")  # to another place of the same configuration; ${resolver:...} is none

_KINDS: dict[type, str] = {
    IntegerNode: "a whole number", FloatNode: "a number", StringNode: "a text", BooleanNode: "true or false",
    ListConfig: "a list, such as [a,b]", DictConfig: "a mapping, such as {a: b}",
}  # fmt: skip


class Unusable:
    """Stands for a value that is missing or cannot be resolved, and has been reported."""


@dataclass
class Resolved:
    """`values` with every interpolation replaced; `references` are the paths whose value is written at another path."""

    values: dict[str, Any] = field(default_factory=dict)
    references: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def everything(self) -> Iterator[tuple[str, Any]]:
        """Every (dotted path, value), the inner mappings and lists as well."""
        return _walk(self.values, path="", skip=frozenset())

    def targets(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Every mapping with a `_target_`, once, at the place where it is written."""
        for path, value in _walk(self.values, path="", skip=frozenset(self.references)):
            if isinstance(value, dict) and "_target_" in value:
                yield path, value


def resolve(cfg: DictConfig) -> Resolved:
    resolved = Resolved()
    resolved.values = _plain(cfg, raw=OmegaConf.to_container(cfg, resolve=False), path="", into=resolved)
    return resolved


def reason(error: OmegaConfBaseException) -> str:
    """The first line of an OmegaConf error; our own message of a value of another type, or by one of our resolvers."""
    if isinstance(error.__cause__, SeglabError):
        return str(error.__cause__)
    if isinstance(error, ValidationError) and type(error.child_node) in _KINDS:
        return f"expected {_KINDS[type(error.child_node)]}, came {error.value!r}"
    first = first_line(error)
    return first.partition(" raised while resolving interpolation: ")[2].strip('"') or first


def _plain(node: DictConfig | ListConfig, *, raw: Any, path: str, into: Resolved) -> Any:
    plain: dict[Any, Any] = {}
    for key in list(node) if isinstance(node, DictConfig) else range(len(node)):
        where = f"{path}.{key}" if path else str(key)
        if OmegaConf.is_missing(node, key):
            into.problems.append(f"{where} has no value; expected one - give it with {where}=VALUE")
            plain[key] = Unusable()
            continue
        written = raw[key] if isinstance(raw, dict | list) else None
        is_reference = isinstance(written, str) and _REFERENCE.fullmatch(written) is not None
        try:
            value = node[key]
        except OmegaConfBaseException as error:
            into.problems.append(f"{where}: {reason(error)}")
            value = Unusable()
        if isinstance(value, DictConfig | ListConfig):
            if is_reference:
                into.references.add(where)  # what is wrong in there is reported at its own place
            value = _plain(value, raw=written, path=where, into=Resolved() if is_reference else into)
        plain[key] = value
    return plain if isinstance(node, DictConfig) else list(plain.values())


def _walk(node: Any, *, path: str, skip: frozenset[str]) -> Iterator[tuple[str, Any]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        where = f"{path}.{key}" if path else str(key)
        if where not in skip:
            yield where, value
            yield from _walk(value, path=where, skip=skip)
