"""How far the tuning of a table's rows is, and the plan with what it has chosen.

Nothing is kept of a choice: it follows from the records of the trials, or from those that are committed, every time.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from seglab import runs
from seglab.errors import SeglabError
from seglab.evaluation.columns import class_of
from seglab.runs.class_names import dataset_name
from seglab.runs.find import Run, find_runs
from seglab.tables.plan.model import Plan, Row
from seglab.tables.plan.tuning import Outcome, Trial, Tune, chosen
from seglab.tables.survey.configurations import configurations, in_order
from seglab.tables.survey.measurements import command_of, commit

_DIVERGED = "NonFiniteError:"  # how the error in the record of such a run begins


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What is known of the tuning of a table."""

    plan: Plan  # with what was chosen among the overrides; a row that is not decided stands with its first candidate
    trials: Mapping[str, tuple[Trial, ...]] = field(default_factory=dict)  # {label of the row in the YAML: its trials}
    undecided: frozenset[str] = frozenset()  # labels of rows whose configuration is not known yet


def look(
    plan: Plan, *, overrides: Sequence[str], search_path: Sequence[str], output: Path, committed: Sequence[Trial] = ()
) -> Tuned:
    """The trials of all rows that are tuned, and the plan with what they choose.

    A run that is finished here goes before a committed trial of the same configuration.

    Args:
        overrides: of every training, behind those of its row.
        output: where runs/ and sweeps/ lie.
        committed: trials of any configuration.

    Raises:
        SeglabError: the configuration of a trial is wrong, or equal to that of another one of its row.
    """
    rows = tuned_rows(plan)
    if not rows:
        return Tuned(plan=plan)
    by_fingerprint = find_runs(output)
    kept = {_measured_as(trial): trial for trial in committed}
    trials = dict[str, tuple[Trial, ...]]()
    for label, row in rows.items():
        assert row.tune is not None
        composed = configurations(plan_of_trials(plan, row), overrides=overrides, search_path=search_path)
        configs = zip(row.tune.candidates, map(runs.plain, composed.values()), strict=True)
        empty = [_not_looked_for(plan, row, values, config) for values, config in configs]
        _check_different(empty, where=f"table {plan.name}, row {label!r}: tune")
        trials[label] = tuple(_looked_for(trial, by_fingerprint, kept) for trial in empty)
    return Tuned(plan=_with_choices(plan, trials), trials=trials, undecided=frozenset(_undecided(plan, trials)))


def tuned_rows(plan: Plan) -> dict[str, Row]:
    """{label in the YAML: row} of the rows that are tuned; of one that is tested at several places the first."""
    rows = dict[str, Row]()
    for row in plan.rows:
        if row.tune is not None:
            rows.setdefault(row.trained_as, row)
    return rows


def plan_of_trials(plan: Plan, row: Row) -> Plan:
    """The trials of a row as the rows of a plan, each with the one seed."""
    assert row.tune is not None
    return replace(
        plan,
        rows=tuple(
            Row(label=label_of(row.trained_as, values), overrides=(*row.overrides, *values, *row.tune.overrides))
            for values in row.tune.candidates
        ),
        columns=(row.tune.column,),
        groups={},
        seeds=(seed_of(plan, row.tune),),
    )


def seed_of(plan: Plan, tune: Tune) -> int:
    """Of the trials."""
    return plan.seeds[0] if tune.seed is None else tune.seed


def label_of(row: str, values: Sequence[str]) -> str:
    """'ce: optimizer.lr=0.001'"""
    return f"{row}: {' '.join(values)}"


def tuning_of(row: str) -> str:
    """'ce, tuning': what the trials of a row are called together."""
    return f"{row}, tuning"


def known(plan: Plan, committed: Sequence[Trial]) -> dict[str, tuple[Trial, ...]]:
    """{label: trials} of the rows of which some are committed, without a look at any configuration."""
    found = {(trial.row, trial.values): trial for trial in committed}
    by_row = dict[str, tuple[Trial, ...]]()
    for label, row in tuned_rows(plan).items():
        candidates = () if row.tune is None else row.tune.candidates
        there = [found[label, values] for values in candidates if (label, values) in found]
        if there:
            absent = replace(there[0], fingerprint="", outcome="missing", score=None, seconds=None, reason=None)
            by_row[label] = tuple(found.get((label, values), replace(absent, values=values)) for values in candidates)
    return by_row


def lines(trials: Mapping[str, Sequence[Trial]]) -> Iterator[str]:
    """How far they are, in words: what is done is not mentioned."""
    for label, of_row in trials.items():
        done = sum(trial.is_done for trial in of_row)
        if done < len(of_row):
            yield f"  tuning: {label}: {done} of {len(of_row)} trials"
        elif chosen(of_row) is None:
            yield f"  tuning: {label}: all {done} trials diverged, so nothing is chosen - change its values"
        for trial in of_row:
            if trial.outcome == "failed":
                place = "" if trial.folder is None else f"  ({runs.shown(trial.folder)})"
                yield f"  failed: {label_of(label, trial.values)} seed {trial.seed}: {trial.reason}{place}"


def _not_looked_for(plan: Plan, row: Row, values: tuple[str, ...], config: Mapping[str, Any]) -> Trial:
    assert row.tune is not None
    data = config["data"]
    return Trial(
        row=row.trained_as, values=values, seed=config["seed"], fingerprint=runs.fingerprint(config),
        column=row.tune.column, checkpoint=plan.evaluation_of(row).get("checkpoint", "best"),
        dataset=dataset_name(data), split=data.get("val_split", "val"), outcome="missing", config=config,
    )  # fmt: skip


def _check_different(trials: Sequence[Trial], *, where: str) -> None:
    seen = dict[str, Trial]()
    for trial in trials:
        other = seen.setdefault(trial.fingerprint, trial)
        if other is not trial:
            raise SeglabError(
                f"{where}: expected trials that differ; {' '.join(other.values)} and {' '.join(trial.values)} compose "
                "to the same configuration - does something behind them set what is tuned?"
            )


def _measured_as(trial: Trial) -> tuple[str, str, str]:
    """What its score is of: one run serves rows that are tuned by different columns or checkpoints."""
    return trial.fingerprint, trial.column, trial.checkpoint


def _looked_for(
    trial: Trial, found: Mapping[str, Sequence[Run]], committed: Mapping[tuple[str, str, str], Trial]
) -> Trial:
    """The trial as a run has left it, else as it is committed."""
    here, kept = _of_runs(trial, found.get(trial.fingerprint, ())), committed.get(_measured_as(trial))
    if here.is_done or kept is None:
        return here
    return replace(kept, row=trial.row, values=trial.values, config=trial.config)


def _of_runs(trial: Trial, candidates: Sequence[Run]) -> Trial:
    """The trial by the runs of its configuration: the first finished one, else the last."""
    if not candidates:
        return trial
    finished = [run for run in candidates if run.record["status"] == "finished"]
    folder, record = (finished or candidates[-1:])[0]
    state = runs.state(folder)
    assert state.status != "pending"
    outcome: Outcome = state.status
    reason, score = state.error, _score(record, trial)
    if outcome == "finished" and score is None:
        outcome = "failed"
        reason = f"expected {trial.column} of its {trial.checkpoint} checkpoint; no validation has it"
    elif outcome == "failed" and (reason or "").startswith(_DIVERGED):
        outcome = "diverged"
    return replace(
        trial, outcome=outcome, score=score if outcome == "finished" else None, seconds=record.get("seconds"),
        device=record.get("device", ""), commit=commit(record.get("git")), command=command_of(record),
        reason=reason, folder=folder,
    )  # fmt: skip


def _score(record: Mapping[str, Any], trial: Trial) -> float | None:
    """Of its checkpoint, as the training validated it; None where it did not, or where the class is absent there."""
    scores, name = record.get(trial.checkpoint) or {}, class_of(trial.column)
    if name is None:
        value = scores.get("metrics", {}).get(trial.column)
    else:
        value = scores.get("classes", {}).get(name, {}).get("iou")
    return None if value is None or math.isnan(value) else float(value)


def _with_choices(plan: Plan, trials: Mapping[str, Sequence[Trial]]) -> Plan:
    def with_choice(row: Row) -> Row:
        if row.tune is None:
            return row
        best = chosen(trials[row.trained_as])
        values = row.tune.candidates[0] if best is None else best.values
        return replace(row, overrides=(*row.overrides, *values))

    return replace(plan, rows=tuple(map(with_choice, plan.rows)))


def _undecided(plan: Plan, trials: Mapping[str, Sequence[Trial]]) -> Collection[str]:
    """The labels of the rows without a choice, and of those that need a run of one."""
    undecided = set[str]()
    for row in in_order(plan.rows):
        is_open = row.tune is not None and chosen(trials[row.trained_as]) is None
        if is_open or row.needs in undecided:
            undecided.add(row.label)
    return undecided
