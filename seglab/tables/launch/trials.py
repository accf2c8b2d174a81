"""Trains the trials of a table's rows, as jobs of the same sweep: what was tried by one row is not tried again."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from seglab.tables.launch.launch import train_missing
from seglab.tables.plan.model import Plan
from seglab.tables.survey.survey import Survey, as_state
from seglab.tables.survey.trials import Tuned, label_of, plan_of_trials, tuned_rows


def train_trials(
    plan: Plan,
    tuned: Tuned,
    *,
    rows: Collection[str],
    output: Path,
    overrides: Sequence[str],
    search_path: Sequence[str],
    retry_failed: bool,
) -> None:
    """Trains the trials that are not done, row by row; a failure is left in the run's record, and the others go on.

    Args:
        plan: as its YAML states it.
        rows: labels of those to be trained.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM came; the job that ran has saved its state.
    """
    trained = {row.trained_as for row in plan.rows if row.label in rows}
    for label, row in tuned_rows(plan).items():
        if label in trained:
            trials = tuned.trials[label]
            states = tuple(replace(as_state(trial), row=label_of(label, trial.values)) for trial in trials)
            train_missing(
                Survey(plan=plan_of_trials(plan, row), states=states),
                output=output, overrides=overrides, search_path=search_path, retry_failed=retry_failed,
            )  # fmt: skip
