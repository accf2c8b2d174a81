"""What has to be said beside the effects of factors: what they are, how sure, what is missing, what is mixed."""

import math
from collections.abc import Iterator

from seglab.tables.analysis import simultaneous
from seglab.tables.analysis.factor_model import Fitted, Observed, cell_words, term_words
from seglab.tables.plan import design as designs
from seglab.tables.plan.model import Plan

SHOWN = "†"  # the simultaneous interval excludes zero
_HELD = {
    designs.FULL: "averaged over the levels of the other factors",
    designs.FRACTION: "averaged over the levels of the other factors",
    designs.ONE_AT_A_TIME: "with all other factors at their first level",
    designs.LEAVE_ONE_OUT: "with all other factors on (at their last level)",
    designs.ADD_ONE: "with all factors before it on, and those after it off",
}


def imbalance(data: Observed) -> Iterator[str]:
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
        "others, as if chance had taken these, and its means count every level alike"
    )


def not_estimated(plan: Plan, found: Fitted) -> Iterator[str]:
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


def reading(plan: Plan, found: Fitted) -> Iterator[str]:
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
            f"{100 * simultaneous.standard_error():.2f} points), and so does p; {SHOWN}: the interval excludes 0"
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
