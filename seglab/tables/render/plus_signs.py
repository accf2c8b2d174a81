"""The rows of a table whose factors have two levels, as papers print them: a column of plus signs for each factor."""

from dataclasses import replace

from seglab.display.sheet import Cell, Sheet
from seglab.tables.plan.model import Plan

PLUS = "+"


def has_signs(plan: Plan) -> bool:
    """Whether each row is told by its signs: not where one training is tested in several places, nor as columns."""
    two_each = bool(plan.factors) and all(len(levels) == 2 for levels in plan.factors.values())
    return two_each and not plan.tested_on and not plan.transposed


def with_signs(sheet: Sheet, plan: Plan) -> Sheet:
    """The sheet with a column for each factor behind its labels; the sheet itself where it has no row of the plan."""
    levels = {row.label: row.levels for row in plan.rows}
    if not has_signs(plan) or not any(row[0].text in levels for row in sheet.rows):
        return sheet
    nothing = [Cell("", "")] * len(plan.factors)
    signs = {label: _signs(plan, row) for label, row in levels.items()}
    rows = [[row[0], *signs.get(row[0].text, nothing), *row[1:]] for row in sheet.rows]
    header = [sheet.header[0], *plan.factors, *sheet.header[1:]]
    return replace(sheet, header=header, rows=rows, words=1 + len(plan.factors), notes=[legend(plan), *sheet.notes])


def without_labels(sheet: Sheet, plan: Plan) -> Sheet:
    """A sheet with signs, without the labels that they stand for; a published row keeps its own, before blanks."""
    if sheet.words == 1:
        return sheet
    levels = {row.label for row in plan.rows}
    rows = [row[1:] if row[0].text in levels else [row[0], *row[2:]] for row in sheet.rows]
    return replace(sheet, header=sheet.header[1:], rows=rows, words=sheet.words - 1)


def legend(plan: Plan) -> str:
    """'+ is loss: dice instead of ce; augment: default instead of none'."""
    changes = "; ".join(f"{factor}: {last} instead of {first}" for factor, (first, last) in plan.factors.items())
    return f"{PLUS} is {changes}"


def _signs(plan: Plan, levels: tuple[str, ...]) -> list[Cell]:
    return [
        Cell(PLUS if level == last else "", level)
        for level, (_, last) in zip(levels, plan.factors.values(), strict=True)
    ]
