"""The scores of a block as a table that can be sorted, and its differences class by class as a heat map."""

import math
from collections.abc import Iterator, Sequence

from seglab.display.numbers import NOT_THERE
from seglab.evaluation.columns import title
from seglab.pages.html import scrolling, sortable, table, text
from seglab.tables.comparison.comparison import Block, PublishedResult
from seglab.tables.comparison.differences import Difference
from seglab.tables.comparison.rows import RowResult
from seglab.tables.plan.model import Row
from seglab.tables.render.marks import marks, verdict
from seglab.tables.render.published import published_notes
from seglab.tables.render.sheets import best_rows
from seglab.tables.render.words import estimate, interval, number, points, probability, sentence

_LEVELS = 5  # shades on either side of zero
_HINT = "Choose a cell (click, or the tabulator key and arrows) to read its interval and test here."
_STEPS = (1, 1.5, 2, 2.5, 3, 4, 5, 7.5)


def score_table(block: Block, columns: tuple[str, ...], *, key: str, absent: Sequence[Row]) -> str:
    """A <table>: a line for each measured row, each that is still to be measured, and each published one.

    Args:
        key: of the block; `KEY-r0`, `KEY-r1`, ... and `KEY-p0`, ... are the keys of the rows' details.
    """
    best = {column: best_rows(block, column) for column in columns}
    lines = [_measured(row, columns, best, key=f"{key}-r{index}") for index, row in enumerate(block.rows)]
    lines += [_unmeasured(row, columns) for row in absent]
    lines += _published_lines(block.published, columns, key=key)
    return table(_heads(columns), lines)


def published_table(published: tuple[PublishedResult, ...], columns: tuple[str, ...], *, key: str) -> str:
    """A <table> of the published rows that stand beside no block."""
    return table(_heads(columns), _published_lines(published, columns, key=key))


def opening(label: str, key: str, *, mark: str) -> str:
    """A label that opens the details with this key, and its mark."""
    tag = f' <span class="tag">{mark}</span>' if mark else ""
    return f'<button type="button" class="open" data-key="{key}" aria-haspopup="dialog">{text(label)}</button>{tag}'


def _published_lines(published: Sequence[PublishedResult], columns: tuple[str, ...], *, key: str) -> Iterator[str]:
    """A <tr> for each, set off, with the number of the note that says how it was measured."""
    numbers, _ = published_notes(published)
    for index, (result, note) in enumerate(zip(published, numbers, strict=True)):
        place = f"{key}-p{index}"
        head = _row_head(result.published.label, place, mark=f"published [{note}]", small="")
        cells = "".join(published_cell(result, column) for column in columns)
        yield f'<tr class="published" data-key="{place}">{head}{cells}<td>{NOT_THERE}</td></tr>'


def published_cell(result: PublishedResult, column: str, *, attributes: str = "") -> str:
    """A <td>; what the source does not say, and NaN, have no value to sort by."""
    value = result.published.values.get(column)
    sorting = "" if value is None or math.isnan(value) else f' data-value="{value!r}"'
    return f"<td{attributes}{sorting}>{number(column, value)}</td>"


def _heads(columns: tuple[str, ...]) -> list[str]:
    return [sortable(heading) for heading in ("row", *map(title, columns), "seeds")]


def _measured(row: RowResult, columns: tuple[str, ...], best: dict[str, list[str]], *, key: str) -> str:
    head = _row_head(row.label, key, mark="baseline" if row.is_baseline else "", small=row.note or "")
    cells = "".join(measured_cell(row, column, is_best=row.label in best[column]) for column in columns)
    return f'<tr data-key="{key}">{head}{cells}<td data-value="{row.n}">{row.n}</td></tr>'


def _unmeasured(row: Row, columns: tuple[str, ...]) -> str:
    note = f'<span class="small">{text(row.note)}</span>' if row.note else ""
    head = f'<th scope="row" data-value="{text(row.label)}">{text(row.label)}{note}</th>'
    return f"<tr>{head}{f'<td>{NOT_THERE}</td>' * len(columns)}<td>0</td></tr>"


def _row_head(label: str, key: str, *, mark: str, small: str) -> str:
    below = f'<span class="small">{text(small)}</span>' if small else ""
    return f'<th scope="row" data-value="{text(label)}">{opening(label, key, mark=mark)}{below}</th>'


def measured_cell(row: RowResult, column: str, *, is_best: bool, attributes: str = "") -> str:
    """A <td>: the score over seeds, and below it the difference to the baseline."""
    score = row.columns[column]
    value = estimate(column, score)
    if score.mean is None:
        return f'<td{attributes} data-column="{text(column)}">{value}</td>'
    shown = f"<strong>{value}</strong>" if is_best else value
    if score.n != row.n:  # a class may be absent from the predictions and the truth of some seeds
        shown += f' <span class="small">(n = {score.n})</span>'
    difference = row.differences.get(column)
    below = _difference(difference) if difference is not None and not row.is_baseline else ""
    return f'<td{attributes} data-column="{text(column)}" data-value="{score.mean!r}">{shown}{below}</td>'


def _difference(difference: Difference) -> str:
    spread = f" [{interval(difference.interval)}]" if difference.interval is not None else ""
    p = f"<br>{probability(difference.p_holm)}" if difference.p_holm is not None else ""
    kind = "significant" if difference.significant else "uncertain"
    over = " over images" if difference.over == "images" else ""
    judged = "" if difference.equality is None else f"<br>{marks(difference)} {verdict(difference)}"
    return f'<span class="change {kind}"><b>{points(difference.mean)}</b>{spread}{p}{over}{judged}</span>'


def heat_map(block: Block) -> str:
    """A <table> class by row of IoU differences to the baseline, with its scale; "" where nothing can be compared."""
    rows = [row for row in block.rows if row.class_deltas and not row.is_baseline]
    if not rows:
        return ""
    means = [difference.mean for row in rows for difference in row.class_deltas.values()]
    limit = _limit([mean for mean in means if mean is not None])
    heads = [f'<th scope="col"><span>{text(name)}</span></th>' for name in block.class_names]
    lines = [_baseline_line(row, block.class_names) for row in block.rows if row.is_baseline]
    lines += [_heat_line(row, block.class_names, limit) for row in rows]
    heat = table(['<th scope="col">row</th>', *heads], lines, kind="heat")
    box = scrolling(heat, label="differences class by class")
    return f'{box}<p class="readout" aria-live="polite" data-hint="{_HINT}"></p>{_scale(limit)}'


def _baseline_line(row: RowResult, names: tuple[str, ...]) -> str:
    values = (row.classes[name].mean if name in row.classes else None for name in names)
    cells = "".join(f"<td>{number('iou', value)}</td>" for value in values)
    return f'<tr class="reference"><th scope="row">{text(row.label)} <span class="small">IoU %</span></th>{cells}</tr>'


def _heat_line(row: RowResult, names: tuple[str, ...], limit: float) -> str:
    cells = "".join(_heat_cell(row.label, name, row.class_deltas.get(name), limit) for name in names)
    return f'<tr><th scope="row">{text(row.label)}</th>{cells}</tr>'


def _heat_cell(label: str, name: str, difference: Difference | None, limit: float) -> str:
    if difference is None or difference.mean is None or math.isnan(difference.mean):
        told = f"{label}, {name}: not known; the class is absent, or no seed is paired"
        return f'<td class="absent" tabindex="-1" title="{text(told)}">{NOT_THERE}</td>'
    mean, bounds = difference.mean, difference.interval
    unsure = bounds is None or bounds.low <= 0 <= bounds.high
    level = math.ceil(_LEVELS * abs(mean) / limit - 1e-9) if points(mean) != "0.0" else 0
    shade = f"{'plus' if mean > 0 else 'minus'} level{min(level, _LEVELS)}" if level else "level0"
    told = f"{label}, {name}: {sentence(difference)}" + (" - uncertain" if unsure else "")
    return (
        f'<td class="{shade}{" unsure" if unsure else ""}" tabindex="-1" title="{text(told)}">'
        f'{points(mean)}<span class="spread">{interval(bounds)}</span></td>'
    )


def _limit(means: list[float]) -> float:
    """The fraction of the darkest shade: a round number that no difference exceeds."""
    most = max((abs(mean) for mean in means), default=0.0)
    if most == 0:
        return 0.01
    power = 10.0 ** math.floor(math.log10(most))
    return next((step * power for step in _STEPS if step * power >= most), 10 * power)


def _scale(limit: float) -> str:
    """What the shades mean, in percentage points."""
    return f'<p class="scale">{"".join(_swatches(limit))}</p>'


def _swatches(limit: float) -> Iterator[str]:
    bounds = [100 * limit * level / _LEVELS for level in range(1, _LEVELS + 1)]
    for level in range(_LEVELS, 0, -1):
        yield f'<span class="swatch minus level{level}">−{bounds[level - 1]:g}</span>'
    yield '<span class="swatch level0">0</span>'
    for level in range(1, _LEVELS + 1):
        yield f'<span class="swatch plus level{level}">+{bounds[level - 1]:g}</span>'
    yield ' points of IoU <span class="swatch plus level4 unsure">+0.4</span> uncertain: the 95 % interval contains 0, '
    yield 'or there is none <span class="swatch absent">–</span> not known'
