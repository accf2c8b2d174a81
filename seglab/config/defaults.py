"""The configuration that the options of conf/ make by themselves, for the comparison with that of a run.

Read without Hydra, whose composition takes half a second that the end of every training would pay. conf/ is simple: an
option builds on others of its own group, named in its list of defaults. A test holds this against Hydra's composition.
"""

import re
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf._utils import get_yaml_loader  # reads 1e-3 as a number

from seglab.config.schemas import FOLDER, TrainConfig, register
from seglab.runs import environment

_OPTION = re.compile(r"[\w-]+")


def usual_choices() -> dict[str, str | None]:
    """{group: option} of conf/train.yaml."""
    lines = [line for line in content("train.yaml")["defaults"] if isinstance(line, dict)]
    return {key: option for line in lines for key, option in line.items() if not key.startswith("override ")}


def chosen_defaults(choices: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in conf/train.yaml and these options, in plain values.

    A value that follows from others, such as `${augment}`, follows from those of `config` and is the default for it.
    One that comes from the environment, or from an option that is not there, stays the text of its interpolation.

    Args:
        choices: {group: option}; of a group that is left out, and of an option that is not in conf/, there is nothing.
        config: of a run; may be a stranger's, whose interpolations are no more than text here.
    """
    register()
    settings = [field.name for field in fields(TrainConfig)]
    values = {key: value for key, value in content("train.yaml").items() if key in settings}
    for group in usual_choices():
        if group != "experiment":
            option = _option(group, choices.get(group))
            values[group] = _merged(values.get(group, {}), option) if option else option
    followed = environment.resolved_where_possible(OmegaConf.create(_laid_over(values, config)))
    return _followed(values, followed)


def is_option(group: str, option: object) -> bool:
    """Whether conf/ has it."""
    named = all(isinstance(word, str) and _OPTION.fullmatch(word) for word in (group, option))
    return named and (FOLDER / group / f"{option}.yaml").is_file()


def _option(group: str, name: object) -> dict[str, Any]:
    if not is_option(group, name):
        return {}
    written = content(f"{group}/{name}.yaml")
    merged: dict[str, Any] = {}
    for base in written.get("defaults", ()):
        if base != "_self_":
            merged = _merged(merged, _option(group, base))
    return _merged(merged, {key: value for key, value in written.items() if key != "defaults"})


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """As Hydra lays one option over another: mappings key by key, anything else in place of what was there."""
    both = {
        key: _merged(below[key], value) if isinstance(value, dict) and isinstance(below.get(key), dict) else value
        for key, value in above.items()
    }
    return {**below, **both}


@cache
def content(name: str) -> dict[str, Any]:
    """What stands in conf/NAME, as it is written; not to be changed."""
    return yaml.load((FOLDER / name).read_text(encoding="utf-8"), Loader=get_yaml_loader())


def _laid_over(default: Any, own: Any) -> Any:
    """The run's values wherever the default does not follow from others."""
    if isinstance(default, dict) and isinstance(own, Mapping):
        added = {key: _as_text(value) for key, value in own.items() if key not in default}
        return added | {key: _laid_over(value, own[key]) if key in own else value for key, value in default.items()}
    if isinstance(default, list) and isinstance(own, list) and len(default) == len(own):
        return [_laid_over(*pair) for pair in zip(default, own, strict=True)]
    return default if _follows(default) else _as_text(own)


def _followed(default: Any, followed: Any) -> Any:
    """The defaults, with what `followed` holds in place of those that follow from others."""
    if isinstance(default, dict):
        inner = followed if isinstance(followed, dict) else {}  # a stranger's configuration has any shape
        return {key: _followed(value, inner.get(key)) for key, value in default.items()}
    if isinstance(default, list) and isinstance(followed, list) and len(default) == len(followed):
        return [_followed(*pair) for pair in zip(default, followed, strict=True)]
    return followed if _follows(default) and not environment.names(default) else default


def _follows(value: Any) -> bool:
    return isinstance(value, str) and "${" in value


def _as_text(value: Any) -> Any:
    """The value, in which nothing will be resolved."""
    if isinstance(value, Mapping):
        return {key: _as_text(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_text(inner) for inner in value]
    return environment.escaped(value) if isinstance(value, str) else value
