"""A comparison as LaTeX tables that need the package booktabs, and longtable where they do not fit a page."""

import re
from collections.abc import Iterable, Iterator, Sequence

from seglab.display.sheet import Cell, Sheet, parts
from seglab.tables.analysis.analyses import findings
from seglab.tables.comparison.comparison import Comparison
from seglab.tables.plan.budgets import form, typed
from seglab.tables.render.marks import parted
from seglab.tables.render.plus_signs import PLUS, without_labels
from seglab.tables.render.sheets import PUBLISHED, scores

_WIDTH = 78  # characters of a line that fit the text of an article in \footnotesize
_LABEL = 2 * _WIDTH // 5  # characters that a label is wide before it is folded, see `parts`
_LINES = 45  # of \footnotesize that fit a page
_NOTE = 85  # characters of a note in a line
_ESCAPED = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "\"": "''", "±": r"$\pm$", "×": r"$\times$", "−": r"$-$", "†": r"\dag{}",
    "≥": r"$\ge$", "≤": r"$\le$", "Δ": r"$\Delta$", "–": "--", "—": "---", "…": r"\dots{}", "[": "{[}", "]": "{]}",
    "≈": r"$\approx$", "○": r"$\circ$", "→": r"$\to$", "µ": r"$\mu$", "°": r"$^\circ$",
}  # fmt: skip


def latex(comparison: Comparison) -> str:
    r"""A `table` of one page with a `tabular` for each block of equal protocol; what is longer, as `longtable`s.

    Columns that do not fit the text stand below the first ones, beside the labels again. Where rows are told by the
    plus signs of factors, these stand for the labels. What the analyses find follows, each as a table of its own.
    """
    plan = comparison.plan
    label = re.sub("[^A-Za-z0-9]+", "-", form(plan))
    tables: dict[str, Sequence[Sheet]] = {
        label: [without_labels(sheet, plan) for sheet in scores(comparison, differences=False)]
    }
    tables |= {f"{label}-{finding.name}": finding.sheets for finding in findings(comparison) if finding.sheets}
    cut = {name: [(whole, parts(whole, width=_WIDTH)) for whole in sheets] for name, sheets in tables.items()}
    long = {name for name, sheets in cut.items() if sum(_lines(whole, pieces) for whole, pieces in sheets) > _LINES}
    lines = [f"% python -m seglab.table {' '.join(typed(plan))}",
             rf"% \usepackage{{{'booktabs,longtable' if long else 'booktabs'}}}"]  # fmt: skip
    for name, sheets in cut.items():
        lines += _pages(sheets, label=name) if name in long else _float(sheets, label=name)
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """`text` as LaTeX prints it literally."""
    return "".join(_ESCAPED.get(sign, sign) for sign in text)


def _float(cut: Sequence[tuple[Sheet, Sequence[Sheet]]], *, label: str) -> Iterator[str]:
    """A `table`: its caption is that of the first block, and the others stand above theirs."""
    yield r"\begin{table}"
    yield r"  \centering"
    yield r"  \footnotesize"
    yield r"  \setlength{\tabcolsep}{4pt}"
    for index, (whole, pieces) in enumerate(cut):
        if index:
            yield rf"  \par\medskip\textit{{{escaped(whole.caption)}}}\par\smallskip"
        else:
            yield rf"  \caption{{{escaped(whole.caption)}}}"
            yield rf"  \label{{tab:{label}}}"
        for part in pieces:
            yield rf"  \begin{{tabular}}{{{_alignment(part)}}}"
            yield from _header(part)
            yield from _rows(part)
            yield r"    \bottomrule"
            yield r"  \end{tabular}"
            yield r"  \par\smallskip"
        if whole.notes:
            yield r"  \begin{minipage}{\linewidth}"
            yield r"    \footnotesize\setlength{\emergencystretch}{2em}"
            yield from (rf"    {note}\par" for note in _notes(whole))
            yield r"  \end{minipage}"
    yield r"\end{table}"


def _pages(cut: Sequence[tuple[Sheet, Sequence[Sheet]]], *, label: str) -> Iterator[str]:
    """`longtable`s, which break across pages and repeat their titles; each block with a caption and notes."""
    yield r"\begingroup"
    yield r"\footnotesize"
    yield r"\setlength{\tabcolsep}{4pt}"
    yield r"\setlength{\emergencystretch}{2em}"
    yield r"\setlength{\LTcapwidth}{\linewidth}"
    for index, (whole, pieces) in enumerate(cut):
        for place, part in enumerate(pieces):
            yield rf"\begin{{longtable}}{{{_alignment(part)}}}"
            if place == 0:
                mark = rf"\label{{tab:{label}}}" if index == 0 else ""
                yield rf"  \caption{{{escaped(whole.caption)}}}{mark} \\"
            yield from _header(part)
            yield r"  \endfirsthead"
            yield from _header(part)
            yield r"  \endhead"
            yield from _rows(part)
            yield r"    \bottomrule"
            yield r"\end{longtable}"
        yield from (rf"\noindent {note}\par" for note in _notes(whole))
    yield r"\endgroup"


def _alignment(sheet: Sheet) -> str:
    """Labels that `parts` counts as folded are so; the columns of signs are centred."""
    if _has_signs(sheet):
        return "c" * sheet.words + "r" * (len(sheet.header) - sheet.words)
    first = "l" if max((len(row[0].text) for row in sheet.rows), default=0) <= _LABEL else r"p{0.39\linewidth}"
    return first + "r" * (len(sheet.header) - 1)


def _header(sheet: Sheet) -> Iterator[str]:
    yield r"    \toprule"
    yield _line(_title(title) for title in sheet.header)
    yield r"    \midrule"


def _title(title: str) -> str:
    lines = [escaped(line) for line in title.splitlines()]
    stack = r"\\".join(lines)
    return rf"\shortstack[r]{{{stack}}}" if len(lines) > 1 else stack


def _rows(sheet: Sheet) -> Iterator[str]:
    folded = r"\raggedright " if _alignment(sheet).startswith("p") else ""
    for row in sheet.rows:
        if row[0].text == PUBLISHED and not any(cell.text for cell in row[1:]):
            yield r"    \midrule"
            yield rf"    \multicolumn{{{len(row)}}}{{l}}{{\textit{{published}}}} \\"
        elif _has_signs(sheet):
            yield _line([*_signs(row[: sheet.words]), *(_cell(cell) for cell in row[sheet.words :])])
        else:
            yield _line([folded + escaped(row[0].text), *(_cell(cell) for cell in row[1:])])


def _has_signs(sheet: Sheet) -> bool:
    return any(cell.text == PLUS for row in sheet.rows for cell in row[: sheet.words])


def _signs(cells: Sequence[Cell]) -> list[str]:
    """Those of a row; the label of a published one, across them."""
    if cells[0].text not in ("", PLUS):
        return [rf"\multicolumn{{{len(cells)}}}{{l}}{{{escaped(cells[0].text)}}}"]
    return [f"${PLUS}$" if cell.text else "" for cell in cells]


def _cell(cell: Cell) -> str:
    text, marks = parted(cell.text)
    shown = rf"\textbf{{{escaped(text)}}}" if cell.best else escaped(text)
    return shown + (rf"\textsuperscript{{{escaped(marks).removesuffix('{}')}}}" if marks else "")


def _notes(sheet: Sheet) -> Iterator[str]:
    """Each on a line of its own below the table; the marks in LaTeX's own words."""
    for note in sheet.notes:
        text = escaped(re.sub(r"^(best of its (?:column|line)): \*$", r"\1: bold", note))
        yield text.replace(r"\_", r"\_\allowbreak{}")  # names_of_many_words


def _lines(whole: Sheet, pieces: Sequence[Sheet]) -> int:
    """Of a page: the rows, titles and rules of each part, the caption and the notes."""
    tables = sum(len(part.rows) + max(title.count("\n") for title in part.header) + 4 for part in pieces)
    return tables + sum(1 + len(text) // _NOTE for text in (whole.caption, *whole.notes))


def _line(cells: Iterable[str]) -> str:
    return f"    {' & '.join(cells)} \\\\"
