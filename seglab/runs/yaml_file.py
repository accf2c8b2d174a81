"""A YAML file of anyone's, read with a bound: a few lines of nested aliases stand for more values than memory holds."""

import io
from pathlib import Path

import yaml
from omegaconf import DictConfig, ListConfig, OmegaConf

from seglab.errors import SeglabError

_MOST_VALUES = 100_000
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, eight times as fast, where PyYAML was built with it


def load(path: Path) -> DictConfig | ListConfig:
    """The content of the file.

    Raises:
        SeglabError: its aliases stand for too many values, or one for itself.
        OSError, yaml.YAMLError, OmegaConfBaseException: it cannot be read.
    """
    text = path.read_text(encoding="utf-8")
    require_bounded(text, path)
    return OmegaConf.load(io.StringIO(text))


def require_bounded(text: str, path: Path) -> None:
    """Raises SeglabError when the aliases in a YAML text, which stands in `path`, stand for too many values."""
    if "*" in text and _values(yaml.compose(text, Loader=LOADER), {}) > _MOST_VALUES:
        raise SeglabError(
            f"expected a YAML file of at most {_MOST_VALUES:,} values; the aliases in '{path}' stand for more, or for "
            "themselves - write the values out"
        )


def _values(node: yaml.Node | None, known: dict[yaml.Node, float]) -> float:
    """How many values the node holds once every alias is written out; infinitely many for one inside itself."""
    if not isinstance(node, yaml.CollectionNode):
        return 1
    if node not in known:
        known[node] = float("inf")  # until it is known: whoever asks meanwhile stands inside
        inner = [part for item in node.value for part in (item if isinstance(item, tuple) else (item,))]
        known[node] = 1 + sum(_values(part, known) for part in inner)
    return known[node]
