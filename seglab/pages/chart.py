"""Curves as an SVG drawing that keeps its letters and lines legible at every width.

The lines are drawn in a unit square that is stretched with the window; strokes are not, and letters stand outside it.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from seglab.pages.html import text

COLOURS = 12  # of lines, in shell.css; further groups repeat them dashed, then dotted
_DASHES = ("", " dashed", " dotted")
_TICKS = 6  # at most about so many lines of the grid
_STEPS = (1, 2, 5, 10)


class Line(NamedTuple):
    """One curve. A value that is NaN or infinite is a gap."""

    points: Sequence[tuple[float, float]]  # x, y; x grows
    told: str  # by the browser while the mouse rests on it
    best: tuple[float, float] | None = None  # a point that is marked


class Group(NamedTuple):
    """The curves that a button of the legend shows and hides."""

    label: str
    colour: int  # a number of any size: the same has the same colour in every chart
    lines: Sequence[Line]


def chart(
    groups: Sequence[Group],
    *,
    label: str,
    x_title: str,
    y_title: str,
    x_range: tuple[float, float],
    legend: str,
    key: str | None = None,
) -> str:
    """A <figure>: the curves with a button for each group; "" where no curve has a value.

    Args:
        label: read to those who do not see the drawing.
        legend: likewise, of the buttons.
        key: of the `values` in the data of the page, by which the values at a place are told; None: they are not.
    """
    values = [y for group in groups for line in group.lines for _, y in line.points if math.isfinite(y)]
    if not values:
        return ""
    y_ticks = _ticks(min(values), max(values))
    box = _Box(*x_range, y_ticks[0], y_ticks[-1])
    drawn = "".join(_group(group, box) for group in groups)
    reads = key is not None
    told = ' tabindex="0" data-chart="' + text(key) + '"' if reads else ""
    cross = '<line class="cross hidden" y1="0" y2="100%"/>' if reads else ""
    readout = '<p class="readout" aria-live="polite"></p>' if reads else ""
    hint = ": point at it, or use the arrow keys, to read its values" if reads else ""
    return (
        f'<figure class="curves"><div class="legend" role="group" aria-label="{text(legend)}">'
        f"{''.join(_button(group) for group in groups)}"
        f'<button type="button" class="all">hide all</button></div>'
        f'<svg class="chart" role="img" aria-label="{text(label + hint)}"{told}>'
        f"{_grid(_x_ticks(*x_range), y_ticks, box)}"
        f'<svg viewBox="0 0 1 1" preserveAspectRatio="none" width="100%" height="100%">{drawn}</svg>{cross}'
        f'<text class="axis" x="100%" y="100%" dy="38" text-anchor="end">{text(x_title)}</text>'
        f'<text class="axis" x="-40" y="-12">{text(y_title)}</text></svg>{readout}</figure>'
    )


def values(groups: Sequence[Group], *, x_title: str, x_range: tuple[float, float], form: str) -> dict[str, Any]:
    """What the script needs to tell the values at a place of a chart.

    Args:
        form: of a value, such as ".1f".
    """
    lines = [
        [group.label, index, [[x, format(y, form)] for x, y in line.points if math.isfinite(y)]]
        for index, group in enumerate(groups)
        for line in group.lines
    ]
    return {"x": x_title, "range": list(x_range), "lines": lines}


class _Box(NamedTuple):
    """What the unit square shows."""

    left: float
    right: float
    low: float
    high: float

    def across(self, x: float) -> float:
        return (x - self.left) / (self.right - self.left) if self.right > self.left else 0.5

    def down(self, y: float) -> float:
        return 1 - (y - self.low) / (self.high - self.low)


def _button(group: Group) -> str:
    key = f'<line x1="0" y1="50%" x2="100%" y2="50%" class="{_style(group.colour)}"/>'
    return (
        f'<button type="button" aria-pressed="true" data-line="{group.colour}">'
        f'<svg class="key" aria-hidden="true">{key}</svg>{text(group.label)}</button>'
    )


def _group(group: Group, box: _Box) -> str:
    lines = "".join(_path(line, box) for line in group.lines)
    return f'<g data-line="{group.colour}" class="{_style(group.colour)}">{lines}</g>'


def _style(colour: int) -> str:
    return f"line{colour % COLOURS}" + _DASHES[colour // COLOURS % len(_DASHES)]


def _path(line: Line, box: _Box) -> str:
    """A <path> in the unit square; a gap where there is no value, a dot where a value stands alone."""
    parts, drawing = [], False
    for x, y in line.points:
        if not math.isfinite(y):
            drawing = False
            continue
        parts.append(f"{'L' if drawing else 'M'}{box.across(x):.4f} {box.down(y):.4f}" + ("" if drawing else "h0"))
        drawing = True
    dot = ""
    if line.best is not None:
        x, y = line.best
        dot = f'<path class="best" d="M{box.across(x):.4f} {box.down(y):.4f}h0"/>'
    return f'<path d="{"".join(parts)}"><title>{text(line.told)}</title></path>{dot}'


def _grid(x_ticks: Sequence[float], y_ticks: Sequence[float], box: _Box) -> str:
    parts = []
    for tick in y_ticks:
        y = f"{100 * box.down(tick):.2f}%"
        parts.append(f'<line class="grid" x1="0" x2="100%" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="tick" x="-7" y="{y}" dy="4" text-anchor="end">{tick:g}</text>')
    for tick in x_ticks:
        x = f"{100 * box.across(tick):.2f}%"
        parts.append(f'<line class="mark" x1="{x}" x2="{x}" y1="100%" y2="100%"/>')
        parts.append(f'<text class="tick" x="{x}" y="100%" dy="17" text-anchor="middle">{tick:g}</text>')
    return "".join(parts)


def _x_ticks(low: float, high: float) -> list[float]:
    """Both ends and whole numbers between; of these, those that would touch the numbers at the ends are left out."""
    if high <= low:
        return [low]
    inner = [tick for tick in _ticks(low, high) if tick == int(tick) and 0.06 < (tick - low) / (high - low) < 0.94]
    return [low, *inner, high]


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers from below `low` to above `high`."""
    if high - low <= 1e-6 * max(abs(low), abs(high)):  # a line that does not move stands in the middle
        low, high = low - (abs(low) / 10 or 1), high + (abs(high) / 10 or 1)
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / _TICKS))
    step = next(factor * power for factor in _STEPS if factor * power >= span / _TICKS)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [float(f"{index * step:.12g}") for index in range(first, max(last, first + 1) + 1)]
