"""The linear model of the rows of one block: which effects its design and its finished trainings determine."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from seglab.tables.analysis.linear_model import Fit, LinearModel, Term, Tested
from seglab.tables.analysis.simultaneous import Simultaneous, simultaneous
from seglab.tables.comparison import differences
from seglab.tables.comparison.rows import RowResult
from seglab.tables.plan import design as designs
from seglab.tables.plan.design import Effect
from seglab.tables.plan.model import Plan

FEWEST_SEEDS = 2


@dataclass(frozen=True)
class Observed:
    """One column of scores of the trainings of one block, those that have it."""

    plan: Plan
    levels: np.ndarray  # (N, F) the number of each factor's level
    seeds: np.ndarray  # (N,)
    values: np.ndarray  # (N,) fractions

    @property
    def count(self) -> dict[tuple[int, ...], int]:
        """{planned combination of levels: how many of its trainings have the score}."""
        found = [tuple(levels) for levels in self.levels.tolist()]
        return {cell: found.count(cell) for cell in planned(self.plan)}

    @property
    def missing(self) -> dict[tuple[int, ...], list[int]]:
        """{combination: seeds of the plan without the score}, those that lack some."""
        there = {(*levels, seed) for levels, seed in zip(self.levels.tolist(), self.seeds.tolist(), strict=True)}
        lacking = {
            cell: [seed for seed in self.plan.seeds if (*cell, seed) not in there] for cell in planned(self.plan)
        }
        return {cell: seeds for cell, seeds in lacking.items() if seeds}

    @property
    def is_testable(self) -> bool:
        """One training of each combination says nothing of how another would differ."""
        return len(set(self.seeds.tolist())) >= FEWEST_SEEDS

    @property
    def shares_seeds(self) -> bool:
        """Whether a seed stands in two combinations."""
        return len(set(self.seeds.tolist())) < len(self.seeds)


@dataclass(frozen=True, eq=False)
class NamedEffect:
    """One number that a factor, or two together, have."""

    words: str  # 'loss: dice instead of ce', 'loss × augment: dice, default'
    combination: np.ndarray  # (P,) of the coefficients


@dataclass(frozen=True)
class Determined:
    """What the trainings that are there determine, whatever their scores."""

    model: LinearModel
    effects: tuple[NamedEffect, ...]  # those that can be estimated
    dropped: tuple[Term, ...]  # interactions that cannot
    lost: tuple[str, ...]  # words of effects that cannot either

    @property
    def combinations(self) -> np.ndarray:
        """(k, P) of the effects."""
        width = self.model.matrix.shape[1]
        return np.array([effect.combination for effect in self.effects]).reshape(len(self.effects), width)

    @property
    def kind(self) -> int:
        """Of the F tests: type III, or II where an interaction is left out."""
        return 2 if self.dropped else 3


@dataclass(frozen=True)
class Fitted:
    """One column of scores, explained."""

    observed: Observed
    determined: Determined
    fit: Fit
    together: Simultaneous  # of the effects
    tests: tuple[Tested, ...]  # of the terms, and of the seed at the end; none where nothing can be tested

    @property
    def model(self) -> LinearModel:
        return self.determined.model

    @property
    def effects(self) -> tuple[NamedEffect, ...]:
        return self.determined.effects


def planned(plan: Plan) -> list[tuple[int, ...]]:
    """The combinations of levels that the table trains, each once, in its order."""
    return list(dict.fromkeys(cell_of(plan, row.levels) for row in plan.rows))


def cell_of(plan: Plan, labels: Sequence[str]) -> tuple[int, ...]:
    return tuple(levels.index(label) for label, levels in zip(labels, plan.factors.values(), strict=True))


def cell_words(plan: Plan, cell: Sequence[int]) -> str:
    """'dice / silu / none'"""
    return " / ".join(levels[index] for index, levels in zip(cell, plan.factors.values(), strict=True))


def observed(plan: Plan, rows: Sequence[RowResult], column: str) -> Observed:
    """The known scores of rows, which are of one block."""
    levels_of = {row.label: cell_of(plan, row.levels) for row in plan.rows}
    found = [
        (levels_of[row.label], run.seed, differences.value(run, column, groups=plan.groups))
        for row in rows
        for run in row.measurements
    ]
    known = [one for one in found if not np.isnan(one[2])]
    return Observed(
        plan=plan,
        levels=np.array([levels for levels, _, _ in known], dtype=int).reshape(len(known), len(plan.factors)),
        seeds=np.array([seed for _, seed, _ in known], dtype=int),
        values=np.array([value for _, _, value in known], dtype=np.float64),
    )


def fitted(data: Observed) -> Fitted:
    """The model with a main effect of each factor, and with the interactions of two that the trainings determine."""
    found = determined(data.plan, data.levels, data.seeds)
    fit = found.model.fit(data.values)
    if not data.is_testable:
        fit = fit._replace(freedom=0, deviation=math.nan)
    return Fitted(
        observed=data,
        determined=found,
        fit=fit,
        together=simultaneous(found.model, fit, found.combinations),
        tests=tuple(found.model.tests(data.values, kind=found.kind)) if data.is_testable else (),
    )


def determined(plan: Plan, levels: np.ndarray, seeds: np.ndarray) -> Determined:
    """Args: levels: (N, F); seeds: (N,)."""
    terms = terms_of(plan)
    whole = LinearModel(levels, seeds, terms)
    dropped = tuple(term for term in terms if len(term) == 2 and not whole.is_whole(term))
    model = LinearModel(levels, seeds, [term for term in terms if term not in dropped]) if dropped else whole
    named = list(_effects(plan, model))
    effects = tuple(effect for effect in named if model.is_estimable(effect.combination))
    return Determined(model, effects, dropped, tuple(effect.words for effect in named if effect not in effects))


def terms_of(plan: Plan) -> list[Term]:
    """The main effects; where the design has interactions, those of two, one of each group that is mixed together."""
    factors = list(plan.factors)
    terms: list[Term] = [(place,) for place in range(len(factors))]
    if not plan.design.has_interactions:
        return terms
    mixed = designs.aliases(plan.design, factors)
    kept = [Effect({factor}) for factor in factors]
    for pair in combinations(range(len(factors)), 2):
        effect = Effect(factors[place] for place in pair)
        if not any(other in kept for other in mixed.get(effect, ())):
            kept.append(effect)
            terms.append(pair)
    return terms


def term_words(plan: Plan, term: Term) -> str:
    """'loss × augment'"""
    factors = list(plan.factors)
    return " × ".join(factors[place] for place in term)


def _effects(plan: Plan, model: LinearModel) -> Iterator[NamedEffect]:
    """Of each main effect its levels minus the first one; of an interaction the differences of such differences."""
    labels = list(plan.factors.values())
    for term in model.terms:
        first = {place: model.present[place][0] for place in term}
        others = [model.present[place][1:] for place in term]
        if len(term) == 1:
            (place,) = term
            for level in others[0]:
                words = f"{term_words(plan, term)}: {labels[place][level]} instead of {labels[place][first[place]]}"
                yield NamedEffect(words, model.mean({place: level}) - model.mean(first))
        else:
            one, other = term
            for level, beside in ((level, beside) for level in others[0] for beside in others[1]):
                at: Mapping[int, int] = {one: level, other: beside}
                combination = (
                    model.mean(at)
                    - model.mean({**first, one: level})
                    - model.mean({**first, other: beside})
                    + model.mean(first)
                )
                yield NamedEffect(
                    f"{term_words(plan, term)}: {labels[one][level]}, {labels[other][beside]}", combination
                )
