"""A sheet as a table of HTML."""

from collections.abc import Sequence

from seglab.display.sheet import Cell, Sheet
from seglab.pages.html import bullets, scrolling, sortable, table, text


def sheet_table(sheet: Sheet, *, key: str) -> str:
    """The caption as a heading, the rows as lines that can be sorted, the notes below.

    Args:
        key: unique in the page.
    """
    heads = [sortable(title) for title in sheet.header]
    lines = [_line(row, words=sheet.words) for row in sheet.rows]
    foot = "" if sheet.mean is None else _line(sheet.mean, words=sheet.words)
    content = scrolling(table(heads, lines, foot=foot), label=sheet.caption)
    return f'<h3 id="{text(key)}">{text(sheet.caption)}</h3>{content}{bullets(sheet.notes)}'


def _line(row: Sequence[Cell], *, words: int) -> str:
    cells = []
    for index, cell in enumerate(row):
        shown = f"<b>{text(cell.text)}</b>" if cell.best else text(cell.text)
        if index == 0:
            cells.append(f'<th scope="row">{shown}</th>')
        elif index < words:
            cells.append(f"<td>{shown}</td>")
        else:
            value = f' data-value="{text(cell.exact)}"' if cell.exact else ""  # to sort by
            cells.append(f"<td{value}>{shown}</td>")
    return f"<tr>{''.join(cells)}</tr>"
