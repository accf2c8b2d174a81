"""How far a table is: which of its runs are finished, which are missing or failed, and what is known of them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, get_args

from omegaconf import DictConfig

from seglab import report, runs
from seglab.errors import SeglabError
from seglab.tables.measurements import Run, evaluation_of, find_runs, of_run, wanted_protocol
from seglab.tables.model import Measurement, Plan
from seglab.tables.per_image import PerImage, read_per_image
from seglab.tables.plan import OFFICIAL

# measured: finished and evaluated here. committed: in the CSV beside the plan. trained: finished, not yet evaluated.
Status = Literal["measured", "committed", "trained", "running", "interrupted", "stale", "failed", "missing"]
_LEFT = ("running", "interrupted", "stale", "failed", "missing")
_WORDS = {"measured": "measured here", "trained": "trained and not evaluated"}
_ERROR_WIDTH = 160  # characters; all of it is in the run's record


@dataclass(frozen=True, kw_only=True)
class State:
    """Of one row and seed."""

    row: str
    seed: int
    status: Status
    measurement: Measurement | None = None  # what the table shows
    outdated: bool = False  # the measurement is a committed one, of a configuration that has changed since
    folder: Path | None = None  # of the run that the status is about
    reason: str | None = None  # why it failed
    seconds: float | None = None  # that its training took
    evaluation: Path | None = None  # folder of the evaluation that was measured


@dataclass(frozen=True, kw_only=True)
class Survey:
    """Of the whole table, in the order of rows and seeds."""

    plan: Plan
    states: tuple[State, ...]

    def measurements(self) -> list[Measurement]:
        return [state.measurement for state in self.states if state.measurement is not None]

    def to_train(self, row: str, *, retry_failed: bool) -> list[int]:
        """The seeds of a row that nobody trains now; the failed ones only where they are to be tried again."""
        wanted = ("interrupted", "stale", "missing", *(["failed"] if retry_failed else []))
        return [state.seed for state in self.states if state.row == row and state.status in wanted]

    def to_evaluate(self) -> list[State]:
        return [state for state in self.states if state.status == "trained"]

    def images(self) -> dict[tuple[str, int], PerImage]:
        """The counts of each image of what was measured here, where a row has one seed alone to be compared by."""
        measured = Counter(state.row for state in self.states if state.measurement is not None)
        if 1 not in measured.values():
            return {}
        return {
            (state.row, state.seed): read_per_image(
                state.evaluation / "per_image.csv",
                resolution=state.measurement.protocol["resolution"],
                classes=list(state.measurement.class_iou),
            )
            for state in self.states
            if state.evaluation is not None and state.measurement is not None
        }

    def pictures(self) -> dict[str, Path]:
        """{label: sheet of sample predictions} of the first run of each row that lies here."""
        found: dict[str, Path] = {}
        for state in self.states:
            sheets = sorted(state.folder.glob("pictures/*.png")) if state.status == "measured" and state.folder else []
            if sheets:
                found.setdefault(state.row, sheets[-1])
        return found

    def is_complete(self) -> bool:
        return all(state.status in ("measured", "committed") for state in self.states)


def survey(
    plan: Plan,
    configurations: Mapping[tuple[str, int], DictConfig],
    *,
    settings: Mapping[str, Any],
    output: Path,
    committed: Sequence[Measurement],
    outdated_too: bool,
) -> Survey:
    """What is known of every run of the table.

    A run that was finished and evaluated here goes before a committed measurement of the same configuration. A
    committed one of another configuration is shown where there is nothing else, and still counts as missing.

    Args:
        settings: the resolved values of conf/evaluate.yaml for this table.
        output: where runs/ and sweeps/ lie.
        outdated_too: whether committed measurements of another configuration are shown.

    Raises:
        SeglabError: two rows are the same experiment.
    """
    found = find_runs(output)
    lines = {(each.row, each.seed): each for each in committed}
    extra = [*settings["extra"], *(["official"] if any(column in OFFICIAL for column in plan.columns) else ())]
    states, seen = [], dict[str, str]()
    for (row, seed), cfg in configurations.items():
        config = runs.plain(cfg)
        fingerprint = runs.fingerprint(config)
        if (other := seen.setdefault(fingerprint, row)) != row:
            raise SeglabError(
                f"table {plan.name}: expected a setting of its own for each row; {other!r} and {row!r} compose to the "
                "same configuration - remove one of them"
            )
        state = _of_runs(
            found.get(fingerprint, []), row=row, seed=seed, output=output,
            wanted=wanted_protocol(settings, config), extra=extra,
        )  # fmt: skip
        states.append(
            _with_committed(state, lines.get((row, seed)), fingerprint=fingerprint, outdated_too=outdated_too)
        )
    return Survey(plan=plan, states=tuple(states))


def _of_runs(
    found: Sequence[Run], *, row: str, seed: int, output: Path, wanted: Mapping[str, Any], extra: Sequence[str]
) -> State:
    """The state by the runs of one configuration: the first measured one, else the first finished, else the last."""
    finished = [run for run in found if run.record["status"] == "finished"]
    for run in finished:
        evaluation = evaluation_of(run, wanted=wanted, extra=extra)
        if evaluation is not None:
            measurement = of_run(run, evaluation, row=row, seed=seed, output=output, resolution=wanted["resolution"])
            place = run.folder / "evaluations" / Path(evaluation["folder"]).name  # also where the run was moved
            return State(row=row, seed=seed, status="measured", measurement=measurement, folder=run.folder,
                         seconds=measurement.seconds, evaluation=place if place.is_dir() else None)  # fmt: skip
    if finished:
        folder, record = finished[0]
        return State(row=row, seed=seed, status="trained", folder=folder, seconds=record["seconds"])
    if not found:
        return State(row=row, seed=seed, status="missing")
    state = runs.state(found[-1].folder)
    assert state.status != "pending"
    status: Status = "trained" if state.status == "finished" else state.status  # it ended while we looked
    return State(row=row, seed=seed, status=status, folder=found[-1].folder, reason=state.error)


def _with_committed(state: State, line: Measurement | None, *, fingerprint: str, outdated_too: bool) -> State:
    if line is None or state.status == "measured":
        return state
    if line.fingerprint == fingerprint:
        return State(row=state.row, seed=state.seed, status="committed", measurement=line, seconds=line.seconds)
    if not outdated_too:
        return state
    return State(**{**vars(state), "measurement": line, "outdated": True, "seconds": state.seconds or line.seconds})


def counts(survey: Survey) -> str:
    """'12 runs: 9 measured here, 2 missing, 1 failed'."""
    count = Counter(state.status for state in survey.states)
    parts = [f"{count[status]} {_WORDS.get(status, status)}" for status in get_args(Status) if count[status]]
    return f"{len(survey.states)} runs: {', '.join(parts)}"


def lines(survey: Survey) -> Iterator[str]:
    """The status in words: one line of counts, one for each thing to be done, and the time that it takes."""
    yield f"{survey.plan.name}: {counts(survey)}"
    left = [state for state in survey.states if state.status in _LEFT]
    for status in ("missing", "interrupted", "stale", "running", "trained"):
        rows = by_row((state.row, state.seed) for state in survey.states if state.status == status)
        if rows:
            yield f"  {_WORDS.get(status, status)}: {rows}"
    for state in survey.states:
        if state.status == "failed":
            assert state.folder is not None
            yield f"  failed: {state.row} seed {state.seed}: {_short(state.reason)}  ({runs.shown(state.folder)})"
    if outdated := by_row((state.row, state.seed) for state in survey.states if state.outdated):
        yield f"  shown as committed, of a configuration that has changed since: {outdated}"
    if left:
        yield f"  to train what is left takes {_time(survey, left)}"


def by_row(planned: Iterable[tuple[str, int]]) -> str:
    """'dice seeds 1, 2; focal seed 3' of [(row, seed), ...]."""
    seeds: dict[str, list[int]] = {}
    for row, seed in planned:
        seeds.setdefault(row, []).append(seed)
    return "; ".join(
        f"{row} seed{'s' if len(some) > 1 else ''} {', '.join(map(str, some))}" for row, some in seeds.items()
    )


def _time(survey: Survey, left: Sequence[State]) -> str:
    """As long as the finished runs of the same row took on average, or those of the table; without any: unknown."""
    known = [state for state in survey.states if state.seconds is not None]
    if not known:
        return "an unknown time: no run of this table is finished"
    everywhere = fmean(state.seconds for state in known if state.seconds is not None)
    total = 0.0
    for state in left:
        same = [each.seconds for each in known if each.row == state.row and each.seconds is not None]
        total += fmean(same) if same else everywhere
    return f"about {report.duration(total)}, as long as the finished runs took"


def _short(message: str | None) -> str:
    text = " ".join((message or "no reason is known").split())
    return text if len(text) <= _ERROR_WIDTH else text[: _ERROR_WIDTH - 1] + "…"
