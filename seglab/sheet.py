"""A table that is shown three ways, on the terminal, as Markdown and as CSV, and says the same in all three."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rich.table import Table

_WHOLE_WORD = 24  # a column of words is not made narrower than this, unless its words are shorter
_ASCII = str.maketrans({"–": "-", "…": "~", "█": "#", **dict.fromkeys("▏▎▍▌▋▊▉", "="), **dict.fromkeys("─━═", "-")})


class Cell(NamedTuple):
    """One value: as it is shown, and in full precision for the CSV."""

    text: str
    exact: str
    best: bool = False


@dataclass(frozen=True)
class Sheet:
    """A table with its caption above and its notes below."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    words: int = 1  # how many columns from the left are text; the others are numbers
    mean: Sequence[Cell] | None = None  # a last row, ruled off
    notes: Sequence[str] = ()


def show(sheet: Sheet) -> None:
    """Prints the sheet, as wide as the terminal (80 columns in a file); colours and bold only on a terminal.

    A table that needs more is printed wider: rich would leave out its last columns without a word.
    """
    from rich.console import Console
    from rich.measure import Measurement

    console = Console(file=sys.stdout, highlight=False, force_jupyter=False)  # as text in notebooks too
    table = _rich(sheet)
    unlimited = console.options.update_width(10_000)
    console.width = max(console.width, Measurement.get(console, unlimited, table).minimum)
    with console.capture() as capture:
        console.print(sheet.caption, markup=False, style="bold")
        console.print(table)
        for note in sheet.notes:
            console.print(note, markup=False, style="dim")
    text = "\n".join(line.rstrip() for line in capture.get().splitlines())
    encoding = sys.stdout.encoding or "ascii"
    if not encoding.lower().replace("-", "").startswith("utf"):
        text = text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    print(text)


def markdown(sheet: Sheet) -> str:
    """The sheet as a Markdown table; the best values bold and with a star."""
    shown = _titled(sheet)
    lines = [sheet.caption, "", _markdown_row([sheet.header[index] for index in shown])]
    lines.append(_markdown_row(["---" if index < sheet.words else "---:" for index in shown]))
    for row in _all_rows(sheet):
        cells = [row[index] for index in shown]
        lines.append(_markdown_row([f"**{cell.text}** \\*" if cell.best else cell.text for cell in cells]))
    lines += ["", *(f"- {note}" for note in sheet.notes)]
    return "\n".join(lines) + "\n"


def comma_separated(sheet: Sheet) -> str:
    """The sheet as CSV in full precision: fractions where the table shows percent, seconds where it shows minutes."""
    shown = _titled(sheet)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([sheet.header[index].removesuffix(" %") for index in shown])
    for row in _all_rows(sheet):
        writer.writerow([row[index].exact for index in shown])
    return buffer.getvalue()


def _rich(sheet: Sheet) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for index, title in enumerate(sheet.header):
        longest = max(len(title), *(len(row[index].text) + row[index].best for row in _all_rows(sheet)))
        if index < sheet.words:
            table.add_column(title, min_width=min(longest, _WHOLE_WORD), overflow="fold")
        else:
            table.add_column(title, min_width=longest, justify="right" if title else "left", no_wrap=True)
    for row in sheet.rows:
        # A star's width is kept free beside every number, so that the decimals stay in line.
        starred = [any(line[index].best for line in sheet.rows) for index in range(len(row))]
        cells = [
            Text(cell.text + ("*" if cell.best else " " if star else ""), style="bold" if cell.best else "")
            for cell, star in zip(row, starred, strict=True)
        ]
        table.add_row(*cells)
    if sheet.mean is not None:
        table.add_section()
        table.add_row(*(Text(cell.text, style="bold") for cell in sheet.mean))
    return table


def _titled(sheet: Sheet) -> list[int]:
    """The columns with a title; the others (bars) are for the eye alone."""
    return [index for index, title in enumerate(sheet.header) if title]


def _all_rows(sheet: Sheet) -> list[Sequence[Cell]]:
    return [*sheet.rows, *([sheet.mean] if sheet.mean else [])]


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
