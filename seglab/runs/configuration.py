"""config.yaml: the configuration that a run was begun with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from seglab.errors import SeglabError
from seglab.runs.class_names import renamed
from seglab.runs.files import CONFIG
from seglab.runs.identity import differences


def check_same_experiment(folder: Path, config: Mapping[str, Any]) -> None:
    """Raises SeglabError when the run in `folder` was begun with a configuration that leads to another result."""
    changes = differences(plain(read_config(folder)), config)
    if changes:
        shown = "\n  ".join(changes[:8])
        raise SeglabError(
            f"{folder} holds a run of another configuration; expected the same one. What differs:\n  {shown}\n"
            "Choose another name (name=... of a run, sweep=... of a sweep), or delete the folder to train this in it"
        )


def read_config(folder: Path) -> DictConfig:
    """The configuration that the run in `folder` was begun with; it names seglab's classes where they are today."""
    cfg = OmegaConf.create(renamed(OmegaConf.to_container(OmegaConf.load(folder / CONFIG))))
    assert isinstance(cfg, DictConfig)
    return cfg


def plain(cfg: DictConfig) -> dict[str, Any]:
    """The configuration resolved into dicts, lists, numbers and strings."""
    container = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=False)
    assert isinstance(container, dict)
    return container  # type: ignore[return-value]
