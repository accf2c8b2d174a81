"""Texts in the cells of a CSV: a spreadsheet runs one that begins like a formula."""

import re

_FORMULA = re.compile(r"[=+\-@\t\r]")


def as_cell(text: str) -> str:
    """`text` with an apostrophe before what a spreadsheet would take for a formula; numbers stay as they are."""
    if not _FORMULA.match(text) and not text.startswith("'"):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}" if _FORMULA.match(text.lstrip("'")) else text
    return text


def from_cell(cell: str) -> str:
    """The text that `as_cell` has made a cell of."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell.lstrip("'")) else cell
