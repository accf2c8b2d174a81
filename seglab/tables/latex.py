"""A comparison as a LaTeX table that needs the package booktabs and nothing else."""

import re
from collections.abc import Iterable, Iterator

from seglab.report import NOT_THERE
from seglab.tables.comparison import Block, Comparison, PublishedResult, RowResult
from seglab.tables.model import Plan
from seglab.tables.page_text import number, title
from seglab.tables.render import (
    below,
    best_rows,
    is_significant,
    marks_notes,
    protocol_words,
    published_note,
    score_text,
    seeds_words,
)

_ESCAPED = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "\"": "''", "±": r"$\pm$", "×": r"$\times$", "−": r"$-$", "†": r"\dag{}",
    "≥": r"$\ge$", "≤": r"$\le$", "Δ": r"$\Delta$", "–": "--", "—": "---", "…": r"\dots{}", "[": "{[}", "]": "{]}",
    "→": r"$\to$", "µ": r"$\mu$", "°": r"$^\circ$",
}  # fmt: skip


def latex(comparison: Comparison) -> str:
    r"""A `table` with one `tabular`: the blocks of equal protocol and the published rows set off by \midrule."""
    plan = comparison.plan
    width = len(plan.columns) + 2
    first = comparison.blocks[0] if comparison.blocks else None
    words = f"{plan.title}: {protocol_words(first)}" if first else f"{plan.title}: nothing is measured yet"
    header = ["row", *map(title, plan.columns), "seeds"]
    lines = [
        f"% python -m seglab.table table={plan.name}",
        r"% \usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escaped(words)}}}",
        rf"  \label{{tab:{re.sub('[^A-Za-z0-9]+', '-', plan.name)}}}",
        rf"  \begin{{tabular}}{{l{'r' * (width - 1)}}}",
        r"    \toprule",
        _line(map(escaped, header)),
        *_body(comparison, width=width),
        r"    \bottomrule",
        r"  \end{tabular}",
        *_notes(comparison),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """`text` as LaTeX prints it literally."""
    return "".join(_ESCAPED.get(sign, sign) for sign in text)


def _body(comparison: Comparison, *, width: int) -> Iterator[str]:
    plan = comparison.plan
    for index, block in enumerate(comparison.blocks):
        yield r"    \midrule"
        if index:
            yield _heading(f"measured under another protocol, not comparable with the rows above: {block.title}", width)
            yield r"    \midrule"
        for row in block.rows:
            yield _line(_measured(comparison, block, row))
    for label in _unmeasured(comparison):
        yield _line([escaped(label), *([escaped(NOT_THERE)] * (width - 2)), "0"])
    shown = _published(comparison)
    if shown:
        yield r"    \midrule"
        yield _heading("published", width)
    for index, (result, comparable) in enumerate(shown, start=1):
        label = rf"{escaped(result.published.label)}\textsuperscript{{{index}}}"
        yield _line([label if comparable else rf"\textit{{{label}}}", *_values(plan, result), escaped(NOT_THERE)])


def _measured(comparison: Comparison, block: Block, row: RowResult) -> Iterator[str]:
    yield escaped(row.label)
    for column in comparison.plan.columns:
        text = escaped(score_text(row, column))
        text = rf"\textbf{{{text}}}" if row.label in best_rows(block, column) else text
        yield text + (r"\textsuperscript{\dag}" if is_significant(row, column) else "")
    yield seeds_words(comparison, row)


def _values(plan: Plan, result: PublishedResult) -> Iterator[str]:
    for column in plan.columns:
        yield escaped(number(column, result.published.values.get(column)))


def _published(comparison: Comparison) -> list[tuple[PublishedResult, bool]]:
    """Every published row once, and whether it may stand beside the measured ones."""
    beside = [(each, True) for block in comparison.blocks for each in block.published]
    return [*beside, *((each, False) for each in comparison.published_apart)]


def _unmeasured(comparison: Comparison) -> list[str]:
    measured = {row.label for block in comparison.blocks for row in block.rows}
    return [row.label for row in comparison.plan.rows if row.label not in measured]


def _notes(comparison: Comparison) -> Iterator[str]:
    """Each on a line of its own below the table; the marks in LaTeX's own words."""
    notes = [note for block in comparison.blocks[:1] for note in marks_notes(comparison, block)]
    notes = [note.replace("best of its column: *", "best of its column: bold") for note in notes]
    notes += [f"{row.label}: {row.note}" for block in comparison.blocks for row in block.rows if row.note]
    notes += [published_note(each, index) for index, (each, _) in enumerate(_published(comparison), start=1)]
    notes += below(comparison)
    if notes:
        yield ""
        yield r"  \medskip"
        yield r"  \begin{minipage}{\linewidth}"
        yield r"    \footnotesize"
        for note in notes:
            yield rf"    {escaped(note)}\par"
        yield r"  \end{minipage}"


def _heading(text: str, width: int) -> str:
    return rf"    \multicolumn{{{width}}}{{l}}{{\textit{{{escaped(text)}}}}} \\"


def _line(cells: Iterable[str]) -> str:
    return f"    {' & '.join(cells)} \\\\"
