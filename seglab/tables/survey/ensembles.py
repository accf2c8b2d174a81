"""The seeds of a row as an ensemble: what the mean of their predictions scores, by the protocol of each of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seglab import runs
from seglab.display.several import MEMBERS, UNCERTAINTY
from seglab.evaluation.columns import ENSEMBLE_MIOU
from seglab.tables.comparison.protocol import identity
from seglab.tables.plan.model import Measurement, Plan
from seglab.tables.survey.standing import State


def with_ensembles(plan: Plan, states: Sequence[State]) -> tuple[State, ...]:
    """The states with the ensemble's mIoU in their measurements, where the table has that column and it was measured.

    A committed measurement brings its own.
    """
    if ENSEMBLE_MIOU not in plan.columns:
        return tuple(states)
    together = _by_row(plan, states)
    return tuple(
        replace(
            state,
            measurements=tuple(_with(measurement, together.get(state.row, ())) for measurement in state.measurements),
        )
        if state.status == "measured" and state.folder is not None
        else state
        for state in states
    )


def to_be_scored(plan: Plan, states: Sequence[State]) -> list[tuple[str, list[Path], list[str]]]:
    """[(row, folders of its runs, splits)] of the rows with every seed measured here, whose ensemble is not scored."""
    if ENSEMBLE_MIOU not in plan.columns:
        return []
    asked = []
    for row, members in _by_row(plan, states).items():
        folders = [member.folder for member in members if member.status == "measured" and member.folder is not None]
        if len(folders) < 2 or len(folders) < len(members):
            continue
        left = [
            measurement.protocol["split"]
            for measurement in members[0].measurements
            if measurement.ensemble_miou is None and UNCERTAINTY not in measurement.protocol
        ]
        if left:
            asked.append((row, folders, left))
    return asked


def _with(measurement: Measurement, members: Sequence[State]) -> Measurement:
    wanted = _compared(measurement.protocol)
    fingerprints = sorted(member.fingerprint for member in members)
    for evaluation in _evaluations(member.folder for member in members):
        protocol, resolution = evaluation["protocol"], measurement.protocol["resolution"]
        is_theirs = sorted(map(str, protocol.get(MEMBERS, ()))) == fingerprints
        if is_theirs and resolution in evaluation and _compared({**protocol, "resolution": resolution}) == wanted:
            return replace(measurement, ensemble_miou=float(evaluation[resolution]["metrics"]["miou"]))
    return measurement


def _compared(protocol: Mapping[str, Any]) -> object:
    """Of the protocol of an ensemble and of that of one of its runs."""
    return identity({key: value for key, value in protocol.items() if key != UNCERTAINTY})


def _evaluations(folders: Iterable[Path | None]) -> Iterable[Mapping[str, Any]]:
    for folder in folders:
        record = None if folder is None else runs.read_record(folder)
        yield from (record or {}).get("evaluations", {}).values()


def _by_row(plan: Plan, states: Sequence[State]) -> dict[str, list[State]]:
    """The members of each row's ensemble: a repetition would be one twice."""
    rows: dict[str, list[State]] = {}
    for state in states:
        if state.seed in plan.counted_seeds:
            rows.setdefault(state.row, []).append(state)
    return rows
