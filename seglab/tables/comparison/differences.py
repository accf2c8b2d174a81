"""Scores of one row over its seeds, and how they differ from those of the baseline row."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np

from seglab.evaluation.columns import COSTS, class_of
from seglab.metrics.means import known_mean
from seglab.tables.comparison import significance
from seglab.tables.comparison.boundaries import Boundaries
from seglab.tables.comparison.equivalence import Equality
from seglab.tables.comparison.per_image import PerImage, aligned, class_iou, scores
from seglab.tables.plan.model import Measurement

_SEED_OF_RESAMPLING = 0  # fixed: a table that is rendered again is the same


class Interval(NamedTuple):
    """Of 95 % confidence."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One column of one row, over its seeds."""

    values: tuple[float | None, ...]  # in the order of the row's seeds
    n: int  # how many of them are known
    mean: float | None
    std: float | None  # of the sample; None below two seeds
    interval: Interval | None  # of the mean over seeds; None below two seeds, and where they do not vary


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A row minus the baseline row, in one column or one class."""

    mean: float | None
    interval: Interval | None
    p: float | None  # two-sided, of this test alone
    p_holm: float | None = None  # corrected for the other rows of the column (for class deltas: rows and classes)
    p_wilcoxon: float | None = None  # of the ranks; from six pairs on
    effect: float | None = None  # Hedges' g_z: mean / deviation of the differences, corrected; from three pairs on
    n: int  # how many seeds were paired
    over: Literal["seeds", "images"] | None  # what the interval and p are over; None: no test was possible
    test: str  # in words: "paired t over 3 seeds"
    significant: bool = False  # p_holm < 0.05 over seeds; over images alone nothing is said of another training
    equality: Equality | None = None  # within the margin that the table states; None where it states none


def value(measurement: Measurement, column: str, *, groups: Mapping[str, Sequence[str]]) -> float:
    """What a column shows of a run: a score, "iou/CLASS", "iou/GROUP" (mean of the group's known classes) or a cost.

    NaN where the run has none.
    """
    if column in COSTS:
        return float(getattr(measurement, column) or math.nan)  # a row that is not trained has no costs
    name = class_of(column)
    if name is None:
        return measurement.metrics.get(column, math.nan)
    ious = [measurement.class_iou.get(member, math.nan) for member in groups.get(name, [name])]
    return float(known_mean(np.array(ious)))


def estimate(values: Sequence[float], *, looks: Boundaries | None = None) -> Estimate:
    """Of a row; with `looks`, where its number of seeds is one of theirs, the interval is that of repeated looks."""
    spread = significance.spread(values)
    if looks is not None:
        level = 1 - looks.nominal(spread.n) if spread.n in looks.looks else math.nan
        spread = significance.spread(values, level=level)
    return Estimate(
        values=tuple(known(number) for number in values),
        n=spread.n,
        mean=known(spread.mean),
        std=known(spread.std),
        interval=_interval(spread.low, spread.high),
    )


def over_seeds(values: Sequence[float], baseline: Sequence[float], *, looks: Boundaries | None = None) -> Difference:
    """The difference of values that were measured with the same seeds, in the same order; not yet corrected.

    With `looks`, p and the interval are those of repeated looks; at another number of seeds there is no test.
    """
    if looks is not None:
        return _at_look(values, baseline, looks)
    paired = significance.paired(values, baseline)
    tested = not math.isnan(paired.p)
    if tested:
        test = f"paired t over {paired.n} seeds"
    elif paired.n < 2:
        test = "none: one seed in common" if paired.n else "none: no seed for which both are known"
    else:
        test = "none: the differences do not vary"
    return Difference(
        mean=known(paired.mean),
        interval=_interval(paired.low, paired.high),
        p=known(paired.p),
        p_wilcoxon=known(paired.p_ranks),
        effect=known(paired.effect),
        n=paired.n,
        over="seeds" if tested else None,
        test=test,
    )


def _at_look(values: Sequence[float], baseline: Sequence[float], looks: Boundaries) -> Difference:
    differences = np.asarray(values, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)
    n = int((~np.isnan(differences)).sum())
    if n not in looks.looks:
        return Difference(
            mean=known(significance.spread(differences).mean), interval=None, p=None, n=n, over=None,
            test=f"none: no look is at {n} seeds",
        )  # fmt: skip
    paired = significance.paired(values, baseline, level=1 - looks.nominal(n))
    p = looks.repeated(paired.p, n)
    tested = not math.isnan(p)
    look = f"look {looks.looks.index(n) + 1} of {len(looks.looks)}"
    return Difference(
        mean=known(paired.mean),
        interval=_interval(paired.low, paired.high),
        p=known(p),
        effect=known(paired.effect),
        n=n,
        over="seeds" if tested else None,
        test=f"sequential paired t over {n} seeds ({look})" if tested else "none: the differences do not vary",
    )


def over_images(
    run: PerImage,
    baseline: PerImage,
    columns: Sequence[str],
    *,
    groups: Mapping[str, Sequence[str]],
    names: tuple[str, str],
) -> dict[str, Difference]:
    """{column: difference} of two networks over the images that both were measured on; not yet corrected.

    Args:
        columns: scores; those that do not follow from the counts of pixels are left out.
        names: what the run and the baseline are called in the error.

    Raises:
        SeglabError: they were measured on different images or classes.
    """
    second, first = aligned(dict(zip(names, (run, baseline), strict=True))).values()
    bootstrap = significance.over_images(
        second.counts,
        first.counts,
        lambda sums: columns_of(sums, columns, classes=run.classes, groups=groups),
        weights=image_weights(len(run.names)),
    )
    return {
        column: Difference(
            mean=known(bootstrap.estimate[index]),
            interval=_interval(bootstrap.low[index], bootstrap.high[index]),
            p=known(bootstrap.p[index]),
            n=1,
            over=None if np.isnan(bootstrap.p[index]) else "images",
            test=_words(len(run.names), tested=not np.isnan(bootstrap.p[index])),
        )
        for index, column in enumerate(columns)
        if not np.isnan(bootstrap.estimate[index])
    }


def corrected(differences: Sequence[Difference], *, planned: int = 0) -> list[Difference]:
    """The differences of one family of tests, with p_holm, and whether that is significant; equalities likewise.

    Args:
        planned: tests that count, also those that were not made yet: of seeds that are added until it is settled.
    """
    p_values = [math.nan if difference.p is None else difference.p for difference in differences]
    unmade = max(0, planned - sum(not math.isnan(p) for p in p_values))
    adjusted = significance.holm([*p_values, *[1.0] * unmade])[: len(differences)]
    return [
        replace(
            difference,
            p_holm=known(p),
            significant=difference.over == "seeds" and p < 1 - significance.LEVEL,
            equality=equality,
        )
        for difference, p, equality in zip(
            differences, adjusted, _corrected([difference.equality for difference in differences]), strict=True
        )
    ]


def _corrected(equalities: Sequence[Equality | None]) -> list[Equality | None]:
    """A family of its own beside that of the differences: of either, something false is said in at most 5 %."""
    adjusted = significance.holm([math.nan if one is None or one.p is None else one.p for one in equalities])
    return [
        None if one is None else replace(one, p_holm=known(p), shown=p < 1 - significance.LEVEL)
        for one, p in zip(equalities, adjusted, strict=True)
    ]


def known(number: float) -> float | None:
    return None if math.isnan(number) else float(number)


@lru_cache(maxsize=1)  # the rows of a table are measured on the same images
def image_weights(images: int) -> np.ndarray:
    """(R, N): how often each of N images is drawn in each resample; the same for every table."""
    return significance.resampling(images, seed=_SEED_OF_RESAMPLING)


def _interval(low: float, high: float) -> Interval | None:
    return None if math.isnan(low) else Interval(float(low), float(high))


def _words(images: int, *, tested: bool) -> str:
    return f"bootstrap over {images} images, one seed" if tested else "none: too few images hold the class"


def columns_of(
    sums: np.ndarray, columns: Sequence[str], *, classes: Sequence[str], groups: Mapping[str, Sequence[str]]
) -> np.ndarray:
    """(R, K, 3) counts -> (R, M) scores; NaN for a column that does not follow from the counts."""
    whole, iou = scores(sums), class_iou(sums)
    place = {name: index for index, name in enumerate(classes)}
    unknown = np.full(len(sums), np.nan)
    values = []
    for column in columns:
        name = class_of(column)
        if name is None:
            values.append(whole.get(column, unknown))
        elif name in groups:
            values.append(known_mean(iou[:, [place[member] for member in groups[name]]]))
        else:
            values.append(iou[:, place[name]])
    return np.stack(values, axis=1)
