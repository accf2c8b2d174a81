"""Seeds until it is settled: which looks at a table have been made, what they said, and which seeds come next.

Each row is looked at for itself, beside the baseline: what is settled needs no more trainings. That costs nothing:
the repeated p-value of a row (`boundaries`) holds whichever look was its last, and Holm's correction over the rows
holds for any p-values, however they depend on each other and whenever the rows stopped (a group-sequential Holm
procedure: Ye, Li, Liu & Yao, Statistics in Medicine 32, 2013). All rows of the plan count in it, from the start.
Everything follows from the measurements: typed again, a table stands where it stood.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from seglab.evaluation.columns import title
from seglab.tables.comparison import protocol, significance
from seglab.tables.comparison.boundaries import Boundaries, boundaries
from seglab.tables.comparison.differences import over_seeds, value
from seglab.tables.plan.model import Measurement, Plan, Until

_ROUNDING = 1e-9  # points, by which an interval may be wider


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Of one row, after the last look that was made."""

    looks: int = 0  # that were made
    seeds: int = 0  # at the last of them
    half_width: float | None = None  # of the interval of the difference there, percentage points
    settled: Literal["differs", "narrow"] | None = None  # None: nothing is, yet or at the last look of all

    def words(self, until: Until) -> str:
        """'settled after 3 looks (5 seeds): differs'."""
        when = f"after {self.looks} look{'s' if self.looks > 1 else ''} ({self.seeds} seeds)"
        if self.settled == "differs":
            return f"settled {when}: differs"
        if self.settled == "narrow":
            return f"settled {when}: {_score(until)} known to ± {self.half_width:.2g} points"
        if self.seeds == until.at_most:
            return f"not settled {when}, the last one"
        return f"not settled {when}" if self.looks else f"not looked at before {until.first} seeds"


class Shown(NamedTuple):
    """A table by what its looks have seen."""

    plan: Plan  # with the seeds that the rule asks for by now, and notes of what is settled
    measurements: list[Measurement]  # those of the looks; before the first one all
    decisions: dict[str, Decision]  # by the rows' labels; none where the seeds are a list


def boundaries_of(plan: Plan) -> Boundaries | None:
    """None where the seeds are a list."""
    return None if plan.until is None else boundaries(plan.until.looks)


def reached(plan: Plan, measurements: Sequence[Measurement]) -> Plan:
    """The plan with the seeds of each row up to its next look, or up to that which settled it."""
    return plan if plan.until is None else _reached(plan, plan.until, decided(plan, measurements))


def shown(plan: Plan, measurements: Sequence[Measurement]) -> Shown:
    """What may be shown: looking between two looks would be a look. As it is where the seeds are a list."""
    until = plan.until
    if until is None:
        return Shown(plan=plan, measurements=list(measurements), decisions={})
    decisions = decided(plan, measurements)
    seen = {label: decision.seeds for label, decision in decisions.items() if decision.looks}
    seen |= {label: max(seen.values()) for label in plan.baseline if seen}
    kept = [one for one in measurements if one.row not in seen or one.seed in until.seeds[: seen[one.row]]]
    notes = {label: decision.words(until) for label, decision in decisions.items()}
    rows = [
        replace(row, note="; ".join(filter(None, (row.note, notes.get(row.label))))) if row.label in notes else row
        for row in plan.rows
    ]
    told = replace(_reached(plan, until, decisions), rows=tuple(rows), notes=(_rule(until), *plan.notes))
    return Shown(plan=told, measurements=kept, decisions=decisions)


def decided(plan: Plan, measurements: Sequence[Measurement]) -> dict[str, Decision]:
    """{label: what is settled of it} of every row that is compared, by the measurements that are scored alike."""
    until = plan.until
    assert until is not None
    scores = _scores(plan, until, measurements)
    baseline = scores.get(plan.baseline[0], np.array([]))
    return settled({label: scores.get(label, np.array([])) for label in plan.compared}, baseline, until)


def settled(rows: Mapping[str, np.ndarray], baseline: np.ndarray, until: Until) -> dict[str, Decision]:
    """{label: what is settled of it}, look after look.

    Args:
        rows: {label: (n,) scores of its first n seeds}, fractions, in the order of the seeds.
        baseline: (n,) likewise.
    """
    limits = boundaries(until.looks)
    decisions = {label: Decision() for label in rows}
    p = dict.fromkeys(rows, 1.0)  # of the last look
    open_rows = list(rows)
    for look, n in enumerate(until.looks, 1):
        open_rows = [label for label in open_rows if min(len(rows[label]), len(baseline)) >= n]
        half: dict[str, float | None] = {}
        for label in open_rows:
            difference = over_seeds(rows[label][:n].tolist(), baseline[:n].tolist(), looks=limits)
            p[label] = 1.0 if difference.p is None else difference.p
            interval = difference.interval
            half[label] = None if interval is None else 100 * (interval.high - interval.low) / 2
        corrected = dict(zip(p, significance.holm(list(p.values())), strict=True))
        for label in open_rows:
            differs = until.or_differs and corrected[label] < 1 - significance.LEVEL
            decisions[label] = Decision(
                looks=look, seeds=n, half_width=half[label],
                settled="differs" if differs else "narrow" if _is_narrow(half[label], until) else None,
            )  # fmt: skip
        open_rows = [label for label in open_rows if decisions[label].settled is None]
    return decisions


def _is_narrow(half: float | None, until: Until) -> bool:
    return half is not None and until.half_width is not None and half <= until.half_width + _ROUNDING


def _reached(plan: Plan, until: Until, decisions: Mapping[str, Decision]) -> Plan:
    asked = {label: _next(decision, until) for label, decision in decisions.items()}
    asked |= {label: max(asked.values()) for label in plan.baseline}
    for _ in plan.rows:  # a row that starts from one that starts from ...
        for row in plan.rows:
            if row.needs is not None and row.label in asked:
                asked[row.needs] = max(asked.get(row.needs, 0), asked[row.label])
    return replace(plan, seeds=until.seeds[: max(asked.values())], reached=asked)


def _next(decision: Decision, until: Until) -> int:
    """The seeds that a row is to have."""
    if decision.settled is not None or decision.looks == len(until.looks):
        return decision.seeds
    return until.looks[decision.looks]


def _scores(plan: Plan, until: Until, measurements: Sequence[Measurement]) -> dict[str, np.ndarray]:
    """{label: scores of its first seeds, up to one that is missing}, of those that are measured as the baseline is."""
    own = {row.label: protocol.decided_by(row.evaluation) for row in plan.rows}
    first = next((one for one in measurements if one.row in plan.baseline), None)
    if first is None:
        return {}

    def is_alike(one: Measurement) -> bool:
        stated = own[one.row] | own[first.row]
        mine, theirs = (protocol.identity(protocol.without(each.protocol, stated)) for each in (one, first))
        return bool(mine == theirs)

    known = {
        one.key: value(one, until.column, groups=plan.groups)
        for one in measurements
        if one.row in own and is_alike(one)
    }
    scores = {}
    for label in own:
        seeds = [seed for seed in until.seeds if (label, seed) in known]
        count = next((index for index, seed in enumerate(until.seeds) if seed not in seeds), len(until.seeds))
        scores[label] = np.array([known[label, seed] for seed in until.seeds[:count]])
    return scores


def _score(until: Until) -> str:
    return title(until.column).removesuffix(" %")


def _rule(until: Until) -> str:
    """What the table says of its seeds."""
    ends = []
    if until.half_width is not None:
        ends.append(f"its difference to the baseline in {_score(until)} is known to ± {until.half_width:g} points")
    if until.or_differs:
        ends.append("differs" if ends else f"differs from the baseline in {_score(until)}")
    looks = until.looks
    listed = ", ".join(map(str, looks)) if len(looks) < 5 else f"{looks[0]}, {looks[1]}, ..., {looks[-1]}"
    return (
        f"seeds are added to each row until {' or it '.join(ends)}, with looks at {listed} seeds; p-values and 95 % "
        "intervals are those of repeated looks (O'Brien-Fleming spending, exact for the t test), so wider than those "
        "of as many seeds that were planned"
    )
