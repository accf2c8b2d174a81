"""How far one row of a table with one seed is: what is known of it from runs, controls and committed measurements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from seglab import runs
from seglab.runs.find import Run
from seglab.tables.plan.model import Measurement
from seglab.tables.survey import control
from seglab.tables.survey.measurements import evaluation_of, fits, of_run
from seglab.tables.survey.wanted import Wanted

# measured: finished and evaluated here, on all splits. committed: in the CSV beside the plan. trained: finished, and
# not yet evaluated on all splits. untuned: what is to be trained is not known before its trials are done.
Status = Literal["measured", "committed", "trained", "running", "interrupted", "stale", "failed", "missing", "untuned"]


@dataclass(frozen=True, kw_only=True)
class State:
    """Of one row and seed."""

    row: str
    seed: int
    status: Status
    measurements: tuple[Measurement, ...] = ()  # what the table shows: one a split
    outdated: bool = False  # a measurement is a committed one, of a configuration that has changed since
    folder: Path | None = None  # of the run that the status is about
    reason: str | None = None  # why it failed
    seconds: float | None = None  # that its training took
    evaluation: Path | None = None  # folder of the evaluation that was measured, where the table has one split
    unscored: tuple[str, ...] = ()  # splits on which the finished run is still to be evaluated
    init_from: str | None = None  # of its configuration
    fingerprint: str = ""  # of its configuration: rows that differ in their evaluation alone have one

    @property
    def key(self) -> tuple[str, int]:
        """By which a table knows its runs."""
        return self.row, self.seed


def state_of(
    wanted: Wanted,
    *,
    candidates: Sequence[Run],
    committed: Sequence[Measurement],
    output: Path,
    outdated_too: bool,
) -> State:
    """What is known of a row with a seed.

    Args:
        candidates: the runs of its configuration, the earliest first.
        committed: its committed measurements, of any configuration and split.
        output: where controls/ lie, and the folder that the measurements name folders from.
        outdated_too: whether committed measurements of another configuration are shown.
    """
    if wanted.factor is not None:
        state = _of_control(wanted, output=output)
    else:
        state = _of_runs(candidates, wanted, output=output)
    lines = {line.protocol["split"]: line for line in committed if line.protocol["split"] in wanted.protocols}
    return _with_committed(state, lines, wanted, outdated_too=outdated_too)


def _of_control(wanted: Wanted, *, output: Path) -> State:
    """The state by the measurements of down-sampled ground truth that are kept under `output`."""
    assert wanted.factor is not None
    row, seed, kept = wanted.row, wanted.seed, []
    for protocol in wanted.protocols.values():
        folder = control.folder_of(output, wanted.fingerprint, protocol, factor=wanted.factor)
        result = control.read(folder, official="official" in wanted.extra)
        if result is not None:
            kept.append(control.measurement_of(result, row=row, seed=seed, folder=str(folder.relative_to(output))))
    complete = len(kept) == len(wanted.protocols)
    return State(row=row, seed=seed, status="measured" if complete else "missing", measurements=tuple(kept))


def _of_runs(candidates: Sequence[Run], wanted: Wanted, *, output: Path) -> State:
    """The state by the runs of one configuration: the finished one that was measured on most splits, else the last."""
    finished = [run for run in candidates if run.record["status"] == "finished"]
    if finished:
        scored = [_evaluations(run, wanted) for run in finished]
        best = max(range(len(finished)), key=lambda index: len(scored[index]))
        return _of_finished(finished[best], scored[best], wanted, output=output)
    if not candidates:
        return State(row=wanted.row, seed=wanted.seed, status="missing")
    state = runs.state(candidates[-1].folder)
    assert state.status != "pending"
    status: Status = "trained" if state.status == "finished" else state.status  # it ended while we looked
    return State(
        row=wanted.row, seed=wanted.seed, status=status, folder=candidates[-1].folder, reason=state.error,
        unscored=tuple(wanted.splits.values()) if status == "trained" else (),
    )  # fmt: skip


def _evaluations(run: Run, wanted: Wanted) -> dict[str, Mapping[str, Any]]:
    """{split: the run's evaluation on it} of those that were made."""
    evaluations = {
        split: evaluation_of(run, wanted=protocol, extra=wanted.extra) for split, protocol in wanted.protocols.items()
    }
    return {split: evaluation for split, evaluation in evaluations.items() if evaluation is not None}


def _of_finished(run: Run, scored: Mapping[str, Mapping[str, Any]], wanted: Wanted, *, output: Path) -> State:
    row, seed = wanted.row, wanted.seed
    measurements = tuple(
        of_run(run, evaluation, row=row, seed=seed, output=output, resolution=wanted.protocols[split]["resolution"])
        for split, evaluation in scored.items()
    )
    place = None
    if len(wanted.protocols) == 1:
        for evaluation in scored.values():
            place = run.folder / "evaluations" / Path(evaluation["folder"]).name  # also where the run was moved
    unscored = tuple(name for split, name in wanted.splits.items() if split not in scored)
    return State(
        row=row, seed=seed, status="trained" if unscored else "measured", measurements=measurements, folder=run.folder,
        seconds=run.record["seconds"], unscored=unscored,
        evaluation=place if place is not None and place.is_dir() else None,
    )  # fmt: skip


def _with_committed(state: State, lines: Mapping[str, Measurement], wanted: Wanted, *, outdated_too: bool) -> State:
    """The state with the committed lines {split: line} of what was not measured here."""
    if state.status == "measured":
        return state
    here = {measurement.protocol["split"]: measurement for measurement in state.measurements}
    kept = {split: line for split, line in lines.items() if split not in here}
    valid = {
        split: line
        for split, line in kept.items()
        if line.fingerprint == wanted.fingerprint and fits(line.protocol, wanted.protocols[split])
    }
    used = kept if outdated_too else valid
    state = replace(
        state,
        measurements=tuple((here | used)[split] for split in wanted.protocols if split in here or split in used),
        seconds=state.seconds or next((line.seconds for line in used.values() if wanted.factor is None), None),
        outdated=used.keys() > valid.keys(),
    )
    if len(here) + len(valid) == len(wanted.protocols):
        return replace(state, status="committed", unscored=())
    return state
