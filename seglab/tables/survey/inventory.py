"""How far a table is, and all of them in a list."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from seglab.errors import SeglabError
from seglab.runs.find import find_runs
from seglab.tables.comparison.sequential import reached
from seglab.tables.plan.budgets import form, reduced
from seglab.tables.plan.model import Plan
from seglab.tables.plan.read import names, read_plan
from seglab.tables.survey import trials_file
from seglab.tables.survey.composed import Composed, Kept, compose, kept_or_composed
from seglab.tables.survey.measurements import read_csv
from seglab.tables.survey.standing import State
from seglab.tables.survey.survey import Survey, counts, survey
from seglab.tables.survey.trials import Tuned, look


def committed_csv(plan: Plan, home: Path) -> Path:
    """Where the measurements of this form of the table are committed, beside its YAML."""
    return home / f"{form(plan)}.csv"


def take(
    plan: Plan, composed: Composed, *, home: Path, output: Path, outdated_too: bool, tuned: Tuned | None = None
) -> Survey:
    """What is known of the table's runs; of a table with tuned rows by the plan and the trials of `tuned`."""
    return survey(
        plan,
        composed.configurations,
        settings=composed.evaluation,
        own=composed.own,
        output=output,
        committed=read_csv(committed_csv(plan, home)),
        outdated_too=outdated_too,
        tuned=tuned,
    )


def listed(
    folders: Sequence[Path], *, output: Path, overrides: Sequence[str], search_path: Sequence[str]
) -> Iterator[str]:
    """Every table with its title and its state, and that of its short form where it has one.

    One that cannot be read does not keep from the others. Nothing is composed where nothing was ever run or committed.
    """
    fingerprints = frozenset(find_runs(output))

    def state(plan: Plan, home: Path) -> str:
        if not fingerprints and not (output / "controls").is_dir() and not committed_csv(plan, home).is_file():
            first = reached(plan, [])
            number = sum(len(first.seeds_of(row)) for row in first.rows)
            return f"{number} runs: {number} missing"
        if any(row.tune is not None for row in plan.rows):
            return counts(_of_tuned(plan, home=home, output=output, overrides=overrides, search_path=search_path))
        kept = kept_or_composed(plan, overrides=overrides, search_path=search_path, output=output)
        return counts(_survey(plan, kept, fingerprints, home=home, output=output, outdated_too=not overrides))

    for home, name in ((folder, name) for folder in folders for name in names(folder)):
        try:
            plan = read_plan(home / f"{name}.yaml")
            yield f"{name}: {plan.title}\n    {state(plan, home)}"
            if "short" in plan.budgets:
                yield f"    short: {state(reduced(plan, 'short'), home)}"
        except SeglabError as error:
            yield f"{name}\n    cannot be used: {error}"


def _of_tuned(plan: Plan, *, home: Path, output: Path, overrides: Sequence[str], search_path: Sequence[str]) -> Survey:
    """As `take`. Nothing is kept of its composition, which depends on what was chosen."""
    trials = trials_file.read(trials_file.committed(plan, home))
    tuned = look(plan, overrides=overrides, search_path=search_path, output=output, committed=trials)
    composed = compose(tuned.plan, overrides=overrides, search_path=search_path)
    return take(tuned.plan, composed, home=home, output=output, outdated_too=not overrides, tuned=tuned)


def _survey(
    plan: Plan, kept: Kept, fingerprints: Collection[str], *, home: Path, output: Path, outdated_too: bool
) -> Survey:
    """As `take`, looking only at what may be there: a run with the fingerprint, a committed line, a control."""
    committed = {measurement.key for measurement in read_csv(committed_csv(plan, home))}
    controls = {row.label for row in plan.rows if row.downsample is not None}
    missing = {(row, seed): State(row=row, seed=seed, status="missing") for row, seed in kept.rows}
    there = [
        which
        for which, (fingerprint, _) in kept.rows.items()
        if fingerprint in fingerprints or which in committed or which[0] in controls
    ]
    surveyed = Survey(plan=reached(plan, []), states=())
    if there:
        surveyed = take(plan, kept.only(there), home=home, output=output, outdated_too=outdated_too)
    asked = {(row.label, seed) for row in surveyed.plan.rows for seed in surveyed.plan.seeds_of(row)}
    states = missing | {state.key: state for state in surveyed.states}
    return Survey(plan=surveyed.plan, states=tuple(state for key, state in states.items() if key in asked))
