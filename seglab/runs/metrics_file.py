"""metrics.csv as it lies in a run's folder: every logged value, a row for what was logged together."""

import csv
import logging
import math
from collections.abc import Sequence
from pathlib import Path

log = logging.getLogger("seglab")

METRICS = "metrics.csv"
_WORDS = ("", "nan", "inf", "-inf")  # all that stands in a cell besides numbers


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a metrics.csv as text, "" where nothing was logged; and not the half row that a kill may leave.

    Damaged ones, as a power cut or a full disk leave them, are left out with a warning.
    """
    rows, lost = whole_rows(path)
    if lost:
        log.warning("%s", lost)
    return rows


def read_history(path: Path) -> list[dict[str, float]]:
    """The rows of a metrics.csv as numbers, each with the columns that it fills; what `curves_figure` draws."""
    return numbers(read_rows(path))


def numbers(rows: Sequence[dict[str, str]]) -> list[dict[str, float]]:
    """Rows of text as numbers, each with the columns that it fills."""
    return [{key: float(text) for key, text in row.items() if text} for row in rows]


def whole_rows(path: Path) -> tuple[list[dict[str, str]], str | None]:
    """The rows as text, and what was lost of them, if anything."""
    if not path.exists():
        return [], None
    whole, _, _ = path.read_bytes().decode(errors="replace").rpartition("\n")
    header, *lines = whole.split("\n")
    columns = next(csv.reader([header]), [])
    cells = [line.rstrip("\r").split(",") for line in lines]
    rows = [dict(zip(columns, row, strict=True)) for row in cells if _is_whole(row, columns)]
    if len(rows) == len(lines):
        return rows, None
    return rows, f"{path}: {len(lines) - len(rows)} of {len(lines)} rows are damaged and left out"


def _is_whole(cells: Sequence[str], columns: Sequence[str]) -> bool:
    if len(cells) != len(columns) or "step" not in columns:
        return False
    try:
        int(cells[columns.index("step")])
        return all(math.isfinite(float(text)) for text in cells if text not in _WORDS)
    except ValueError:
        return False
