"""What a mistyped key or option may have meant, looked for in all groups, options and last parts of keys."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from seglab.config.schemas import FOLDER
from seglab.errors import nearest

_SURE = 0.75  # of two words' letters are the same: for a key of another place


def meant_key(key: str, *, siblings: Sequence[str], arguments: Sequence[str], root: DictConfig) -> str | None:
    """The key that `key` may have meant: one beside it by its name, any other of `root` by its whole path.

    'lr' is optimizer.lr, 'epochs' trainer.max_epochs, and 'dice', an option, is loss=dice.

    Args:
        siblings: the keys beside it.
        arguments: of the class that the node describes, whether they have a key or not.
    """
    by_last: dict[str, str] = {}  # of several the one that stands highest
    for path in sorted(_paths(OmegaConf.to_container(root, resolve=False)), key=lambda path: path.count(".")):
        by_last.setdefault(path.rpartition(".")[2], path)
    exact = nearest(key, by_last, cutoff=1.0)
    if exact is not None and exact.lower() == key.lower() and exact not in (*siblings, *arguments):
        return by_last[exact]
    at_root = "experiment" in siblings
    if at_root and (option := meant_option(key, groups=[*root, "experiment"])):
        return option
    if beside := nearest(key, siblings) or nearest(key, arguments):
        return beside
    word = next((last for last in by_last if key.lower() in last.lower().split("_")), None)
    # below a group its own keys, which the message lists, are likelier than a similar one of another group
    last = word or (nearest(key, by_last, cutoff=_SURE) if at_root else None)
    return by_last[last] if last else None


def meant_option(option: str, *, groups: Iterable[object]) -> str | None:
    """'optimizer=adamw' for 'AdamW', an option of seglab's own in one of `groups`."""
    for group in groups:
        for path in sorted((FOLDER / str(group)).glob("*.yaml")):
            if path.stem.lower() == option.lower():
                return f"{group}={path.stem}"
    return None


def all_groups() -> list[str]:
    return sorted(path.name for path in FOLDER.iterdir() if path.is_dir() and path.name != "hydra")


def _paths(node: Any, prefix: str = "") -> Iterator[str]:
    for key, value in node.items() if isinstance(node, dict) else ():
        path = f"{prefix}.{key}" if prefix else str(key)
        if path != "hydra" and not str(key).startswith("_"):
            yield path
            yield from _paths(value, path)
