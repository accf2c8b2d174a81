"""Numbers as cells and words: percent, durations, bars, and a dash for what is not there."""

from __future__ import annotations

import math
from collections.abc import Sequence

from seglab.display.sheet import Cell

NOT_THERE = "–"


_BAR_WIDTH = 12


_EIGHTHS = " ▏▎▍▌▋▊▉"


def bar(fraction: float) -> str:
    """12 characters of block elements, filled from the left; empty for NaN."""
    if math.isnan(fraction):
        return ""
    eighths = round(min(max(fraction, 0.0), 1.0) * _BAR_WIDTH * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(_BAR_WIDTH)


def sides(size: Sequence[int]) -> str:
    return "x".join(str(side) for side in size)


def duration(seconds: float | None) -> str:
    """'42 s', '3 min 05 s' or '2 h 07 min'."""
    if seconds is None:
        return NOT_THERE
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def percent(fraction: float) -> Cell:
    return Cell(NOT_THERE if math.isnan(fraction) else f"{100 * fraction:.1f}", exact(fraction))


def decimal(value: float) -> Cell:
    return Cell(NOT_THERE if math.isnan(value) else f"{value:.3f}", exact(value))


def number(value: int | None) -> Cell:
    return Cell(NOT_THERE if value is None else str(value), exact(value))


def cell(value: float | None, form: str) -> Cell:
    """A number in a format such as ',' or '.3g'; a dash where there is none."""
    return Cell(NOT_THERE if value is None else format(value, form), exact(value))


def took(seconds: float | None) -> Cell:
    return Cell(duration(seconds), exact(seconds))


def word(text: str) -> Cell:
    return Cell(text, text)


def words(fraction: float) -> str:
    return f"{percent(fraction).text} %"


def exact(value: float | None) -> str:
    """Every digit, and an empty field for what is not there."""
    return "" if value is None or math.isnan(value) else repr(value)
