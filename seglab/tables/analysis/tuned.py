"""What the rows of a table were tuned to, what was tried, and what that took."""

from collections.abc import Sequence

from seglab.display.numbers import cell, duration, percent, took, word
from seglab.display.sheet import Cell, Sheet
from seglab.evaluation.columns import title
from seglab.tables.analysis.finding import Finding
from seglab.tables.comparison.comparison import Comparison
from seglab.tables.comparison.tuning import Trials
from seglab.tables.plan.tuning import Trial, chosen

_NAN = float("nan")


def tuned(comparison: Comparison) -> Finding | None:
    """A line for each tuned row with what was chosen and what that cost, and one for each trial."""
    trials = comparison.trials
    if not any(trial.is_done for of_row in trials.values() for trial in of_row):
        return None
    every = [trial for of_row in trials.values() for trial in of_row]
    return Finding(name="tuned", sheets=[_choices(comparison), _trials(every, trials)])


def _choices(comparison: Comparison) -> Sheet:
    trials, rows = comparison.trials, []
    for label, of_row in trials.items():
        best = chosen(of_row)
        rows.append([
            word(label), word("" if best is None else " ".join(best.values)), _score(best),
            cell(len(of_row), ","), cell(sum(trial.outcome == "diverged" for trial in of_row), ","),
            took(_seconds(of_row)),
        ])  # fmt: skip
    every = [trial for of_row in trials.values() for trial in of_row]
    devices = dict.fromkeys(trial.device for trial in every if trial.device)
    return Sheet(
        caption=f"{comparison.plan.title}, tuned: {_chosen_by(every)}",
        header=["row", "chosen", _title(every), "trials", "diverged", "all trials took"],
        rows=rows,
        words=2,
        notes=[
            f"tuning took {duration(_seconds(every))} of training ({len(every)} trials, on {', '.join(devices)}); "
            "the table's own runs are not counted",
            *_served(comparison),
            *_shared(trials),
        ],
    )


def _seconds(trials: Sequence[Trial]) -> float:
    """Of those that are done: of the others the last attempt alone is known."""
    return sum(trial.seconds for trial in trials if trial.is_done and trial.seconds is not None)


def _trials(every: Sequence[Trial], trials: Trials) -> Sheet:
    best = [chosen(of_row) for of_row in trials.values()]
    rows = [
        [word(trial.row), word(" ".join(trial.values)), _score(trial)._replace(best=trial in best),
         took(trial.seconds if trial.is_done else None),
         word("" if trial.outcome == "finished" else trial.outcome)]
        for trial in every
    ]  # fmt: skip
    return Sheet(
        caption="Trials", header=["row", "values", _title(every), "training", "outcome"], rows=rows, words=2,
        notes=["chosen: *"] if any(best) else [],
    )  # fmt: skip


def _chosen_by(every: Sequence[Trial]) -> str:
    """'chosen by synthetic val, best checkpoint, seed 1'"""
    places = dict.fromkeys(f"{trial.dataset} {trial.split}, {trial.checkpoint} checkpoint, seed {trial.seed}"
                           for trial in every)  # fmt: skip
    return f"chosen by {'; '.join(places)}"


def _title(every: Sequence[Trial]) -> str:
    columns = dict.fromkeys(title(trial.column) for trial in every)
    return columns.popitem()[0] if len(columns) == 1 else "score %"


def _score(trial: Trial | None) -> Cell:
    return percent(_NAN if trial is None or trial.score is None else trial.score)


def _served(comparison: Comparison) -> list[str]:
    """That chosen trials are among the runs that the table reports."""
    plan = comparison.plan
    own = {row.trained_as for row in plan.rows if row.tune is not None and not row.tune.overrides}
    best = [chosen(of_row) for label, of_row in comparison.trials.items() if label in own]
    served = {trial.row: trial.seed for trial in best if trial is not None and trial.seed in plan.seeds}
    if not served:
        return []
    runs = ", ".join(f"{row} seed {seed}" for row, seed in served.items())
    return [f"reported runs that are chosen trials themselves: {runs}; a seed of tune's own keeps the two apart"]


def _shared(trials: Trials) -> list[str]:
    """Of rows that are not chosen by one column, which it is."""
    columns = {label: of_row[0].column for label, of_row in trials.items()}
    if len(set(columns.values())) == 1:
        return []
    return [f"{label}: chosen by {title(column).removesuffix(' %')}" for label, column in columns.items()]
