"""A table that is shown three ways, on the terminal, as Markdown and as CSV, and says the same in all three."""

from __future__ import annotations

import csv
import io
import re
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from seglab.display.csv_text import as_cell

if TYPE_CHECKING:
    from rich.table import Table

WHOLE_WORD = 24  # a column of words is not made narrower than this, unless its words are shorter
_GAP = 2  # blanks between two columns
_SIGNS = {"–": "-", "…": "~", "†": "+", "≈": "=", "○": "o", "█": "#"}
_ASCII = str.maketrans({**_SIGNS, **dict.fromkeys("▏▎▍▌▋▊▉", "="), **dict.fromkeys("─━═", "-")})


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

    What needs more is printed in `parts`; where even that is too wide, wider than the terminal: rich would leave out
    its last columns without a word.
    """
    from rich.console import Console
    from rich.measure import Measurement

    console = Console(file=sys.stdout, highlight=False, force_jupyter=False)  # as text in notebooks too
    unlimited = console.options.update_width(10_000)
    with console.capture() as capture:
        console.print(sheet.caption, markup=False, style="bold")
        for part in parts(sheet, width=console.width):
            table = _rich(part)
            console.width = max(console.width, Measurement.get(console, unlimited, table).minimum)
            console.print(table)
        for note in sheet.notes:
            console.print(note, markup=False, style="dim")
    text = "\n".join(line.rstrip() for line in capture.get().splitlines())
    encoding = sys.stdout.encoding or "ascii"
    if not encoding.lower().replace("-", "").startswith("utf"):
        text = text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    print(text)


def parts(sheet: Sheet, *, width: int) -> list[Sheet]:
    """The sheet in as many sheets as it takes for none to be wider than `width` characters.

    First the titles of numbers are laid over several lines; then long labels are folded; then the numbers are dealt
    out to parts that are no wider than they need be, and every part repeats the words; those without a number in it
    stand in the first part alone. A sheet whose words leave no room for a number stays whole.
    """
    label = max(WHOLE_WORD, 2 * width // 5) if sheet.words == 1 else WHOLE_WORD
    if _needed(sheet, label) <= width:
        return [sheet]
    columns = range(sheet.words, len(sheet.header))
    titles = [_wrapped(sheet, index) if index in columns else title for index, title in enumerate(sheet.header)]
    narrow = replace(sheet, header=titles)
    if _needed(narrow, WHOLE_WORD) <= width:
        return [narrow]
    sizes = [_width(narrow, index, label) + _GAP for index in range(len(titles))]
    room = width + _GAP - sum(sizes[: sheet.words])
    if not columns or max(sizes[sheet.words :]) > room:
        return [narrow]
    fewest = len(_dealt(columns, sizes, room=room))
    rooms = range(max(sizes[sheet.words :]), room + 1)
    limit = next(size for size in rooms if len(_dealt(columns, sizes, room=size)) == fewest)
    dealt = [_of_columns(narrow, [*range(sheet.words), *some]) for some in _dealt(columns, sizes, room=limit)]
    return [dealt[0], *map(_without_unknown, dealt[1:])]


def transposed(sheet: Sheet) -> Sheet:
    """The sheet with its columns as lines; its first column becomes the titles."""
    assert sheet.words == 1
    assert sheet.mean is None
    lines = [
        [Cell(title, title), *(row[index] for row in sheet.rows)] for index, title in enumerate(sheet.header) if index
    ]
    return replace(sheet, header=[sheet.header[0], *(row[0].text for row in sheet.rows)], rows=lines)


def markdown(sheet: Sheet) -> str:
    """The sheet as a Markdown table; the best values bold and with a star."""
    shown = _titled(sheet)
    lines = [_without_tags(sheet.caption), "", _markdown_row([escaped(sheet.header[index]) for index in shown])]
    lines.append(_markdown_row(["---" if index < sheet.words else "---:" for index in shown]))
    for row in _all_rows(sheet):
        cells = [(escaped(row[index].text), row[index].best) for index in shown]
        lines.append(_markdown_row([f"**{text}** \\*" if best else text for text, best in cells]))
    lines += ["", *(f"- {_without_tags(note)}" for note in sheet.notes)]
    return "\n".join(lines) + "\n"


def comma_separated(sheet: Sheet) -> str:
    """The sheet as CSV in full precision: fractions where the table shows percent, seconds where it shows minutes."""
    shown = _titled(sheet)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([as_cell(sheet.header[index].removesuffix(" %")) for index in shown])
    for row in _all_rows(sheet):
        writer.writerow([as_cell(row[index].exact) for index in shown])
    return buffer.getvalue()


def _rich(sheet: Sheet) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for index, title in enumerate(sheet.header):
        if index < sheet.words:
            table.add_column(Text(title), min_width=_width(sheet, index, WHOLE_WORD), overflow="fold")
        else:
            justify: Literal["left", "right"] = "right" if title else "left"
            table.add_column(Text(title), min_width=_width(sheet, index, WHOLE_WORD), justify=justify, no_wrap=True)
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


def _needed(sheet: Sheet, label: int) -> int:
    """Characters that the sheet is wide at least, where words longer than `label` are folded."""
    return sum(_width(sheet, index, label) + _GAP for index in range(len(sheet.header))) - _GAP


def _width(sheet: Sheet, index: int, label: int) -> int:
    """Characters that a column is wide at least; one of words is folded where it is wider than `label`."""
    title = max(map(len, sheet.header[index].splitlines()), default=0)
    longest = max([title, *(len(row[index].text) + row[index].best for row in _all_rows(sheet))])
    return min(longest, label) if index < sheet.words else longest


def _wrapped(sheet: Sheet, index: int) -> str:
    """The title of a column, in lines that are no longer than its numbers where its words allow it."""
    title = sheet.header[index]
    numbers = max((len(row[index].text) + row[index].best for row in _all_rows(sheet)), default=0)
    width = max(numbers, *map(len, title.split() or [""]))
    return "\n".join(textwrap.wrap(title, width, break_long_words=False, break_on_hyphens=False))


def _dealt(columns: Sequence[int], sizes: Sequence[int], *, room: int) -> list[list[int]]:
    """The columns in groups whose sizes add up to no more than `room`, in their order."""
    groups: list[list[int]] = [[]]
    for index in columns:
        if groups[-1] and sum(sizes[member] for member in groups[-1]) + sizes[index] > room:
            groups.append([])
        groups[-1].append(index)
    return groups


def _without_unknown(sheet: Sheet) -> Sheet:
    """The sheet without the rows that hold dashes alone; with all of them where that is every row."""

    def is_known(row: Sequence[Cell]) -> bool:
        return any(cell.exact for cell in row[sheet.words :])

    rows = [row for row in sheet.rows if is_known(row) or not any(cell.text for cell in row[sheet.words :])]
    while rows and not is_known(rows[-1]):
        rows.pop()  # a title that stands above nothing
    return replace(sheet, rows=rows) if rows else sheet


def _of_columns(sheet: Sheet, columns: Sequence[int]) -> Sheet:
    return replace(
        sheet,
        header=[sheet.header[index] for index in columns],
        rows=[[row[index] for index in columns] for row in sheet.rows],
        mean=None if sheet.mean is None else [sheet.mean[index] for index in columns],
    )


def _titled(sheet: Sheet) -> list[int]:
    """The columns with a title; the others (bars) are for the eye alone."""
    return [index for index, title in enumerate(sheet.header) if title]


def _all_rows(sheet: Sheet) -> list[Sequence[Cell]]:
    return [*sheet.rows, *([sheet.mean] if sheet.mean else [])]


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def escaped(text: str) -> str:
    """`text` as Markdown shows it letter by letter: no link, no code, no end of the cell."""
    line = " ".join(_without_tags(text).splitlines())
    return re.sub(r"([\\`*|]|(?<=\])\()", r"\\\1", line)


def _without_tags(text: str) -> str:
    """`text` in which nothing is HTML; `p < 0.05` stays as it is."""
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)
