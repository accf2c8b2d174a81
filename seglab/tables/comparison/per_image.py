"""What an evaluation counted in each image, from its per_image.csv, and the scores of such counts."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seglab.display.csv_text import from_cell
from seglab.errors import SeglabError, listed
from seglab.metrics.means import means, ratio

HEADER = ("name", "resolution", "class", "intersection", "truth", "prediction")
_BROKEN = "its evaluation was interrupted or the file was edited; evaluate the run again"


@dataclass(frozen=True, kw_only=True)
class PerImage:
    """Pixels of each class in each image."""

    names: tuple[str, ...]  # of the N images
    classes: tuple[str, ...]  # K
    counts: np.ndarray  # int64 (N, K, 3): right, in the ground truth, predicted


def read_per_image(path: Path, *, resolution: str, classes: Sequence[str]) -> PerImage:
    """The counts at one resolution ("original", "network"), images in the order of the file.

    Raises:
        SeglabError: there is no such file, it has other columns, counts that cannot be, or nothing at `resolution`.
    """
    column = {name: index for index, name in enumerate(classes)}
    images: dict[str, np.ndarray] = {}
    seen, resolutions = set(), set()
    for line, row in _lines(path):
        resolutions.add(row["resolution"])
        if row["resolution"] != resolution:
            continue
        if row["class"] not in column:
            raise SeglabError(f"{path}:{line}: expected one of the classes {listed(classes)}; came {row['class']!r} "
                              "- is it the evaluation of another label space?")  # fmt: skip
        if (row["name"], row["class"]) in seen:
            raise SeglabError(f"{path}:{line}: expected each class of an image once; came {row['name']!r}, "
                              f"{row['class']!r} again - {_BROKEN}")  # fmt: skip
        seen.add((row["name"], row["class"]))
        counts = images.setdefault(row["name"], np.zeros((len(classes), 3), dtype=np.int64))
        counts[column[row["class"]]] = _counts(row, where=f"{path}:{line}")
    if not images:
        held = ", ".join(sorted(resolutions)) or "none"
        raise SeglabError(f"{path}: expected counts at resolution {resolution}; came {held} - {_BROKEN}")
    return PerImage(names=tuple(images), classes=tuple(classes), counts=np.stack(list(images.values())))


def aligned(runs: Mapping[str, PerImage]) -> dict[str, PerImage]:
    """The runs with their images in the order of the first one, by name.

    Args:
        runs: {what a run is called in the error: its counts}.

    Raises:
        SeglabError: two runs were measured on other images or classes.
    """
    result: dict[str, PerImage] = {}
    for label, run in runs.items():
        first_label, first = next(iter(result.items()), (label, run))
        if run.classes != first.classes:
            raise SeglabError(f"expected the classes of {first_label} ({listed(first.classes)}) in {label}; "
                              f"came {listed(run.classes)} - evaluate both on one label space")  # fmt: skip
        place = {name: index for index, name in enumerate(run.names)}
        if place.keys() != set(first.names):
            only = [f"only in {which}: {_first_names(names)}" for which, names in (
                        (first_label, sorted(set(first.names) - place.keys())),
                        (label, sorted(place.keys() - set(first.names)))) if names]  # fmt: skip
            raise SeglabError(f"expected the images of {first_label} in {label} as well; came others "
                              f"({'; '.join(only)}) - evaluate both on the same split")  # fmt: skip
        order = [place[name] for name in first.names]
        result[label] = PerImage(names=first.names, classes=run.classes, counts=run.counts[order])
    return result


def class_iou(sums: np.ndarray) -> np.ndarray:
    """(..., K, 3) counts -> (..., K) IoU, NaN where a class is neither in the ground truth nor predicted."""
    return ratio(sums[..., 0], sums[..., 1] + sums[..., 2] - sums[..., 0])


def scores(sums: np.ndarray) -> dict[str, np.ndarray]:
    """(..., K, 3) counts summed over images -> {"miou": (...), ...}: what seglab.metrics.readings gives, without torch.

    Exact for label maps in which every labelled pixel was predicted as one of the K classes.
    """
    return means(sums[..., 0], sums[..., 1], sums[..., 2])


def _lines(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            header = tuple(next(reader, ()))
            rows = [(reader.line_num, row) for row in reader]
    except FileNotFoundError:
        raise SeglabError(f"expected {path}, which every evaluation writes; there is none - evaluate the run") from None
    if header != HEADER:
        raise SeglabError(f"{path}: expected the columns {','.join(HEADER)}; came {','.join(header)} - {_BROKEN}")
    for line, row in rows:
        if len(row) != len(HEADER):
            raise SeglabError(f"{path}:{line}: expected {len(HEADER)} values; came {len(row)} - {_BROKEN}")
    return [(line, dict(zip(HEADER, map(from_cell, row), strict=True))) for line, row in rows]


def _counts(row: Mapping[str, str], *, where: str) -> tuple[int, int, int]:
    texts = [row[key] for key in HEADER[3:]]
    if all(text.isdecimal() for text in texts):
        right, truth, predicted = (int(text) for text in texts)
        if right <= min(truth, predicted):
            return right, truth, predicted
    raise SeglabError(f"{where}: expected whole numbers of pixels, intersection <= truth and prediction; "
                      f"came {', '.join(texts)} - {_BROKEN}")  # fmt: skip


def _first_names(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
