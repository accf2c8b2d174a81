"""A comparison as sheets, for the terminal and for Markdown."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from seglab.data.corruptions.names import CORRUPTION
from seglab.display import sheet
from seglab.display.numbers import NOT_THERE, cell, exact, word
from seglab.display.post import POST
from seglab.display.several import CALIBRATED, UNCERTAINTY
from seglab.display.sheet import Cell, Sheet
from seglab.evaluation.columns import COSTS, lower_is_better
from seglab.evaluation.columns import title as column_title
from seglab.tables.analysis.analyses import findings
from seglab.tables.comparison.comparison import Block, Comparison, PublishedResult
from seglab.tables.comparison.protocol import shown
from seglab.tables.comparison.rows import RowResult
from seglab.tables.plan.model import Plan, Row
from seglab.tables.render.marks import SIGNIFICANT, equality_notes, marked, verdict
from seglab.tables.render.matrix import matrix_sheet
from seglab.tables.render.plus_signs import with_signs
from seglab.tables.render.published import published_notes
from seglab.tables.render.words import ABSENT, estimate, interval, number, points, probability
from seglab.tables.survey.survey import by_row

_NOTHING = Cell(NOT_THERE, "")
PUBLISHED = "published:"  # stands alone in the line above the published rows


def show(comparison: Comparison) -> None:
    """Prints the table, the differences to the baseline in its first score, and the warnings."""
    for part in sheets(comparison):
        sheet.show(part)
        print()


def markdown(comparison: Comparison, *, differences: bool = True) -> str:
    """The table as Markdown; `differences`: with the table of differences to the baseline."""
    return "\n".join(sheet.markdown(part) for part in sheets(comparison, differences=differences))


def sheets(comparison: Comparison, *, differences: bool = True) -> list[Sheet]:
    """Those of `scores`, then of the findings."""
    parts = scores(comparison, differences=differences)
    return [*parts, *(part for finding in findings(comparison) for part in finding.sheets)]


def scores(comparison: Comparison, *, differences: bool) -> list[Sheet]:
    """A sheet of scores for each block of equal protocol, and one of differences, warnings below."""
    parts = [matrix_sheet(comparison)] if comparison.plan.tested_on else []
    for block in comparison.blocks:
        parts.append(_scores(comparison, block))
        if differences and any(row.differences for row in block.rows):
            parts.append(_differences(comparison.plan, block))
    if comparison.published_apart:
        parts.append(_apart(comparison))
    parts[-1] = replace(parts[-1], notes=[*parts[-1].notes, *below(comparison)])
    return parts


def caption(comparison: Comparison, block: Block) -> str:
    """'Losses on the generated scenes: synthetic test, 48 images, original size, network sees 64x128, best ...'."""
    return f"{comparison.plan.title}: {protocol_words(block)}"


def unmeasured(comparison: Comparison, block: Block) -> list[Row]:
    """The rows that stand in the block with dashes: measured nowhere; told in the first one, and in an empty one."""
    if block.rows and block is not comparison.blocks[0]:
        return []
    measured = {row.label for other in comparison.blocks for row in other.rows}
    return [row for row in comparison.plan.rows if row.label not in measured]


def protocol_words(block: Block) -> str:
    """How the scores of a block were measured."""
    if not block.rows:
        return f"{block.title}: nothing is measured yet".removeprefix(": ")
    protocol = block.protocol
    parts = [f"{protocol.get('dataset', '?')} {protocol.get('split', '?')}"]
    if "images" in protocol:
        parts.append(f"{protocol['images']} images")
    parts.append(f"scored at {shown('resolution', protocol)} size")
    parts += [f"network sees {shown('size', protocol)}"] if "size" in protocol else []
    parts += [protocol["prediction"]] if "prediction" in protocol else []
    parts += [f"void {protocol['void']}"] if "void" in protocol else []
    parts += [f"{protocol['checkpoint']} checkpoint"] if "checkpoint" in protocol else []
    if protocol.get("flip"):
        parts.append("flipped")
    if protocol.get("scales", [1.0]) != [1.0]:
        parts.append(f"scales {shown('scales', protocol)}")
    if protocol.get("tile"):
        parts.append(f"tiles {shown('tile', protocol)}")
    parts += [shown(key, protocol) for key in (POST, CORRUPTION, UNCERTAINTY, CALIBRATED) if protocol.get(key)]
    return ", ".join(parts)


def best_rows(block: Block, column: str) -> list[str]:
    """The labels of the rows with the best mean in a column of scores; none where fewer than two differ."""
    means = {row.label: row.columns[column].mean for row in block.rows}
    measured = {label: mean for label, mean in means.items() if mean is not None}
    if column in COSTS or len(set(measured.values())) < 2:
        return []
    best = min(measured.values()) if lower_is_better(column) else max(measured.values())
    return [label for label, mean in measured.items() if mean == best]


def baseline_of(block: Block) -> str:
    """The label of the row that the others of the block are compared with; "" where there is none."""
    return next((row.label for row in block.rows if row.is_baseline), "")


def seeds_words(comparison: Comparison, row: RowResult) -> str:
    """'3', '2 of 3' where not all planned seeds were measured, or a dash where a seed makes no difference."""
    plan = comparison.plan
    if any(planned.label == row.label and planned.downsample is not None for planned in plan.rows):
        return NOT_THERE
    planned = len(plan.counted_seeds)
    # Those that are added until it is settled are told of beside the row.
    return str(row.n) if row.n == planned or plan.until is not None else f"{row.n} of {planned}"


def score_text(row: RowResult, column: str) -> str:
    """'46.3 ± 0.4', and the number of seeds where a column has fewer than its row."""
    score = row.columns[column]
    words = estimate(column, score)
    return f"{words} ({score.n})" if 0 < score.n < row.n else words


def marks_notes(comparison: Comparison, block: Block) -> list[str]:
    """What the marks of a block mean, and by which test they were given."""
    plan = comparison.plan
    notes = []
    if any(row.columns[column].std is not None for row in block.rows for column in plan.columns):
        over = "seeds" if plan.noise is None else "runs that share seeds; the components below take it apart"
        notes.append(f"mean ± standard deviation over {over}")
    if any(best_rows(block, column) for column in plan.columns):
        notes.append(f"best of its {'line' if plan.transposed else 'column'}: *")
    differences = [
        difference for row in block.rows for column, difference in row.differences.items() if column in plan.columns
    ]
    tests = ", ".join(dict.fromkeys(difference.test for difference in differences if difference.p is not None))
    if tests:
        family = "cells of a line" if plan.transposed else "rows of a column"
        rule = f"p < 0.05, {tests}, Holm-corrected over the {family}"
        is_any = any(difference.significant for difference in differences)
        start = f"{SIGNIFICANT} differs" if is_any else "no row differs significantly"
        notes.append(f"{start} from {baseline_of(block)} ({rule})")
    return [*notes, *margin_notes(plan, block)]


def margin_notes(plan: Plan, block: Block) -> list[str]:
    """What the marks of equality mean that a block shows; none where the table states no margin."""
    differences = [
        difference for row in block.rows for column, difference in row.differences.items() if column in plan.columns
    ]
    compared = [difference for difference in differences if difference.equality is not None]
    family = "cells of a line" if plan.transposed else "rows of a column"
    return equality_notes(compared, baseline=baseline_of(block), family=family)


def _scores(comparison: Comparison, block: Block) -> Sheet:
    plan = comparison.plan
    best = {column: best_rows(block, column) for column in plan.columns}
    rows = [
        [
            word(row.label),
            *(_score(row, column, best=row.label in best[column]) for column in plan.columns),
            word(seeds_words(comparison, row)),
        ]
        for row in block.rows
    ]
    absent = unmeasured(comparison, block)
    nothing = [_NOTHING] * len(plan.columns)
    rows += [[word(row.label), *nothing, word("0" if row.downsample is None else NOT_THERE)] for row in absent]
    notes = marks_notes(comparison, block)
    earlier = {row.label for other in comparison.blocks[: comparison.blocks.index(block)] for row in other.rows}
    said = [(row.label, row.note) for row in block.rows] + [(row.label, row.note) for row in absent]
    notes += [f"{label}: {note}" for label, note in said if note and label not in earlier]
    if block.published and not plan.transposed:
        rows.append([word(PUBLISHED), *([Cell("", "")] * (len(plan.columns) + 1))])
    published, sources = _published(plan, block.published)
    rows += [[*cells, _NOTHING] for cells in published]
    notes += sources
    return _laid_out(plan, rows, title=caption(comparison, block), notes=notes, seeds=True)


def _laid_out(plan: Plan, rows: Sequence[Sequence[Cell]], *, title: str, notes: Sequence[str], seeds: bool) -> Sheet:
    """The rows as lines, or as columns where the plan says so; what NaN means, where one is shown."""
    if any(value.text == ABSENT for row in rows for value in row):
        notes = [*notes, f"{ABSENT}: the class is neither in the ground truth nor predicted"]
    header = ["row", *map(column_title, plan.columns), *(["seeds"] if seeds else [])]
    upright = Sheet(caption=title, header=header, rows=rows, notes=notes)
    if not plan.transposed:
        return with_signs(upright, plan)
    return replace(sheet.transposed(upright), header=["score", *(row[0].text for row in rows)])


def _score(row: RowResult, column: str, *, best: bool) -> Cell:
    return Cell(marked(score_text(row, column), row, column), exact(row.columns[column].mean), best=best)


def _published(plan: Plan, results: Sequence[PublishedResult]) -> tuple[list[list[Cell]], list[str]]:
    """The cells of each row, its label with the number of its note, and the notes."""
    numbers, notes = published_notes(results)
    mark = ", published" if plan.transposed else ""
    rows = []
    for index, result in zip(numbers, results, strict=True):
        values = [(column, result.published.values.get(column)) for column in plan.columns]
        cells = [Cell(number(column, value), exact(value)) for column, value in values]
        rows.append([word(f"{result.published.label}{mark} [{index}]"), *cells])
    return rows, notes


def _differences(plan: Plan, block: Block) -> Sheet:
    """Of the first column of scores, row minus baseline; the verdict on it where the table states a margin."""
    column = next(column for column in plan.columns if column not in COSTS)
    compared = [row.differences[column] for row in block.rows if column in row.differences]
    is_judged = any(difference.equality is not None for difference in compared)
    rows = [
        [
            word(row.label), word(points(difference.mean)), word(interval(difference.interval)),
            word(_p(difference.p_holm)),
            *([] if difference.equality is None else [word(_p(difference.equality.p_holm)), word(verdict(difference))]),
            cell(difference.effect, ".2f"), word(difference.test),
        ]
        for row in block.rows
        if (difference := row.differences.get(column)) is not None
    ]  # fmt: skip
    return Sheet(
        caption=f"{column_title(column).removesuffix(' %')} minus that of {baseline_of(block)}, in percentage points",
        header=[
            "row", "difference", "95 % interval", "p (Holm)", *(["p (TOST)", "verdict"] if is_judged else []),
            "effect g", "test",
        ],
        rows=rows,
    )  # fmt: skip


def _p(value: float | None) -> str:
    return probability(value).removeprefix("p ").removeprefix("= ")


def _apart(comparison: Comparison) -> Sheet:
    plan = comparison.plan
    rows, notes = _published(plan, comparison.published_apart)
    what = f"{plan.title}: published under another protocol, not comparable with the rows above"
    return _laid_out(plan, rows, title=what, notes=notes, seeds=False)


def below(comparison: Comparison) -> Iterator[str]:
    """What is said of the whole table."""
    if comparison.split_because:
        reasons = "; ".join(comparison.split_because)
        yield f"rows in separate tables were measured differently and are not compared: {reasons}"
    if missing := missing_words(comparison):
        yield f"{NOT_THERE} {missing}"
    for warning in comparison.warnings:
        yield f"warning: {warning}"
    yield from comparison.plan.notes
    for line in comparison.plan.unsaid:
        yield f"left unsaid by the source: {line}"
    yield f"source: {comparison.plan.source}"


def missing_words(comparison: Comparison) -> str:
    """'not measured: dice seeds 1, 2; focal seed 3'; "" where all is measured, or nothing, which the captions say."""
    if not comparison.missing or not any(block.rows for block in comparison.blocks):
        return ""
    return f"not measured: {by_row(comparison.missing)}"
