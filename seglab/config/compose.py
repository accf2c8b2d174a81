"""A configuration composed from Python, as the commands compose theirs."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import hydra
from hydra import version
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import setup_globals
from hydra.errors import HydraException
from omegaconf import DictConfig, open_dict
from omegaconf.errors import OmegaConfBaseException

from seglab.config import remembered
from seglab.config.messages import message_for
from seglab.config.schemas import FOLDER, register
from seglab.errors import SeglabError

VERSION_BASE = "1.3"
_one_at_a_time = threading.Lock()  # Hydra's state is the process's


class Composed(NamedTuple):
    """What `compose` made: the keys of conf/NAME.yaml, and {group: option} that they are made of."""

    cfg: DictConfig
    choices: dict[str, Any]


def compose(name: str | None, overrides: Sequence[str], *, search_path: Sequence[str | Path] = ()) -> Composed:
    """conf/`name`.yaml with these overrides, not checked yet; of Hydra nothing is left behind.

    Without a name there is nothing but the options that overrides add, as `+model=unet`.

    Args:
        search_path: folders with groups of the user's own, as after --config-dir.

    Raises:
        SeglabError: an override that cannot be read, or an option or a key that is not there.
    """
    register()
    with _no_other_application():
        setup_globals()  # resolvers and the rules of a version, which Hydra sets where it composes itself
        version.setbase(VERSION_BASE)
        try:
            return Composed(*remembered.compose(name, overrides, search_path=search_path))
        except Exception:  # of what is unusual or wrong Hydra says more, or makes something
            return _composed_by_hydra(name, overrides, search_path=search_path)


def _composed_by_hydra(name: str | None, overrides: Sequence[str], *, search_path: Sequence[str | Path]) -> Composed:
    """With nothing remembered; another application is set aside by the caller."""
    where = [remembered.searched(search_path)] if search_path else []
    try:
        with hydra.initialize_config_dir(version_base=VERSION_BASE, config_dir=str(FOLDER)):
            cfg = hydra.compose(name, [*where, *overrides], return_hydra_config=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise SeglabError(message_for(error) or str(error)) from error
    chosen = {str(group): option for group, option in cfg.hydra.runtime.choices.items()}
    with open_dict(cfg):
        del cfg["hydra"]
    return Composed(cfg, {group: option for group, option in chosen.items() if not group.startswith("hydra/")})


@contextmanager
def _no_other_application() -> Iterator[None]:
    """Hydra composes for one application at a time; that of the running command is set aside meanwhile."""
    with _one_at_a_time:
        running = GlobalHydra.instance().hydra
        GlobalHydra.instance().clear()
        try:
            yield
        finally:
            GlobalHydra.instance().clear()
            if running is not None:
                GlobalHydra.instance().initialize(running)  # by now another instance
