"""What finished runs tell of the deviation over seeds: the paired differences of the rows of one table or several."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seglab.errors import SeglabError, did_you_mean, listed
from seglab.evaluation.columns import CLASS_IOU
from seglab.tables.comparison import significance
from seglab.tables.comparison.comparison import Comparison, compare
from seglab.tables.comparison.differences import value
from seglab.tables.comparison.rows import RowResult
from seglab.tables.plan.budgets import FULL, form, reduced
from seglab.tables.plan.model import Measurement
from seglab.tables.plan.read import names, read_plan
from seglab.tables.survey import trials_file
from seglab.tables.survey.composed import compose
from seglab.tables.survey.inventory import take
from seglab.tables.survey.survey import Survey
from seglab.tables.survey.trials import look


@dataclass(frozen=True, kw_only=True)
class PilotRow:
    """A row of a pilot that shares two seeds or more with its baseline, and is not always as far from it."""

    label: str
    baseline: str
    differences: np.ndarray  # (n,) row minus baseline, fractions, in the order of the seeds


@dataclass(frozen=True, kw_only=True)
class Pilot:
    """Of one table: the first block of rows that were measured alike, which has its baseline."""

    name: str  # of the table, or of its form
    rows: tuple[PilotRow, ...]


def of_tables(
    tables: Sequence[str], *, folders: Sequence[Path], output: Path, search_path: Sequence[str]
) -> list[Comparison]:
    """What is known of other tables.

    Args:
        tables: their names, of a reduced form NAME.short.
        folders: with their YAMLs, the first of them first.

    Raises:
        SeglabError: there is no such table, or it cannot be read.
    """
    comparisons = []
    for name in tables:
        table, _, budget = name.partition(".")
        home = next((folder for folder in folders if (folder / f"{table}.yaml").is_file()), None)
        if home is None:
            choices = [choice for folder in folders for choice in names(folder)]
            raise SeglabError(f"pilot={name}: expected the name of a table, of its short form NAME.short; there is none"
                              f"{did_you_mean(table, choices) or ' - python -m seglab.table lists them'}")  # fmt: skip
        plan = reduced(read_plan(home / f"{table}.yaml"), budget or FULL)
        trials = trials_file.read(trials_file.committed(plan, home))
        tuned = look(plan, overrides=[], search_path=search_path, output=output, committed=trials)
        composed = compose(tuned.plan, overrides=[], search_path=search_path)
        survey = take(tuned.plan, composed, home=home, output=output, outdated_too=False, tuned=tuned)
        comparisons.append(of_survey(survey))
    return comparisons


def of_survey(survey: Survey) -> Comparison:
    """What is known of a table, without what was measured of another configuration."""
    return compare(survey.plan, survey.current())


def pilots(comparisons: Sequence[Comparison], column: str) -> list[Pilot]:
    """The tables with their rows of two seeds or more.

    Raises:
        SeglabError: the column was not measured, or no row has two seeds in common with its baseline.
    """
    found = [_pilot(comparison, column) for comparison in comparisons]
    if not any(pilot.rows for pilot in found):
        names = ", ".join(form(comparison.plan) for comparison in comparisons)
        raise SeglabError(
            f"power=true: expected a row whose {column} strays from its baseline's over two seeds or more, measured in "
            f"{names}; there is none - train some (run=true), or name a table that was measured alike: pilot=[NAME]"
        )
    return [pilot for pilot in found if pilot.rows]


def _pilot(comparison: Comparison, column: str) -> Pilot:
    plan, rows = comparison.plan, comparison.blocks[0].rows
    _check(column, [run for row in rows for run in row.measurements], list(plan.groups), name=form(plan))
    baseline = next((row for row in rows if row.is_baseline), None)
    if baseline is None:
        return Pilot(name=form(plan), rows=())

    def differences(row: RowResult) -> np.ndarray:
        theirs = {run.seed: value(run, column, groups=plan.groups) for run in baseline.measurements}
        own = [(run.seed, value(run, column, groups=plan.groups)) for run in row.measurements]
        both = [score - theirs[seed] for seed, score in own if seed in theirs]
        return np.array([difference for difference in both if not math.isnan(difference)])

    others = [(row, differences(row)) for row in rows if not row.is_baseline]
    return Pilot(
        name=form(plan),
        rows=tuple(
            PilotRow(label=row.label, baseline=baseline.label, differences=found)
            for row, found in others
            if significance.spread(found).std > 0  # NaN of one seed; 0 where a row is scored as its baseline is
        ),
    )


def _check(column: str, runs: Sequence[Measurement], groups: Sequence[str], *, name: str) -> None:
    """Raises SeglabError for a column that no run of the table has."""
    metrics = dict.fromkeys(metric for run in runs for metric in run.metrics)
    classes = dict.fromkeys(CLASS_IOU + one for run in runs for one in run.class_iou)
    choices = [*metrics, *(CLASS_IOU + group for group in groups), *classes]
    if runs and column not in choices:
        raise SeglabError(f"column={column}: expected a score that {name} was measured by, {listed(choices)}; came "
                          f"{column!r}{did_you_mean(column, choices) or ' - correct it'}")  # fmt: skip
