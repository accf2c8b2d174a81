"""The scores of a block with the columns as lines, for tables of many classes."""

from collections.abc import Sequence

from seglab.display.numbers import NOT_THERE
from seglab.evaluation.columns import COSTS, title
from seglab.pages.html import sortable, table, text
from seglab.tables.comparison.comparison import Block, PublishedResult
from seglab.tables.comparison.rows import RowResult
from seglab.tables.plan.model import Row
from seglab.tables.render.page_scores import measured_cell, opening, published_cell
from seglab.tables.render.published import published_notes
from seglab.tables.render.sheets import best_rows


def transposed_table(block: Block, columns: tuple[str, ...], *, key: str, absent: Sequence[Row]) -> str:
    """A <table>: a line for each column of the plan, a cell for each measured, unmeasured and published row.

    Args:
        key: of the block; `KEY-r0`, `KEY-r1`, ... and `KEY-p0`, ... are the keys of the rows' details.
    """
    measured = list(enumerate(block.rows))
    heads = [_head(row.label, f"{key}-r{index}", mark="baseline" if row.is_baseline else "") for index, row in measured]
    heads += [f'<th scope="col">{text(row.label)}</th>' for row in absent]
    heads += _published_heads(block.published, key=key)
    lines = []
    for column in columns:
        best = best_rows(block, column)
        cells = [_measured(row, column, key=f"{key}-r{index}", is_best=row.label in best) for index, row in measured]
        cells += [f"<td>{NOT_THERE}</td>"] * len(absent)
        lines.append(_line(title(column), [*cells, *_published_cells(block.published, column, key=key)]))
    seeds = [*(str(row.n) for row in block.rows), *("0" for _ in absent), *(NOT_THERE for _ in block.published)]
    lines.append(_line("seeds", [f"<td>{number}</td>" for number in seeds]))
    return _table(heads, lines)


def transposed_published(published: tuple[PublishedResult, ...], columns: tuple[str, ...], *, key: str) -> str:
    """A <table> of the published rows that stand beside no block."""
    lines = [_line(title(column), _published_cells(published, column, key=key)) for column in columns]
    return _table(_published_heads(published, key=key), lines)


def _table(heads: Sequence[str], lines: Sequence[str]) -> str:
    return table([sortable("score"), *heads], lines, kind="scores transposed")


def _head(label: str, key: str, *, mark: str, kind: str = "") -> str:
    """A title with two buttons: one tells where the numbers come from, one sorts."""
    sorts = f'<button type="button" class="sort" aria-label="sort by {text(label)}"></button>'
    return f'<th scope="col" aria-sort="none"{kind}>{opening(label, key, mark=mark)} {sorts}</th>'


def _published_heads(published: Sequence[PublishedResult], *, key: str) -> list[str]:
    numbers, _ = published_notes(published)
    return [
        _head(result.published.label, f"{key}-p{index}", mark=f"published [{note}]", kind=' class="published"')
        for index, (result, note) in enumerate(zip(published, numbers, strict=True))
    ]


def _measured(row: RowResult, column: str, *, key: str, is_best: bool) -> str:
    """Costs are not scores, and are left behind these when the lines are sorted."""
    cell = measured_cell(row, column, is_best=is_best, attributes=f' data-key="{key}"')
    return cell.replace(" data-value=", " data-cost=", 1) if column in COSTS else cell


def _published_cells(published: Sequence[PublishedResult], column: str, *, key: str) -> list[str]:
    return [
        published_cell(result, column, attributes=f' class="published" data-key="{key}-p{index}"')
        for index, result in enumerate(published)
    ]


def _line(name: str, cells: Sequence[str]) -> str:
    return f'<tr><th scope="row" data-value="{text(name)}">{text(name)}</th>{"".join(cells)}</tr>'
