"""per_image.csv: the counts of each image and class, from which differences of runs are resampled."""

from collections.abc import Iterator

import seglab.lean_imports  # noqa: F401

from torch import Tensor

from seglab.display.csv_text import as_cell

PER_IMAGE = ("name", "resolution", "class", "intersection", "truth", "prediction")  # columns; the last three: pixels


def rows(name: str, resolution: str, matrix: Tensor, names: tuple[str, ...]) -> Iterator[str]:
    """Lines of one image's matrix (K, K) or (K, K + 1); classes that it does not have are left out."""
    predicted = matrix.sum(0)[: len(names)]
    counts = zip(names, matrix.diagonal().tolist(), matrix.sum(1).tolist(), predicted.tolist(), strict=True)
    for class_name, intersection, truth, pred in counts:
        if truth or pred:
            yield f"{_quoted(name)},{resolution},{_quoted(class_name)},{intersection},{truth},{pred}\n"


def _quoted(text: str) -> str:
    text = as_cell(text)
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\n') else text
