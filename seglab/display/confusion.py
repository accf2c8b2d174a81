"""A confusion matrix as a CSV file: in the folder of a run, and in that of an evaluation."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seglab.display.csv_text import as_cell, from_cell
from seglab.errors import SeglabError

NAME = "confusion.csv"
_CORNER, _NONE = "truth \\ prediction", "none of them"
_MOST_CLASSES = 256  # train ids are bytes


class Confusion(NamedTuple):
    """Pixels by their class in the ground truth (rows) and in the prediction (columns)."""

    names: tuple[str, ...]  # K classes
    counts: tuple[tuple[int, ...], ...]  # (K, K), or (K, K + 1): the last column was given to none of them

    @property
    def columns(self) -> tuple[str, ...]:
        """Titles of the columns."""
        return (*self.names, *[_NONE] * (len(self.counts[0]) - len(self.names)))


def confusion_csv(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """Pixel counts: a line for each class of the ground truth, a column for each predicted class, and for none."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([_CORNER, *map(as_cell, names), *[_NONE] * (len(matrix[0]) - len(names))])
    writer.writerows([as_cell(name), *row] for name, row in zip(names, matrix, strict=True))
    return buffer.getvalue()


def read_confusion(path: Path) -> Confusion:
    """The matrix in a file of `confusion_csv`.

    Raises:
        SeglabError: it is damaged, or holds something else.
        OSError: it cannot be read.
    """
    try:
        _, *lines = csv.reader(io.StringIO(path.read_text(encoding="utf-8")))
        names = tuple(from_cell(line[0]) for line in lines)
        counts = tuple(tuple(int(cell) for cell in line[1:]) for line in lines)
    except (ValueError, IndexError, csv.Error) as error:  # ValueError: also of a text that is no UTF-8
        raise _damaged(path, str(error)) from error
    widths = {len(row) for row in counts}
    if not 1 <= len(names) <= _MOST_CLASSES or (not widths <= {len(names)} and not widths <= {len(names) + 1}):
        raise _damaged(path, f"{len(names)} lines of {sorted(widths)} numbers")
    if min(map(min, counts)) < 0:
        raise _damaged(path, "a number below 0")
    return Confusion(names, counts)


def _damaged(path: Path, came: str) -> SeglabError:
    return SeglabError(f"{path}: expected a confusion matrix; came a file that is damaged ({came}) - delete it")
