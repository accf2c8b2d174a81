"""config.yaml: the configuration that a run was begun with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from seglab.errors import SeglabError
from seglab.runs import yaml_file
from seglab.runs.class_names import renamed
from seglab.runs.environment import names
from seglab.runs.files import CONFIG, shown
from seglab.runs.identity import differences, fingerprint
from seglab.runs.record import read_record


def check_same_experiment(folder: Path, config: Mapping[str, Any]) -> None:
    """Raises SeglabError when the run in `folder` was begun with a configuration that leads to another result."""
    changes = differences(plain(read_config(folder)), config)
    if changes:
        shown = "\n  ".join(changes[:8])
        raise SeglabError(
            f"{folder} holds a run of another configuration; expected the same one. What differs:\n  {shown}\n"
            "Choose another name (name=... of a run, sweep=... of a sweep), or delete the folder to train this in it"
        )
    variables = names(OmegaConf.to_container(read_config(folder), resolve=False))
    record = read_record(folder) if variables else None
    if record is not None and record.get("fingerprint") != fingerprint(config):
        raise SeglabError(
            f"{folder} holds a run whose configuration depends on the environment ({', '.join(sorted(variables))}); "
            "expected the values with which it was begun - set them so, or train this in another folder"
        )


def read_config(folder: Path) -> DictConfig:
    """The configuration that the run in `folder` was begun with; it names seglab's classes where they are today."""
    path = folder / CONFIG
    try:
        loaded = yaml_file.load(path)
        came = "an empty file" if not loaded else None if isinstance(loaded, DictConfig) else "no such thing"
    except (OSError, YAMLError, UnicodeDecodeError, OmegaConfBaseException) as error:
        came = getattr(error, "strerror", None) or f"a file that is damaged ({' '.join(str(error).split())})"
    if came is not None:
        raise SeglabError(
            f"{shown(path)}: expected the configuration of a run; came {came} - restore it from a copy, or delete the "
            "run's folder to train it again"
        )
    cfg = OmegaConf.create(renamed(OmegaConf.to_container(loaded)))
    assert isinstance(cfg, DictConfig)
    return cfg


def plain(cfg: DictConfig) -> dict[str, Any]:
    """The configuration resolved into dicts, lists, numbers and strings."""
    container = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=False)
    assert isinstance(container, dict)
    return container  # type: ignore[return-value]
