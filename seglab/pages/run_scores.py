"""The classes of a score as a table with bars, and a confusion matrix that can be read for many classes."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from seglab.display.confusion import Confusion
from seglab.display.numbers import NOT_THERE
from seglab.metrics.titles import TITLES
from seglab.pages.html import scrolling, sortable, table, text
from seglab.pages.values import Score

_COLUMNS = {"iou": "IoU %", "dice": "Dice %", "accuracy": "accuracy %", "precision": "precision %"}
_MEANS = {"iou": "miou", "dice": "mdice", "accuracy": "mean_accuracy"}
_LEVELS = 5  # shades of a matrix
_MANY = 24  # classes, from which cells are smaller
_MOST_MISTAKES = 12  # lines of the list


def headline(score: Score, *, names: Sequence[str] = tuple(TITLES)) -> str:
    """'mIoU 43.1 %, mean Dice 55.0 %, ...'; "" without a score."""
    return ", ".join(f"{TITLES[name]} {100 * score.metrics[name]:.1f} %" for name in names if _known(score, name))


def class_table(score: Score, colours: Mapping[str, str], *, label: str) -> str:
    """A <table> of the classes, IoU as bars; "" where there is none."""
    if not score.classes:
        return ""
    total = sum(scores.get("pixels", 0.0) for scores in score.classes.values() if scores.get("pixels", 0.0) > 0)
    columns = [key for key in _COLUMNS if any(key in scores for scores in score.classes.values())]
    titles = ["class", *(_COLUMNS[key] for key in columns), *(["pixels %"] if total else [])]
    lines = [
        f'<tr><th scope="row" data-value="{text(name)}">{_swatch(colours.get(name))}{text(name)}</th>'
        f"{''.join(_cell(scores.get(key, math.nan), bar=key == 'iou') for key in columns)}"
        f"{_cell(scores.get('pixels', math.nan) / total) if total else ''}</tr>"
        for name, scores in score.classes.items()
    ]
    means = "".join(_cell(score.metrics.get(_MEANS.get(key, ""), math.nan)) for key in columns)
    foot = f'<tr><th scope="row">mean</th>{means}{"<td></td>" if total else ""}</tr>'
    absent = any(math.isnan(scores.get("iou", math.nan)) for scores in score.classes.values())
    note = f'<p class="note small">{NOT_THERE} absent: there is no such pixel; it is left out of the mean</p>'
    shown = scrolling(table(map(sortable, titles), lines, kind="scores classes", foot=foot), label=label)
    return shown + (note if absent else "")


def confusion_table(matrix: Confusion, *, key: str, confusions: dict[str, Any]) -> str:
    """A matrix in percent of each true class, with the most frequent mistakes in words above it.

    Args:
        confusions: {key: matrix} of the page's data, to which this one is added.
    """
    confusions[key] = {"names": matrix.names, "columns": matrix.columns, "counts": matrix.counts}
    heads = [f'<th scope="col"><span>{text(name)}</span></th>' for name in matrix.columns]
    lines = [
        f'<tr><th scope="row">{text(name)}</th>{_matrix_cells(row, index)}</tr>'
        for index, (name, row) in enumerate(zip(matrix.names, matrix.counts, strict=True))
    ]
    kind = "heat confusion" + (" many" if len(matrix.names) > _MANY else "")
    corner = '<th scope="col"><span class="corner">truth ↓ prediction →</span></th>'
    place = f' data-confusion="{text(key)}"'
    written = table([corner, *heads], lines, kind=kind, attributes=place)
    hint = "Choose a cell (click, or the tabulator key and arrows) to read its pixels here."
    scale = "".join(f'<span class="swatch plus level{level}">{20 * level}</span>' for level in range(1, _LEVELS + 1))
    return (
        f"{_mistakes(matrix)}{scrolling(written, label='confusion matrix')}"
        f'<p class="readout" aria-live="polite" data-hint="{hint}"></p>'
        f'<p class="scale">Each row in percent of the pixels of a true class; up to {scale} '
        f'<span class="swatch absent">{NOT_THERE}</span> the class is not in the ground truth</p>'
    )


def _matrix_cells(row: tuple[int, ...], index: int) -> str:
    total = sum(row)
    if not total:
        return f'<td class="absent" tabindex="-1">{NOT_THERE}</td>' * len(row)
    return "".join(_matrix_cell(100 * count / total, is_right=index == column) for column, count in enumerate(row))


def _matrix_cell(percent: float, *, is_right: bool) -> str:
    level = math.ceil(percent * _LEVELS / 100 - 1e-9) if percent >= 0.5 else 0
    kind = f"level{level}" + (" plus" if level else "") + (" right" if is_right else "")
    return f'<td class="{kind}" tabindex="-1">{f"{percent:.0f}" if level else ""}</td>'


def _mistakes(matrix: Confusion) -> str:
    """The pairs that most pixels are lost to."""
    wrong = [
        (count, row, column)
        for row, counts in enumerate(matrix.counts)
        for column, count in enumerate(counts)
        if row != column and count
    ]
    if not wrong:
        return ""
    total = sum(count for count, _, _ in wrong)
    lines = [
        f"<tr>{_word(matrix.names[row])}{_word(matrix.columns[column], tag='td')}"
        f"<td>{100 * count / sum(matrix.counts[row]):.1f}</td><td>{100 * count / total:.1f}</td><td>{count:,}</td></tr>"
        for count, row, column in sorted(wrong, key=lambda entry: -entry[0])[:_MOST_MISTAKES]
    ]
    heads = ("ground truth", "predicted as", "% of its pixels", "% of all mistakes", "pixels")
    written = table((f'<th scope="col">{head}</th>' for head in heads), lines, kind="numbers mistakes")
    return scrolling(written, label="the most frequent mistakes")


def _word(name: str, *, tag: str = "th") -> str:
    return f'<th scope="row">{text(name)}</th>' if tag == "th" else f'<td class="word">{text(name)}</td>'


def _cell(fraction: float, *, bar: bool = False) -> str:
    if not math.isfinite(fraction):
        return f"<td>{NOT_THERE}</td>"
    width = 100 * min(max(fraction, 0.0), 1.0)
    drawn = f'<svg class="meter" aria-hidden="true"><rect width="{width:.1f}%" height="100%"/></svg>' if bar else ""
    return f'<td data-value="{fraction!r}">{drawn}<span class="number">{100 * fraction:.1f}</span></td>'


def _swatch(colour: str | None) -> str:
    """The colour of the class in the pictures."""
    if colour is None:
        return ""
    return f'<svg class="colour" aria-hidden="true"><rect width="100%" height="100%" fill="{text(colour)}"/></svg>'


def _known(score: Score, name: str) -> bool:
    return math.isfinite(score.metrics.get(name, math.nan))
