"""Values that a configuration reads from the environment with ${oc.env:NAME}: a run uses them and writes down the name.

Where a data set lies is written: whoever opens the run later has to find it.
"""

import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from omegaconf.resolvers import oc

_PLACES = ("data.root", "data.cache", "data.source.root", "data.prepare.root")
_NAME = re.compile(r"\$\{oc\.env:\s*([A-Za-z_]\w*)")
_INTERPOLATION = re.compile(r"(\\*)\$\{")
_SHORTEST = 8  # characters of a value that is taken out of a text: a shorter one would be found in harmless words


def unresolved(cfg: DictConfig) -> dict[str, Any]:
    """The configuration in plain dicts and lists, resolved but for what depends on the environment; to be written.

    Read again in the same environment, it resolves to what `cfg` does.
    """
    with _noted() as reads:
        written = _written(cfg, path="", reads=reads)
    assert isinstance(written, dict)
    return written


def resolved_where_possible(cfg: DictConfig) -> dict[str, Any]:
    """As `plain`, with the text of the interpolation in place of a value that this environment does not have."""
    plain = _possible(cfg)
    assert isinstance(plain, dict)
    return plain


def escaped(text: str) -> str:
    """A text that looks like an interpolation and is none: read again it stays what it is."""
    return _INTERPOLATION.sub(r"\1\1\\${", text)


def names(node: Any) -> set[str]:
    """The environment variables whose values a written configuration leaves out."""
    if isinstance(node, Mapping):
        return set().union(*map(names, node.values()))
    if isinstance(node, list | tuple):
        return set().union(*map(names, node))
    return set(_NAME.findall(node)) if isinstance(node, str) else set()


def masked(text: str, variables: Iterable[str]) -> str:
    """`text` with the name of a variable, "${oc.env:API_KEY}", in place of its value; longer values first."""
    values = {os.environ.get(name, ""): name for name in variables}
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= _SHORTEST:
            text = text.replace(value, f"${{oc.env:{values[value]}}}")
    return text


class Mask(logging.Filter):
    """Takes the values of environment variables out of what a logger says."""

    def __init__(self, variables: Iterable[str]) -> None:
        super().__init__()
        self._variables = sorted(variables)

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = masked(record.getMessage(), self._variables), ()
        return True


def _written(node: DictConfig | ListConfig, *, path: str, reads: list[str]) -> Any:
    raw: Any = OmegaConf.to_container(node, resolve=False)
    items: dict[Any, Any] = {}
    for key in list(node) if isinstance(node, DictConfig) else range(len(node)):
        where = f"{path}.{key}" if path else str(key)
        if OmegaConf.is_missing(node, key):
            items[key] = raw[key]
            continue
        before = len(reads)
        value = node[key]
        if len(reads) > before and where not in _PLACES:
            items[key] = raw[key]
        elif isinstance(value, DictConfig | ListConfig):
            items[key] = _written(value, path=where, reads=reads)
        else:
            items[key] = escaped(value) if isinstance(value, str) else value
    return items if isinstance(node, DictConfig) else list(items.values())


def _possible(node: DictConfig | ListConfig) -> Any:
    raw: Any = OmegaConf.to_container(node, resolve=False)
    items: dict[Any, Any] = {}
    for key in list(node) if isinstance(node, DictConfig) else range(len(node)):
        try:
            value = raw[key] if OmegaConf.is_missing(node, key) else node[key]
        except OmegaConfBaseException:
            value = raw[key]
        items[key] = _possible(value) if isinstance(value, DictConfig | ListConfig) else value
    return items if isinstance(node, DictConfig) else list(items.values())


@contextmanager
def _noted() -> Iterator[list[str]]:
    """The variables that are read within the block, in order, added as they are."""
    reads: list[str] = []

    def env(key: str, *default: Any) -> str | None:
        reads.append(key)
        return oc.env(key, *default)

    OmegaConf.register_new_resolver("oc.env", env, replace=True)
    try:
        yield reads
    finally:
        OmegaConf.register_new_resolver("oc.env", oc.env, replace=True)
