"""Configurations for tests, composed as seglab.compose does; not checked."""

from collections.abc import Sequence

from omegaconf import DictConfig

from seglab.config import compose as composing


def compose(name: str | None = None, overrides: Sequence[str] = ()) -> DictConfig:
    """conf/`name`.yaml with these overrides; without a name nothing but what `+GROUP=OPTION` adds."""
    return composing.compose(name, overrides).cfg
