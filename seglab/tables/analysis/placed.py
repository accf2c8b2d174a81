"""Single published runs in the distribution of ours, where the plan names the row that they belong to."""

from collections.abc import Iterator

from seglab.display.numbers import exact, word
from seglab.display.sheet import Cell, Sheet
from seglab.evaluation.columns import COSTS, title
from seglab.tables.analysis.finding import Finding
from seglab.tables.comparison.comparison import Block, Comparison, PublishedResult
from seglab.tables.comparison.prediction import placed
from seglab.tables.comparison.rows import RowResult


def published_among_ours(comparison: Comparison) -> Finding | None:
    """A sheet of the published rows with `of`, beside the runs of the row that they name."""
    lines, notes = [], []
    for block in comparison.blocks:
        rows = {row.label: row for row in block.rows}
        for result in block.published:
            if (row := rows.get(result.published.of or "")) is not None:
                lines += list(_lines(result, row, block))
                notes += _unchecked(result)
    labels = {row.label for block in comparison.blocks for row in block.rows}
    notes += [
        f"{apart.published.label}: not placed, measured in another way ({'; '.join(apart.differs)})"
        for apart in comparison.published_apart
        if apart.published.of in labels
    ]
    if not lines and not notes:
        return None
    sheet = Sheet(
        caption="Published single runs among ours",
        header=["published", "our row", "score", "theirs", "ours", "95 % of one further run", "theirs lies"],
        rows=lines,
        words=3,
        notes=[
            "95 % of one further run: the prediction interval of our runs, mean ± t s sqrt(1 + 1/n), whose normality "
            "is assumed; a deviation is s sqrt(1 + 1/n). One published number has no distribution of its own: inside "
            "does not say that both are equal, outside does not say why",
            *notes,
        ],
    )
    return Finding(name="published", sheets=[sheet])


def _lines(result: PublishedResult, row: RowResult, block: Block) -> Iterator[list[Cell]]:
    """One for each score that both have; costs are not placed."""
    where = f" ({block.title})" if block.title else ""
    for column, value in result.published.values.items():
        score = row.columns.get(column)
        if column in COSTS or score is None:
            continue
        runs = [one for one in score.values if one is not None]
        found = placed(value, runs)
        ours = f"{100 * score.mean:.1f}" if score.mean is not None else "–"
        ours += f" ± {100 * score.std:.1f} ({score.n})" if score.std is not None else f" ({score.n})"
        lies = "–: too few runs, or runs that do not vary"
        interval = "–"
        if found is not None:
            side = "above" if found.deviations > 0 else "below"
            lies = f"{'inside' if found.is_inside else 'outside'}, {abs(found.deviations):.1f} deviations {side}"
            interval = f"{100 * found.low:.1f} to {100 * found.high:.1f}"
        yield [
            word(result.published.label), word(row.label + where), word(title(column)),
            Cell(f"{100 * value:.1f}", exact(value)), Cell(ours, exact(score.mean)), word(interval), word(lies),
        ]  # fmt: skip


def _unchecked(result: PublishedResult) -> list[str]:
    if not result.unchecked:
        return []
    return [f"{result.published.label}: not known whether measured as ours: {', '.join(result.unchecked)}"]
