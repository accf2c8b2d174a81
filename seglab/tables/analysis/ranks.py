"""How sure the ranks of a table are, where its plan asks for it: `ranks: true`."""

from collections.abc import Sequence

import numpy as np

from seglab.display.numbers import word
from seglab.display.sheet import Cell, Sheet
from seglab.evaluation.columns import COSTS, lower_is_better, title
from seglab.tables.analysis.finding import Finding
from seglab.tables.comparison import differences, ranking, significance
from seglab.tables.comparison.cautions import listed
from seglab.tables.comparison.comparison import Block, Comparison
from seglab.tables.comparison.per_image import aligned
from seglab.tables.comparison.ranking import Ranking
from seglab.tables.comparison.rows import RowResult
from seglab.tables.plan.model import Plan


def ranks(comparison: Comparison) -> Finding | None:
    """A sheet for each block: the ranks of its rows in the first column of scores, over seeds and over images."""
    plan = comparison.plan
    if not plan.ranks:
        return None
    sheets = [sheet for block in comparison.blocks if (sheet := _sheet(plan, block)) is not None]
    return Finding(name="ranks", sheets=sheets) if sheets else None


def _sheet(plan: Plan, block: Block) -> Sheet | None:
    """None where there are no scores of two rows, or neither two common seeds nor the counts of images."""
    column = next((column for column in plan.columns if column not in COSTS), None)
    if column is None:
        return None
    sign = -1.0 if lower_is_better(column) else 1.0
    rows = [row for row in block.rows if row.columns[column].mean is not None]
    if len(rows) < 2:
        return None
    seeds, by_seeds = _over_seeds(rows, column, sign=sign)
    images, by_images = _over_images(plan, block, rows, column, sign=sign)
    kinds = {f"over {len(seeds)} seeds": by_seeds, f"over {images} images": by_images}
    known = {words: found for words, found in kinds.items() if found is not None}
    if not known:
        return None
    means = np.round([sign * (row.columns[column].mean or 0.0) for row in rows], 12)
    place = 1 + (means[None] > means[:, None]).sum(1)  # equal means share the better rank
    lines = [
        [word(row.label), Cell(str(place[index]), str(place[index]))]
        + [cell for found in known.values() for cell in _cells(found, index)]
        for index, row in enumerate(rows)
    ]
    where = f" ({block.title})" if block.title else ""
    return Sheet(
        caption=f"Ranks by {title(column).removesuffix(' %')}{where}",
        header=["row", "rank", *(f"{what} {words}" for words in known for what in ("best %", "95 % ranks"))],
        rows=lines,
        notes=_notes(rows, seeds, by_seeds, by_images),
    )


def _over_seeds(rows: Sequence[RowResult], column: str, *, sign: float) -> tuple[list[int], Ranking | None]:
    """The seeds for which all rows have the score, and the ranks by them."""
    values = [dict(zip(row.seeds, row.columns[column].values, strict=True)) for row in rows]
    seeds = [seed for seed in rows[0].seeds if all(one.get(seed) is not None for one in values)]
    if len(seeds) < 2:
        return seeds, None
    return seeds, ranking.over_seeds(sign * np.array([[one[seed] for seed in seeds] for one in values], dtype=float))


def _over_images(
    plan: Plan, block: Block, rows: Sequence[RowResult], column: str, *, sign: float
) -> tuple[int, Ranking | None]:
    """The number of images, and the ranks of the rows' mean scores over resamples of them; for scores of counts."""
    runs = [[run.key for run in row.measurements] for row in rows]
    if not all(key in block.images for keys in runs for key in keys):
        return 0, None
    counts = aligned({f"{row}, seed {seed}": block.images[row, seed] for keys in runs for row, seed in keys})
    images = len(next(iter(counts.values())).names)
    if images < 2:
        return images, None
    weights = differences.image_weights(images)
    found = {}
    for name, run in counts.items():
        sums = significance.sums(run.counts, np.concatenate([np.ones((1, images)), weights]))
        found[name] = differences.columns_of(sums, [column], classes=run.classes, groups=plan.groups)[:, 0]
    scores = sign * np.stack([np.mean([found[f"{row}, seed {seed}"] for row, seed in keys], axis=0) for keys in runs])
    if np.isnan(scores).any():
        return images, None
    return images, ranking.over_images(scores[:, 1:].T, scores[:, 0], images=images)


def _cells(found: Ranking, index: int) -> list[Cell]:
    low, high = int(found.low[index]), int(found.high[index])
    ranks_left = str(low) if low == high else f"{low} to {high}"
    return [Cell(f"{100 * found.best[index]:.1f}", repr(float(found.best[index]))), word(ranks_left)]


def _notes(
    rows: Sequence[RowResult], seeds: Sequence[int], by_seeds: Ranking | None, by_images: Ranking | None
) -> list[str]:
    notes = []
    if by_seeds is not None:
        n = len(seeds)
        notes += [
            f"best, over seeds: the probability that the mean of the row's trainings is the best; {ranking.DRAWS:,} "
            f"draws in which any two rows differ as the paired t over {n} seeds says, whose normality is assumed",
            "95 % ranks: those that the tests of each row against all others leave, Holm-corrected",
        ]
        left_out = [f"{row.label} seed {seed}" for row in rows for seed in row.seeds if seed not in seeds]
        if left_out:
            notes.append(f"without {listed(left_out)}, which not all rows have")
    if by_images is not None:
        notes.append(
            "over images: of these trained networks (the mean over their seeds) on other images, by a bootstrap; it "
            "says nothing of other trainings"
        )
    return notes
