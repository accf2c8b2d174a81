"""The classes that two label spaces have in common, and what each of theirs becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seglab.errors import SeglabError
from seglab.labels.space import IGNORE_INDEX, LabelSpace

if TYPE_CHECKING:
    import numpy as np

# Names of one thing, where a label space does not have the other's itself. CamVid's bicyclist is the bicycle with
# who rides it, hence both of the two of Cityscapes.
SYNONYMS = {
    "pavement": "sidewalk", "tree": "vegetation", "sign symbol": "traffic sign", "pedestrian": "person",
    "rider": "bicyclist", "bicycle": "bicyclist",
}  # fmt: skip


@dataclass(frozen=True)
class Common:
    """Attributes: labels: the common classes, in the order and the colours of the run.

    of_run, of_data: {train id: common train id}, IGNORE_INDEX for what the other has not.
    only_run, only_data: the names of those.
    """

    labels: LabelSpace
    of_run: Mapping[int, int]
    of_data: Mapping[int, int]
    only_run: tuple[str, ...]
    only_data: tuple[str, ...]

    def told(self) -> dict[str, list[str]]:
        """As metrics.json holds what was left out."""
        return {"classes": list(self.labels.names), "only_run": list(self.only_run), "only_data": list(self.only_data)}


def common(run: LabelSpace, data: LabelSpace) -> Common:
    """The classes with a name in both, or with names of `SYNONYMS`.

    Raises:
        SeglabError: there is none.
    """
    of_run, of_data = _names(run, data), _names(data, run)
    shared = [name for name in dict.fromkeys(of_run.values()) if name in of_data.values()]
    if not shared:
        raise SeglabError(
            f"classes=common: expected a class that {run.name} and {data.name} both have; there is none - choose "
            "another data set"
        )
    first = {name: run.names.index(next(own for own, known in of_run.items() if known == name)) for name in shared}
    labels = LabelSpace(
        run.name if run.names == data.names else f"{run.name} and {data.name}", tuple(shared),
        tuple(run.colors[first[name]] for name in shared), {index: index for index in range(len(shared))},
    )  # fmt: skip

    def ids(space: LabelSpace, known: Mapping[str, str]) -> dict[int, int]:
        places = {name: index for index, name in enumerate(shared)}
        return {index: places.get(known[name], IGNORE_INDEX) for index, name in enumerate(space.names)}

    only_run, only_data = (
        tuple(name for name, known in names.items() if known not in shared) for names in (of_run, of_data)
    )
    return Common(labels, ids(run, of_run), ids(data, of_data), only_run, only_data)


def table(ids: Mapping[int, int]) -> np.ndarray:
    """uint8 (256,): what cv2.LUT takes; all other values become IGNORE_INDEX."""
    import numpy as np  # as LabelSpace.lookup

    lookup = np.full(256, IGNORE_INDEX, dtype=np.uint8)
    for own, shared in ids.items():
        lookup[own] = shared
    return lookup


def _names(space: LabelSpace, other: LabelSpace) -> dict[str, str]:
    """{name: the one by which it is compared}."""
    return {name: name if name in other.names else SYNONYMS.get(name, name) for name in space.names}
