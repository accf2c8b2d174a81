"""Which factor matters: means of cells, main effects, interactions, and what share of the variance each explains."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial

from seglab.display.numbers import NOT_THERE, cell, exact, number, word
from seglab.display.sheet import Cell, Sheet
from seglab.evaluation.columns import COSTS, title
from seglab.tables.analysis import simultaneous
from seglab.tables.analysis.factor_model import Fitted, Observed, cell_words, fitted, observed, term_words
from seglab.tables.analysis.finding import Finding
from seglab.tables.analysis.interaction_plot import Panel, interaction_figure
from seglab.tables.analysis.linear_model import SEED
from seglab.tables.analysis.simultaneous import half_interval
from seglab.tables.comparison.comparison import Block, Comparison
from seglab.tables.comparison.rows import RowResult
from seglab.tables.plan import design as designs
from seglab.tables.plan.model import Plan

NAME = "effects"
_SHOWN = "†"  # the simultaneous interval excludes zero
_LEAST_P = 0.001
_HELD = {
    designs.FULL: "averaged over the levels of the other factors",
    designs.FRACTION: "averaged over the levels of the other factors",
    designs.ONE_AT_A_TIME: "with all other factors at their first level",
    designs.LEAVE_ONE_OUT: "with all other factors on (at their last level)",
    designs.ADD_ONE: "with all factors before it on, and those after it off",
}


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
    said = [*_imbalance(first.observed), *_not_estimated(plan, first)]
    if len(plan.factors) == 2 and plan.design.name == designs.FULL:
        yield _cells(plan, first, caption=f"{where}: {title(column)}, means of the cells", notes=said)
        said = []
    yield _effects(found, caption=f"{where}: what each factor changes, in percentage points",
                   notes=[*said, *_reading(plan, first)])  # fmt: skip
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
    return Cell(f"{estimate.text} {_SHOWN}", estimate.exact) if shown else estimate


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


def _reading(plan: Plan, found: Fitted) -> Iterator[str]:
    """What the numbers are, and how sure."""
    yield f"an effect is a difference of least-squares means, {_HELD[plan.design.name]}"
    if any(len(term) == 2 for term in found.model.terms):
        yield "A × B: a, b is how much more a changes at b than at the first level of B"
    seeds = len(set(found.observed.seeds.tolist()))
    if not found.observed.is_testable:
        yield "one seed: whether another training would differ alike is not known, and nothing can be tested"
    elif not found.observed.shares_seeds:
        yield "no two settings share a seed: they cannot be told from what the seeds differ by; nothing can be tested"
    elif not math.isnan(found.together.critical):
        count = len(found.effects)
        yield (
            f"linear model with the seed as a block, {len(found.observed.values)} trainings of {seeds} seeds, "
            f"{found.fit.freedom} degrees of freedom; it takes all settings to vary alike, and normally"
        )
        yield (
            f"of a column, the intervals of all {count} effects hold together with 95 % (single-step max |t|, Hothorn, "
            f"Bretz & Westfall 2008; from {simultaneous.DRAWS:,} simulated draws, standard error "
            f"{100 * simultaneous.standard_error():.2f} points), and so does p; {_SHOWN}: the interval excludes 0"
        )
    else:
        yield "no residual varies: nothing can be tested"
    yield from _design(plan)


def _design(plan: Plan) -> Iterator[str]:
    """What is said of a fraction, and of designs that show no interaction."""
    design, factors = plan.design, list(plan.factors)
    if not design.has_interactions and len(factors) > 1:
        yield f"{design.name.replace('_', ' ')}: whether an effect is another one elsewhere is not seen by this design"
    shortest = designs.resolution(design)
    if shortest is None:
        return
    words = "; ".join(_product(plan, word) for word in designs.defining_words(design))
    yield (
        f"1/{2 ** len(design.generators)} of all combinations, resolution {designs.roman(shortest)}: the same in all "
        f"rows {'is' if len(design.generators) == 1 else 'are'} {words}"
    )
    groups: list[frozenset[frozenset[str]]] = []
    for effect, others in designs.aliases(design, factors).items():
        if (group := frozenset({effect, *others})) not in groups:
            groups.append(group)
    mixed = [_mixed(plan, group) for group in groups]
    if mixed:
        yield f"cannot be told apart, and are shown as the first of each: {'; '.join(mixed)}"
    else:
        yield "no main effect or interaction of two is mixed with another; those of three or more are taken for none"


def _mixed(plan: Plan, group: frozenset[frozenset[str]]) -> str:
    """'loss and augment × activation': main effects first, then in the order of the table."""
    factors = list(plan.factors)
    ordered = sorted(group, key=lambda effect: (len(effect), sorted(factors.index(factor) for factor in effect)))
    return " and ".join(_product(plan, effect) for effect in ordered)


def _product(plan: Plan, effect: frozenset[str]) -> str:
    return " × ".join(factor for factor in plan.factors if factor in effect)


def _imbalance(data: Observed) -> Iterator[str]:
    """Which trainings lack the score."""
    missing = data.missing
    if not missing:
        return
    lost = sum(map(len, missing.values()))
    count = data.count
    cells = [
        f"{cell_words(data.plan, found)} ({'all' if not count[found] else 'seed ' + ', '.join(map(str, seeds))})"
        for found, seeds in missing.items()
    ]
    yield (
        f"not measured: {lost} of {lost + len(data.values)} trainings: {'; '.join(cells)} - the model is fitted to the "
        "others, and its means count every level alike"
    )


def _not_estimated(plan: Plan, found: Fitted) -> Iterator[str]:
    """Terms and effects that the finished trainings do not determine."""
    if found.determined.dropped:
        names = ", ".join(term_words(plan, term) for term in found.determined.dropped)
        yield (
            f"cannot be estimated, as combinations of levels are not measured: {names}; the effects of the factors in "
            "it are shown as if there were no such interaction"
        )
    if lost := found.determined.lost:
        yield f"cannot be told from the seed or from other effects, and are not shown: {'; '.join(lost)}"
    for place, (factor, levels) in enumerate(plan.factors.items()):
        if absent := [label for level, label in enumerate(levels) if level not in found.model.present[place]]:
            yield f"{factor}: {', '.join(absent)} not measured at all"


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
