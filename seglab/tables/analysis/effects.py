"""Which factor matters: means of cells, main effects, interactions, and what share of the variance each explains."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial

from seglab.display.numbers import NOT_THERE, cell, exact, number, word
from seglab.display.sheet import Cell, Sheet
from seglab.evaluation.columns import COSTS, title
from seglab.tables.analysis.effect_notes import SHOWN, imbalance, not_estimated, reading
from seglab.tables.analysis.factor_model import Fitted, fitted, observed, term_words
from seglab.tables.analysis.finding import Finding
from seglab.tables.analysis.interaction_plot import Panel, interaction_figure
from seglab.tables.analysis.linear_model import SEED
from seglab.tables.analysis.simultaneous import half_interval
from seglab.tables.comparison.comparison import Block, Comparison
from seglab.tables.comparison.rows import RowResult
from seglab.tables.plan import design as designs
from seglab.tables.plan.model import Plan

NAME = "effects"
_LEAST_P = 0.001


def effects(comparison: Comparison) -> Finding | None:
    """Of a table with factors, once two of its rows are measured alike."""
    plan = comparison.plan
    scores = [column for column in plan.columns if column not in COSTS]
    if not plan.factors or not scores:
        return None
    sheets: list[Sheet] = []
    panels: list[Panel] = []
    for block in comparison.blocks:
        for place, rows in _by_place(plan, block).items():
            data = {column: observed(plan, rows, column) for column in scores}
            if len(set(map(tuple, data[scores[0]].levels.tolist()))) < 2:
                continue
            found = {column: fitted(one) for column, one in data.items() if len(one.values)}
            where = ", ".join(part for part in (block.title, place) if part)
            sheets += _sheets(plan, found, where=f"{plan.title}{f' ({where})' if where else ''}")
            panels = panels or list(_panels(plan, found[scores[0]]))
    if not sheets:
        return None
    figure = partial(interaction_figure, panels, score=title(scores[0])) if panels else None
    return Finding(name=NAME, sheets=sheets, figure=figure)


def _by_place(plan: Plan, block: Block) -> dict[str, list[RowResult]]:
    """The rows that were tested at each place of a table with `tested_on`; else all at ''."""
    place_of = {row.label: row.place or "" for row in plan.rows}
    places: dict[str, list[RowResult]] = {}
    for row in block.rows:
        places.setdefault(place_of[row.label], []).append(row)
    return places


def _sheets(plan: Plan, found: dict[str, Fitted], *, where: str) -> Iterator[Sheet]:
    column, first = next(iter(found.items()))
    said = [*imbalance(first.observed), *not_estimated(plan, first)]
    if len(plan.factors) == 2 and plan.design.name == designs.FULL:
        yield _cells(plan, first, caption=f"{where}: {title(column)}, means of the cells", notes=said)
        said = []
    yield _effects(found, caption=f"{where}: what each factor changes, in percentage points",
                   notes=[*said, *reading(plan, first)])  # fmt: skip
    if first.tests and not math.isnan(first.tests[0].p):
        yield _shares(plan, first, caption=f"{where}: {title(column)}, share of the variance")


def _cells(plan: Plan, found: Fitted, *, caption: str, notes: Sequence[str]) -> Sheet:
    """The two factors against each other, and their means at the edges."""
    down, right = plan.factors.values()
    ends: list[int | None] = [None]
    rows = [
        [word("mean" if i is None else down[i]), *(_mean(found, i, j) for j in [*range(len(right)), None])]
        for i in [*range(len(down)), *ends]
    ]
    lines = [*notes, "least-squares means: as if each cell had been trained with every seed"]
    names = list(plan.factors)
    return Sheet(caption=caption, header=[f"{names[0]} (down), {names[1]} (across)", *right, "mean"], rows=rows,
                 notes=lines)  # fmt: skip


def _mean(found: Fitted, down: int | None, right: int | None) -> Cell:
    """The mean at the levels that are given; a dash where it is not determined."""
    at = {place: level for place, level in enumerate((down, right)) if level is not None}
    is_cell = len(at) == 2
    trained = found.observed.count.get(tuple(at.values()), 0)
    if any(level not in found.model.present[place] for place, level in at.items()) or (is_cell and not trained):
        return Cell(NOT_THERE, "")
    combination = found.model.mean(at)
    if not found.model.is_estimable(combination):
        return Cell(NOT_THERE, "")
    mean = float(combination @ found.fit.coefficients)
    fewer = f" ({trained})" if is_cell and trained < len(found.observed.plan.seeds) else ""
    return Cell(f"{100 * mean:.1f}{fewer}", exact(mean))


def _effects(found: dict[str, Fitted], *, caption: str, notes: Sequence[str]) -> Sheet:
    """A line for each effect: of the first score with its interval, of the others the estimate and its mark."""
    (column, first), *others = found.items()
    rows = [
        [
            word(effect.words), _points(first.together.estimate[index]),
            word(_interval(first.together.low[index], first.together.high[index])),
            _probability(float(first.together.p[index])), *(_of_score(one, effect.words) for _, one in others),
        ]
        for index, effect in enumerate(first.effects)
    ]  # fmt: skip
    header = ["effect", title(column).removesuffix(" %"), "95 % interval", "p"]
    header += [title(name).removesuffix(" %") for name, _ in others]
    if not rows:
        rows = [[word("none can be estimated"), *([Cell(NOT_THERE, "")] * (len(header) - 1))]]
    return Sheet(caption=caption, header=header, rows=rows, notes=notes)


def _of_score(found: Fitted, words: str) -> Cell:
    names = [effect.words for effect in found.effects]
    if words not in names:
        return Cell(NOT_THERE, "")
    index = names.index(words)
    shown = found.together.low[index] > 0 or found.together.high[index] < 0
    estimate = _points(found.together.estimate[index])
    return Cell(f"{estimate.text} {SHOWN}", estimate.exact) if shown else estimate


def _shares(plan: Plan, found: Fitted, *, caption: str) -> Sheet:
    """What each term, the seed and the rest take of the sum of squares."""
    values = found.observed.values
    total = float(((values - values.mean()) ** 2).sum())
    tests = found.tests
    rows = [
        [
            word("seed" if test.term == SEED else term_words(plan, test.term)), number(test.freedom),
            _share(test.eta), _share(test.omega), cell(test.f, ".2f"), _probability(test.p),
        ]
        for test in tests
    ]  # fmt: skip
    rest = found.fit.squares / total
    rows.append([word("residual"), number(found.fit.freedom), _share(rest), *([Cell(NOT_THERE, "")] * 3)])
    kind = "III" if found.determined.kind == 3 else "II, as a combination was never measured"
    notes = [
        "share: sum of squares by that of all trainings (eta squared); omega squared: without what chance alone takes",
        "residual: seeds that change one setting otherwise than another"
        + (", and interactions of three factors or more" if len(plan.factors) > 2 else ""),
        f"F tests (type {kind}), each alone: not corrected for their number",
    ]
    if abs(sum(test.squares for test in tests) / total + rest - 1) > 1e-6:
        notes.append("the rows do not hold all levels equally often together: the shares do not add up to 100 %")
    return Sheet(caption=caption, header=["source", "df", "share %", "omega squared %", "F", "p"], rows=rows,
                 notes=notes)  # fmt: skip


def _panels(plan: Plan, found: Fitted) -> Iterator[Panel]:
    """One for each interaction of the model; one that is without is no picture of it."""
    names, labels = list(plan.factors), list(plan.factors.values())
    for term in (term for term in found.model.terms if len(term) == 2):
        one, other = term
        lines = {
            labels[other][beside]: [_point(found, {one: level, other: beside}) for level in found.model.present[one]]
            for beside in found.model.present[other]
        }
        ticks = [labels[one][level] for level in found.model.present[one]]
        yield Panel(across=names[one], ticks=ticks, legend=names[other], lines=lines)


def _point(found: Fitted, at: dict[int, int]) -> tuple[float, float]:
    """The mean and half of its interval, in percent; NaN where it is not determined."""
    combination = found.model.mean(at)
    if not found.model.is_estimable(combination):
        return math.nan, math.nan
    mean = float(combination @ found.fit.coefficients)
    return 100 * mean, 100 * half_interval(found.model, found.fit, combination)


def _points(value: float) -> Cell:
    """'+1.2', '−0.3' or '0.0' percentage points of a difference of fractions."""
    return Cell(_signed(value), exact(float(value)))


def _signed(value: float) -> str:
    if math.isnan(value):
        return NOT_THERE
    rounded = f"{100 * value:+.1f}"
    return "0.0" if float(rounded) == 0 else rounded.replace("-", "−")


def _interval(low: float, high: float) -> str:
    return NOT_THERE if math.isnan(low) else f"{_signed(low)} to {_signed(high)}"


def _probability(p: float) -> Cell:
    if math.isnan(p):
        return Cell(NOT_THERE, "")
    return Cell(f"< {_LEAST_P}" if p < _LEAST_P else f"{p:.3f}", exact(p))


def _share(value: float) -> Cell:
    return Cell(f"{100 * value:.1f}", exact(value))
