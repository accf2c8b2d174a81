"""How many seeds a table needs, as sheets: the deviation that was seen, what n seeds show, and the hours they take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seglab.display.numbers import cell, duration, took, word
from seglab.display.sheet import Cell, Sheet
from seglab.tables.analysis.family import (
    TABLES,
    family_detectable,
    family_power,
    family_seeds_for,
    simulated,
)
from seglab.tables.analysis.power import MOST_SEEDS, POWER, Deviation, detectable, pooled, power, seeds_for

SEEDS = tuple(range(2, 21))  # that are told of


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of a table. All differences are in percentage points."""

    title: str  # of the table
    column: str  # its title: "mIoU"
    rows: int  # that are compared with a baseline, at most: the family of Holm's correction
    pilots: Mapping[str, Mapping[str, np.ndarray]]  # {table: {"row minus baseline": differences over its seeds}}
    difference: float | None = None  # that is to be shown
    seconds: float | None = None  # that one seed of all rows takes
    spent: float = 0.0  # seconds of them that are trained already
    unknown: Sequence[str] = ()  # rows whose time is unknown
    looks: Sequence[int] = ()  # seeds at each, where they are added until it is settled


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What n seeds show, in percentage points with 80 % power."""

    question: Question
    deviation: Deviation
    alone: Mapping[int, float]  # {n: the smallest difference} of a single test
    family: Mapping[int, float]  # the same of one row among all


def answered(question: Question) -> Answer:
    deviation = pooled([list(rows.values()) for rows in question.pilots.values()])
    return Answer(
        question=question,
        deviation=deviation,
        alone={n: deviation.value * detectable(n) for n in SEEDS},
        family={n: deviation.value * family_detectable(n, question.rows) for n in SEEDS},
    )


def power_sheets(answer: Answer) -> list[Sheet]:
    """The deviation of the pilot, and what n seeds show by it."""
    return [_deviations(answer), _detectable(answer)]


def _deviations(answer: Answer) -> Sheet:
    question, deviation = answer.question, answer.deviation
    lines = [
        [word(name), word(row), cell(len(values), ","), _points(float(values.std(ddof=1)))]
        for name, rows in question.pilots.items()
        for row, values in rows.items()
    ]
    return Sheet(
        caption=f"{question.title}: how far the difference in {question.column} strays from seed to seed, in points",
        header=["measured in", "row", "seeds", "deviation"],
        rows=lines,
        words=2,
        mean=[word("all"), word(""), cell(None, ","), _points(deviation.value)],
        notes=[
            f"it is an estimate itself: 95 % interval {deviation.low:.2g} to {deviation.high:.2g} (chi-square with "
            f"{deviation.freedom:.1f} degrees of freedom; the rows of a table share their baseline)",
            "all rows are taken to stray alike: plan by a row of its own where it does not",
        ],
    )


def _detectable(answer: Answer) -> Sheet:
    question = answer.question
    header = ["seeds", "one row alone", "from", "to", f"one of {question.rows} (Holm)", "from", "to", "all rows take"]
    rows = [
        [word(str(n)), *_range(answer.alone[n], answer), *_range(answer.family[n], answer), took(_time(question, n))]
        for n in SEEDS
    ]
    return Sheet(
        caption=f"{question.title}: the smallest difference in {question.column} that n seeds show with "
        f"{POWER:.0%} power, in points".replace("%", " %"),
        header=header,
        rows=rows,
        notes=[*_named(answer), *_notes(answer)],
    )


def _named(answer: Answer) -> list[str]:
    """How many seeds the difference takes that was asked for."""
    question, deviation = answer.question, answer.deviation
    if question.difference is None:
        return ["difference=POINTS names one, and tells how many seeds it takes"]
    effects = [question.difference / value for value in (deviation.value, deviation.low, deviation.high)]
    alone = [seeds_for(effect) for effect in effects]
    family = [family_seeds_for(effect, question.rows) for effect in effects]
    lines = []
    for counts, what in ((alone, "in one row alone"), (family, f"in one of {question.rows} rows (Holm)")):
        best, fewest, most = counts
        time = _time(question, best) if best is not None else None
        spread = f"{_seeds(fewest)} to {_seeds(most)} by the deviation's interval"
        asked = f"{question.difference:g} point{'' if question.difference == 1 else 's'}"
        line = f"{asked} {what}: {_seeds(best)} seeds ({spread})"
        lines.append(line if time is None else f"{line}, {duration(time)}")
    if alone[0] == 2:
        lines.append("two seeds are the fewest that can be tested, and show nothing of whether differences are normal")
    found = family[0]
    if found is not None:
        rate = family_power(simulated(found, question.rows), effects[0])
        exact = power(effects[0], found)
        lines.append(f"with {found} seeds it is found in {100 * exact:.0f} % of the tables alone, in "
                     f"{100 * rate.value:.1f} ± {100 * rate.error:.1f} % as one of {question.rows}")  # fmt: skip
    return lines


def _notes(answer: Answer) -> list[str]:
    question = answer.question
    notes = [
        "from ... to: by the interval of the deviation",
        "alone: paired t, two-sided at 5 %, exact (noncentral t) for normal differences",
    ]
    if question.rows > 1:
        notes.append(f"of {question.rows}: Holm's correction where no other row differs, {TABLES:,} simulated tables "
                     "for each n: the power is known to ± 0.8 points (two standard errors)")  # fmt: skip
    if question.looks:
        notes.append("for a number of seeds that is planned: this table adds seeds until it is settled, and its "
                     f"p-values, of up to {len(question.looks)} looks with {question.looks[0]} to "
                     f"{question.looks[-1]} seeds, take more of them to show as much")  # fmt: skip
    if question.seconds is None:
        notes.append("the time is unknown: no run of this table is finished - cost=true beside power=true times a few "
                     "steps")  # fmt: skip
    elif question.unknown:
        notes.append(
            f"without the time of {', '.join(question.unknown)}, which is unknown: cost=true times a few steps"
        )
    if question.spent:
        notes.append(f"all rows take: baseline and rows from the start; {duration(question.spent)} of it are trained")
    return notes


def _range(value: float, answer: Answer) -> list[Cell]:
    """The cells of a difference, and of what it is by the ends of the deviation's interval."""
    deviation = answer.deviation
    return [_points(value), *(_points(value * end / deviation.value) for end in (deviation.low, deviation.high))]


def _time(question: Question, seeds: int) -> float | None:
    return None if question.seconds is None else seeds * question.seconds


def _points(value: float) -> Cell:
    return cell(value, ".2g" if value < 0.1 else ".2f")


def _seeds(number: int | None) -> str:
    return f"more than {MOST_SEEDS}" if number is None else str(number)
