"""A comparison as sheets, for the terminal and for Markdown."""

from collections.abc import Iterator

from seglab import sheet
from seglab.report import NOT_THERE
from seglab.sheet import Cell, Sheet
from seglab.tables.comparison import Block, Comparison, PublishedResult, RowResult
from seglab.tables.model import Plan
from seglab.tables.page_text import estimate, interval, number, points, probability, title
from seglab.tables.plan import COSTS
from seglab.tables.protocol import shown
from seglab.tables.state import by_row

SIGNIFICANT = "†"  # beside a score that differs from the baseline's
_SMALLER_IS_BETTER = ("ece",)


def show(comparison: Comparison) -> None:
    """Prints the table, the differences to the baseline in its first score, and the warnings."""
    for each in sheets(comparison):
        sheet.show(each)
        print()


def markdown(comparison: Comparison, *, differences: bool = True) -> str:
    """The table as Markdown; `differences`: with the table of differences to the baseline."""
    return "\n".join(sheet.markdown(each) for each in sheets(comparison, differences=differences))


def sheets(comparison: Comparison, *, differences: bool = True) -> list[Sheet]:
    """A sheet of scores for each block of equal protocol, and one of differences; warnings below the last."""
    found = []
    for index, block in enumerate(comparison.blocks):
        found.append(_scores(comparison, block, first=index == 0))
        if differences and any(row.differences for row in block.rows):
            found.append(_differences(comparison.plan, block))
    if not found:
        found.append(_nothing(comparison))
    if comparison.published_apart:
        found.append(_apart(comparison))
    last = found[-1]
    found[-1] = Sheet(**{**vars(last), "notes": [*last.notes, *below(comparison)]})
    return found


def caption(comparison: Comparison, block: Block) -> str:
    """'Losses on the generated scenes: synthetic test, 48 images, original size, network sees 64x128, best ...'."""
    return f"{comparison.plan.title}: {protocol_words(block)}"


def protocol_words(block: Block) -> str:
    """How the scores of a block were measured."""
    protocol = block.protocol
    parts = [f"{protocol.get('dataset', '?')} {protocol.get('split', '?')}"]
    if "images" in protocol:
        parts.append(f"{protocol['images']} images")
    parts.append(f"scored at {shown('resolution', protocol)} size")
    parts.append(f"network sees {shown('size', protocol)}")
    parts += [f"void {protocol['void']}"] if "void" in protocol else []
    parts += [f"{protocol['checkpoint']} checkpoint"] if "checkpoint" in protocol else []
    if protocol.get("flip"):
        parts.append("flipped")
    if protocol.get("scales", [1.0]) != [1.0]:
        parts.append(f"scales {shown('scales', protocol)}")
    if protocol.get("tile"):
        parts.append(f"tiles {shown('tile', protocol)}")
    return ", ".join(parts)


def best_rows(block: Block, column: str) -> list[str]:
    """The labels of the rows with the best mean in a column of scores; none where fewer than two compete."""
    means = {row.label: row.columns[column].mean for row in block.rows}
    known = {label: mean for label, mean in means.items() if mean is not None}
    if column in COSTS or len(known) < 2:
        return []
    best = min(known.values()) if column in _SMALLER_IS_BETTER else max(known.values())
    return [label for label, mean in known.items() if mean == best]


def seeds_words(comparison: Comparison, row: RowResult) -> str:
    """'3', or '2 of 3' where not all planned seeds were measured."""
    planned = len(comparison.plan.seeds)
    return str(row.n) if row.n == planned else f"{row.n} of {planned}"


def score_text(row: RowResult, column: str) -> str:
    """'46.3 ± 0.4', and the number of seeds where a column has fewer than its row."""
    found = row.columns[column]
    words = estimate(column, found)
    return f"{words} ({found.n})" if 0 < found.n < row.n else words


def is_significant(row: RowResult, column: str) -> bool:
    return column in row.differences and row.differences[column].significant


def marks_notes(comparison: Comparison, block: Block) -> list[str]:
    """What the marks of a block mean, and by which test they were given."""
    plan = comparison.plan
    notes = []
    if any(row.columns[column].std is not None for row in block.rows for column in plan.columns):
        notes.append("mean ± standard deviation over seeds")
    if any(best_rows(block, column) for column in plan.columns):
        notes.append("best of its column: *")
    found = [each for row in block.rows for column, each in row.differences.items() if column in plan.columns]
    tests = ", ".join(dict.fromkeys(each.test for each in found if each.p is not None))
    if tests:
        rule = f"p < 0.05, {tests}, Holm-corrected over the rows of a column"
        any_ = any(each.significant for each in found)
        start = f"{SIGNIFICANT} differs" if any_ else "no row differs significantly"
        notes.append(f"{start} from {plan.baseline} ({rule})")
    return notes


def published_note(result: PublishedResult, number_: int) -> str:
    """'[1] paper, Table 2; split test; resolution not stated; ...; not verified; differs in ...'."""
    published = result.published
    said = [
        f"{name} {value if value is not None else 'not stated'}"
        for name, value in (
            ("split", published.split),
            ("resolution", published.resolution),
            ("pre-training", published.pretraining),
        )
    ]
    verified = "verified" if published.verified else "not verified"
    differs = [f"not comparable: {'; '.join(result.differs)}"] if result.differs else []
    note = [published.note] if published.note else []
    return f"[{number_}] {'; '.join([published.source, *said, verified, *differs, *note])}"


def _scores(comparison: Comparison, block: Block, *, first: bool) -> Sheet:
    plan = comparison.plan
    best = {column: best_rows(block, column) for column in plan.columns}
    rows = [
        [
            _word(row.label),
            *(_score(row, column, best=row.label in best[column]) for column in plan.columns),
            Cell(seeds_words(comparison, row), str(row.n)),
        ]
        for row in block.rows
    ]
    if first:  # rows without any measurement stand where the baseline is
        measured = {row.label for each in comparison.blocks for row in each.rows}
        absent = [row.label for row in plan.rows if row.label not in measured]
        rows += [[_word(label), *([_NOTHING] * len(plan.columns)), Cell("0", "0")] for label in absent]
    notes = marks_notes(comparison, block)
    notes += [f"{row.label}: {row.note}" for row in block.rows if row.note]
    if block.published:
        rows.append([_word("published:"), *([_word("")] * (len(plan.columns) + 1))])
    for index, each in enumerate(block.published, start=1):
        rows.append([_word(f"{each.published.label} [{index}]"), *_published_cells(plan, each), _NOTHING])
        notes.append(published_note(each, index))
    return Sheet(
        caption=caption(comparison, block),
        header=["row", *map(title, plan.columns), "seeds"],
        rows=rows,
        notes=notes,
    )


def _score(row: RowResult, column: str, *, best: bool) -> Cell:
    mark = f" {SIGNIFICANT}" if is_significant(row, column) else ""
    mean = row.columns[column].mean
    return Cell(score_text(row, column) + mark, "" if mean is None else repr(mean), best=best)


def _published_cells(plan: Plan, result: PublishedResult) -> list[Cell]:
    values = [result.published.values.get(column) for column in plan.columns]
    shown_values = zip(plan.columns, values, strict=True)
    return [Cell(number(column, value), "" if value is None else repr(value)) for column, value in shown_values]


def _differences(plan: Plan, block: Block) -> Sheet:
    """Of the first column of scores, row minus baseline."""
    column = next(each for each in plan.columns if each not in COSTS)
    rows = [
        [
            _word(row.label), _word(points(each.mean)), _word(interval(each.interval)),
            _word(probability(each.p_holm).removeprefix("p ").removeprefix("= ")),
            _word(NOT_THERE if each.effect is None else f"{each.effect:.2f}"), _word(each.test),
        ]
        for row in block.rows
        if (each := row.differences.get(column)) is not None
    ]  # fmt: skip
    return Sheet(
        caption=f"{title(column).removesuffix(' %')} minus that of {plan.baseline}, in percentage points",
        header=["row", "difference", "95 % interval", "p (Holm)", "effect g", "test"],
        rows=rows,
    )


def _apart(comparison: Comparison) -> Sheet:
    plan = comparison.plan
    results = comparison.published_apart
    return Sheet(
        caption=f"{plan.title}: published under another protocol, not comparable with the rows above",
        header=["row", *map(title, plan.columns)],
        rows=[
            [_word(f"{each.published.label} [{index}]"), *_published_cells(plan, each)]
            for index, each in enumerate(results, start=1)
        ],
        notes=[published_note(each, index) for index, each in enumerate(results, start=1)],
    )


def _nothing(comparison: Comparison) -> Sheet:
    plan = comparison.plan
    rows = [[_word(row.label), *([_NOTHING] * len(plan.columns)), Cell("0", "0")] for row in plan.rows]
    return Sheet(
        caption=f"{plan.title}: nothing is measured yet", header=["row", *map(title, plan.columns), "seeds"], rows=rows
    )


def below(comparison: Comparison) -> Iterator[str]:
    """What is said of the whole table."""
    if comparison.split_because:
        reasons = "; ".join(comparison.split_because)
        yield f"rows in separate tables were measured differently and are not compared: {reasons}"
    if comparison.missing:
        yield f"{NOT_THERE} not measured: {by_row(comparison.missing)}"
    for warning in comparison.warnings:
        yield f"warning: {warning}"
    yield from comparison.plan.notes
    yield f"source: {comparison.plan.source}"


def _word(text: str) -> Cell:
    return Cell(text, text)


_NOTHING = Cell(NOT_THERE, "")
