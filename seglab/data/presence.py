"""Which classes a split holds at all, and what that says of its masks before anything is trained on them."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from seglab.data.source import Sample
from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX, LabelSpace

FILE = "held.json"  # in the folder of a cache


class Presence:
    """The train ids that occur in masks which pass by."""

    def __init__(self) -> None:
        self._seen = np.zeros(256, dtype=bool)

    def add(self, mask: np.ndarray) -> None:
        """`mask` uint8 (..., H, W) of train ids; 0.1 ms for 256x512."""
        rows = mask.reshape(-1, mask.shape[-1])
        self._seen |= cv2.calcHist([rows], [0], None, [256], [0, 256]).ravel() > 0

    def ids(self) -> frozenset[int]:
        return frozenset(np.flatnonzero(self._seen).tolist())


def of_masks(masks: Iterable[np.ndarray]) -> frozenset[int]:
    presence = Presence()
    for mask in masks:
        presence.add(mask)
    return presence.ids()


def write(ids: Iterable[int], folder: Path) -> None:
    (folder / FILE).write_text(json.dumps(sorted(ids)), encoding="utf-8")


def read(folder: Path) -> frozenset[int] | None:
    """What was written; None for a cache of a time when nothing was, or a damaged file."""
    try:
        return frozenset(int(number) for number in json.loads((folder / FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def absent(ids: frozenset[int], labels: LabelSpace) -> list[str]:
    """Names of the classes without a pixel."""
    return [name for train_id, name in enumerate(labels.names) if train_id not in ids]


def require_classes(ids: frozenset[int], labels: LabelSpace, samples: Sequence[Sample], *, split: str) -> None:
    """Raises SeglabError for a split of which nothing can be learned or measured: nothing but void in its masks."""
    if not ids - {IGNORE_INDEX}:
        unlabelled = sum(sample.mask is None for sample in samples)
        raise SeglabError(
            f"expected pixels of {labels.num_classes} classes ({labels.name}) in the split '{split}'; its "
            f"{len(samples)} masks hold nothing but void"
            + (f", {unlabelled} images have none" if unlabelled else "")
            + " - take a split with labels, or correct data.labels (ignore_values, mapping)"
        )


def foreground_as_void(ids: frozenset[int], labels: LabelSpace) -> str | None:
    """What to write where masks of 0 and 255 are read as a class and void, as it seems; None where nothing suggests it.

    The values of a mask editor's black and white; 255 is also the usual value of void.
    """
    raw = {train_id: [value for value, of in labels.to_train.items() if of == train_id] for train_id in ids}
    if len(raw) != 2 or raw.get(IGNORE_INDEX) != [255] or [0] not in raw.values():
        return None
    (first,) = ids - {IGNORE_INDEX}
    second = next(name for train_id, name in enumerate(labels.names) if train_id != first)
    mapping = f"{{0: {_typed(labels.names[first])}, 255: {_typed(second)}}}"
    return (
        f"the masks hold no values but 0 ({labels.names[first]}) and 255 (void): if 255 is a class, as in masks of "
        f"black and white, write 'data.labels.mapping={mapping}' data.labels.ignore_values=[]"
    )


def _typed(name: str) -> str:
    """A class name in Hydra's grammar, inside single quotes of the shell."""
    return name if re.fullmatch(r"[A-Za-z_][\w -]*", name) else json.dumps(name)
