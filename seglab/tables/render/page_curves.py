"""Learning curves as an SVG drawing that keeps its letters and lines legible at every width.

The lines are drawn in a unit square that is stretched with the window; strokes are not, and letters stand outside it.
"""

import math
from collections.abc import Mapping

from seglab.tables.comparison.comparison import Block
from seglab.tables.plan.model import Measurement
from seglab.tables.render.words import text

COLOURS = 12  # of lines, in page.css; further rows repeat them dashed
_TICKS = 6  # at most about so many lines of the grid
_STEPS = (1, 2, 5, 10)


def learning_curves(block: Block, *, colours: Mapping[str, int]) -> str:
    """A <figure>: val mIoU over the validations of each run, a button for each row; "" where no run has a curve.

    Args:
        colours: {label: number of its colour}; a row has the same in every block.
    """
    runs = [run for row in block.rows for run in row.measurements if any(map(math.isfinite, run.curve))]
    if not runs:
        return ""
    length = max(len(run.curve) for run in runs)
    values = [100 * value for run in runs for value in run.curve if math.isfinite(value)]
    y_ticks = _ticks(min(values), max(values))
    low, high = y_ticks[0], y_ticks[-1]
    x_ticks = [tick for tick in _ticks(1, length) if 1 < tick < length and tick == int(tick)]
    last = [length] if length > 1 else []
    # Of inner ticks, those that would touch the numbers at the ends are left out.
    x_ticks = [1, *(tick for tick in x_ticks if 0.06 < (tick - 1) / (length - 1) < 0.94), *last]
    groups = [
        _group(colours[row.label], [_line(run, length, low, high) for run in row.measurements]) for row in block.rows
    ]
    buttons = "".join(_button(row.label, colours[row.label]) for row in block.rows)
    return (
        f'<figure class="curves"><div class="legend" role="group" aria-label="rows shown">{buttons}'
        f'<button type="button" class="all">hide all</button></div>'
        f'<svg class="chart" role="img" aria-label="val mIoU in percent over the validations of the training">'
        f"{_grid(x_ticks, y_ticks, length, low, high)}"
        f'<svg viewBox="0 0 1 1" preserveAspectRatio="none" width="100%" height="100%">{"".join(groups)}</svg>'
        f'<text class="axis" x="100%" y="100%" dy="38" text-anchor="end">validation during training</text>'
        f'<text class="axis" x="-40" y="-12">val mIoU, %</text></svg></figure>'
    )


def _button(label: str, index: int) -> str:
    key = f'<line x1="0" y1="50%" x2="100%" y2="50%" class="{_style(index)}"/>'
    return (
        f'<button type="button" aria-pressed="true" data-line="{index}">'
        f'<svg class="key" aria-hidden="true">{key}</svg>{text(label)}</button>'
    )


def _group(index: int, lines: list[str]) -> str:
    return f'<g data-line="{index}" class="{_style(index)}">{"".join(lines)}</g>'


def _style(index: int) -> str:
    return f"line{index % COLOURS}" + (" dashed" if index // COLOURS % 2 else "")


def _line(run: Measurement, length: int, low: float, high: float) -> str:
    """A <path> in the unit square; a gap where a validation has no value, a dot where a value stands alone."""
    parts, drawing = [], False
    for index, value in enumerate(run.curve):
        if not math.isfinite(value):
            drawing = False
            continue
        x, y = _across(index + 1, length), 1 - (100 * value - low) / (high - low)
        parts.append(f"{'L' if drawing else 'M'}{x:.4f} {y:.4f}" + ("" if drawing else "h0"))
        drawing = True
    best = max((100 * value for value in run.curve if math.isfinite(value)), default=math.nan)
    told = f"{run.row}, seed {run.seed}: best {best:.1f} %"
    return f'<path d="{"".join(parts)}"><title>{text(told)}</title></path>'


def _grid(x_ticks: list[float], y_ticks: list[float], length: int, low: float, high: float) -> str:
    parts = []
    for tick in y_ticks:
        y = f"{100 * (1 - (tick - low) / (high - low)):.2f}%"
        parts.append(f'<line class="grid" x1="0" x2="100%" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="tick" x="-7" y="{y}" dy="4" text-anchor="end">{tick:g}</text>')
    for tick in x_ticks:
        x = f"{100 * _across(tick, length):.2f}%"
        parts.append(f'<line class="mark" x1="{x}" x2="{x}" y1="100%" y2="100%"/>')
        parts.append(f'<text class="tick" x="{x}" y="100%" dy="17" text-anchor="middle">{tick:g}</text>')
    return "".join(parts)


def _across(validation: float, length: int) -> float:
    return (validation - 1) / (length - 1) if length > 1 else 0.5


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers from below `low` to above `high`."""
    span = max(high - low, 1e-6)
    power = 10.0 ** math.floor(math.log10(span / _TICKS))
    step = next(factor * power for factor in _STEPS if factor * power >= span / _TICKS)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(index * step, 10) for index in range(first, max(last, first + 1) + 1)]
