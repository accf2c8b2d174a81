"""The configuration that Hydra composes, in a fraction of its time: what the files say is read once.

Hydra reads every file at each composition, copies what it read, and composes its own configuration beside ours. Here
Hydra still decides which files make up a configuration, in which order and where (its defaults list); their contents
are kept as plain dictionaries and merged as such. Whatever is out of the ordinary, mistakes included, is left to Hydra.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository
from hydra._internal.defaults_list import create_defaults_list
from hydra._internal.utils import create_config_search_path
from hydra.core.default_element import GroupDefault, InputDefault, ResultDefault
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, OmegaConf

from seglab.config.overrides import quoted
from seglab.config.schemas import FOLDER

HYDRA = "hydra"
_MISSING = "???"  # which overrides nothing
_WITH_DEFAULTS = "HYDRA_REMOVE_TOP_LEVEL_DEFAULTS"
_MOST = 256  # configurations that are kept, each some ten kilobytes


class Unusual(Exception):
    """Hydra itself has to compose this."""


class _Made(NamedTuple):
    """Of one choice of groups, before values are overridden."""

    schemas: list[DictConfig]
    values: dict[str, Any]
    choices: dict[str, Any]


class _Files(CachingConfigRepository):
    """What lies in the folders of configurations, read once; of Hydra's own nothing is composed."""

    def __init__(self, search_path: Sequence[str]) -> None:
        Plugins.instance()
        self.loader = ConfigLoaderImpl(create_config_search_path(f"file://{FOLDER}"))
        super().__init__(self.loader.repository)
        self._process_search_path(search_path)
        self._groups: dict[str, bool] = {}
        self.made: dict[tuple[str | None, tuple[str, ...]], _Made] = {}

    def _process_search_path(self, search_path: Sequence[str]) -> None:
        if search_path:
            override = parsed(searched(search_path))
            self.loader._process_config_searchpath(None, [override], self)

    def load_config(self, config_path: str) -> ConfigResult | None:
        is_new = f"config_path={config_path}" not in self.cache
        result = super().load_config(config_path)
        if is_new and result is not None and result.defaults_list:
            result.defaults_list = [default for default in result.defaults_list if not _is_of_hydra(default)]
        return result

    def group_exists(self, config_path: str) -> bool:
        if config_path not in self._groups:
            self._groups[config_path] = super().group_exists(config_path)
        return self._groups[config_path]


_known: dict[tuple[str, ...], tuple[frozenset[tuple[str, int, int]], _Files]] = {}  # by search path


def searched(search_path: Sequence[str | Path]) -> str:
    """The override that lets Hydra search in these folders as well."""
    return f"hydra.searchpath=[{','.join(quoted(f'file://{Path(path).absolute()}') for path in search_path)}]"


@lru_cache(maxsize=4096)
def parsed(override: str) -> Override:
    """An override as Hydra reads it."""
    return OverridesParser.create().parse_override(override)


def compose(
    name: str | None, overrides: Sequence[str], *, search_path: Sequence[str | Path] = ()
) -> tuple[DictConfig, dict[str, Any]]:
    """(conf/`name`.yaml with these overrides, {group: option}); without the key and the groups of Hydra.

    Raises:
        Unusual: Hydra has to compose this.
        Exception: of Hydra, whose message is about this composition.
    """
    files = _files(tuple(str(Path(path).absolute()) for path in search_path))
    read = [parsed(override) for override in overrides]
    if any(override.is_sweep_override() or override.key_or_group.startswith(HYDRA) for override in read):
        raise Unusual("a sweep, or what is Hydra's")
    of_groups = [override for override in read if files.group_exists(override.key_or_group)]
    key = (name, tuple(str(override.input_line) for override in of_groups))
    if key not in files.made:
        if len(files.made) >= _MOST:
            files.made.clear()
        files.made[key] = _make(files, name, of_groups)
    made = files.made[key]
    cfg = OmegaConf.create()
    cfg.merge_with(*made.schemas, made.values)
    cfg._set_flag(_WITH_DEFAULTS, None)  # a schema has it for its list of defaults, which Hydra has followed by now
    OmegaConf.set_struct(cfg, True)
    values = [override for override in read if override not in of_groups]
    ConfigLoaderImpl._apply_overrides_to_config(values, cfg)
    return cfg, dict(made.choices)


def _files(search_path: tuple[str, ...]) -> _Files:
    """Those of before, unless a file changed since."""
    stamp = frozenset(stamp for folder in (str(FOLDER), *search_path) for stamp in _stamps(folder))
    known = _known.get(search_path)
    if known is None or known[0] != stamp:
        known = _known[search_path] = (stamp, _Files(search_path))
    return known[1]


def _stamps(folder: str) -> Iterator[tuple[str, int, int]]:
    """(path, time of the last change in ns, bytes) of each YAML file below; hidden folders are passed over."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".yaml"):
                stat = entry.stat()
                yield entry.path, stat.st_mtime_ns, stat.st_size
            elif not entry.name.startswith(".") and entry.is_dir():
                yield from _stamps(entry.path)


def _make(files: _Files, name: str | None, of_groups: list[Override]) -> _Made:
    defaults = create_defaults_list(
        repo=files, config_name=name, overrides_list=of_groups, prepend_hydra=False, skip_missing=False
    )
    if defaults.config_overrides:
        raise Unusual("values for a whole group")
    schemas: list[DictConfig] = []
    values: dict[str, Any] = {}
    for default in defaults.defaults:
        loaded = files.load_config(str(default.config_path))
        assert loaded is not None
        if loaded.is_schema_source:
            if values or default.package:
                raise Unusual("a schema that is not the first")
            schemas.append(loaded.config)
        else:
            _merge(values, _content(loaded, default))
    choices = defaults.overrides.known_choices
    return _Made(schemas, values, {group: choice for group, choice in choices.items() if group != HYDRA})


def _content(loaded: ConfigResult, default: ResultDefault) -> dict[str, Any]:
    """What a file says, at its place in the whole; what belongs to Hydra left out."""
    content: Any = OmegaConf.to_container(loaded.config, resolve=False)
    if not isinstance(content, dict):
        raise Unusual("a file that is a list")
    content.pop("defaults", None)
    if default.primary:
        content.pop(HYDRA, None)
    for part in reversed(default.package.split(".") if default.package else []):
        content = {part: content}
    if HYDRA in content:
        raise Unusual("a file that says something of Hydra")
    return content


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    """As OmegaConf merges: dictionaries key by key, all else is replaced."""
    for key, value in values.items():
        present = into.get(key)
        if isinstance(value, dict) and isinstance(present, dict):
            _merge(present, value)
        elif (isinstance(value, dict) and isinstance(present, str | list)) or (
            isinstance(value, list) and isinstance(present, dict)
        ):
            raise Unusual("keys below an interpolation, or a list and a dictionary")
        elif key not in into or value != _MISSING:
            into[key] = deepcopy(value)


def _is_of_hydra(default: InputDefault) -> bool:
    return isinstance(default, GroupDefault) and str(default.group).startswith(f"{HYDRA}/")
