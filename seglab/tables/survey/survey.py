"""How far a table is: which of its runs are finished, which are missing or failed, and what is known of them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from types import MappingProxyType
from typing import Any, get_args

from omegaconf import DictConfig

from seglab import runs
from seglab.data.corruptions.names import CORRUPTION
from seglab.display import numbers
from seglab.errors import SeglabError
from seglab.runs.find import find_runs
from seglab.runs.json_file import read_object
from seglab.tables.comparison.per_image import PerImage, read_per_image
from seglab.tables.comparison.sequential import reached
from seglab.tables.plan.budgets import form
from seglab.tables.plan.model import Measurement, Plan, Row
from seglab.tables.plan.tuning import Trial
from seglab.tables.survey import trials
from seglab.tables.survey.ensembles import with_ensembles
from seglab.tables.survey.standing import State, Status, state_of
from seglab.tables.survey.trials import Tuned
from seglab.tables.survey.wanted import wanted

_LEFT = ("running", "interrupted", "stale", "failed", "missing", "untuned")
_WORDS = {"measured": "measured here", "trained": "trained and not evaluated", "untuned": "not tuned yet"}
_ERROR_WIDTH = 160  # characters; all of it is in the run's record


@dataclass(frozen=True, kw_only=True)
class Survey:
    """Of the whole table, in the order of rows and seeds."""

    plan: Plan  # where seeds are added until it is settled, with those that are asked for by now
    states: tuple[State, ...]
    trials: Mapping[str, Sequence[Trial]] = field(default_factory=dict)  # {label in the YAML: those of a tuned row}

    def measurements(self) -> list[Measurement]:
        return [measurement for state in self.states for measurement in state.measurements]

    def current(self) -> list[Measurement]:
        """As `measurements`, without what a row with a committed one of another configuration shows."""
        return [measurement for state in self.states if not state.outdated for measurement in state.measurements]

    def of(self, row: str, seed: int) -> State:
        return next(state for state in self.states if state.key == (row, seed))

    def to_train(self, row: str, *, retry_failed: bool) -> list[int]:
        """The seeds of a row that nobody trains now; the failed ones only where they are to be tried again."""
        left = ("interrupted", "stale", "missing", *(["failed"] if retry_failed else []))
        return [state.seed for state in self.states if state.row == row and state.status in left]

    def to_evaluate(self) -> list[State]:
        return [state for state in self.states if state.status == "trained"]

    def images(self) -> dict[tuple[str, int], PerImage]:
        """The counts of each image of what was measured here, where a row has one seed alone, or ranks are asked for.

        Nothing where a table has several splits: there a row and a seed have several evaluations.
        """
        measured = Counter(state.row for state in self.states if state.measurements)
        if 1 not in measured.values() and not self.plan.ranks:
            return {}
        return {
            state.key: read_per_image(
                state.evaluation / "per_image.csv",
                resolution=state.measurements[0].protocol["resolution"],
                classes=list(state.measurements[0].class_iou),
            )
            for state in self.states
            if state.evaluation is not None
        }

    def corruptions(self) -> dict[str, list[Mapping[str, Any]]]:
        """{label: scores of corrupted images, as metrics.json holds them, of each run} that was evaluated here.

        Without a repetition, which counts nowhere.
        """
        found: dict[str, list[Mapping[str, Any]]] = {}
        for state in (state for state in self.states if state.seed in self.plan.counted_seeds):
            place = None if state.evaluation is None else state.evaluation / "metrics.json"
            if place is not None and place.is_file():
                scores = read_object(place, what="scores", cure="delete the folder and evaluate again") or {}
                if CORRUPTION in scores:
                    found.setdefault(state.row, []).append(scores[CORRUPTION])
        return found

    def pictures(self) -> dict[str, Path]:
        """{label: sheet of sample predictions} of the first run of each row that lies here."""
        pictures: dict[str, Path] = {}
        for state in self.states:
            sheets = sorted(state.folder.glob("pictures/*.png")) if state.status == "measured" and state.folder else []
            if sheets:
                pictures.setdefault(state.row, sheets[-1])
        return pictures

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
    own: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    tuned: Tuned | None = None,
) -> Survey:
    """What is known of every run of the table.

    A run that was finished and evaluated here goes before a committed measurement of the same configuration. A
    committed one of another configuration is shown where there is nothing else, and still counts as missing.

    Args:
        settings: the resolved values of conf/evaluate.yaml for this table; of several splits, any one.
        output: where runs/, sweeps/ and controls/ lie.
        outdated_too: whether committed measurements of another configuration are shown, where the seeds are a list.
        own: {label: settings} of the rows with an evaluation of their own.
        tuned: what is known of the table's trials, where rows are tuned; `plan` and `configurations` follow from it.

    Raises:
        SeglabError: two rows are the same experiment, and evaluated in the same way.
    """
    outdated_too = outdated_too and plan.until is None  # they would settle what they do not measure
    by_fingerprint = find_runs(output)
    rows = {row.label: row for row in plan.rows}
    states, seen = [], dict[tuple[str, str], str]()
    undecided = frozenset[str]() if tuned is None else tuned.undecided
    for (label, seed), cfg in configurations.items():
        recorded = [measurement for measurement in committed if measurement.key == (label, seed)]
        if label in undecided:
            states.append(_untuned(rows[label], seed, recorded if outdated_too else []))
            continue
        sought = wanted(plan, rows[label], seed=seed, config=runs.plain(cfg), settings=own.get(label, settings))
        measured = (sought.fingerprint, repr((sought.protocols, sought.extra)))
        other = seen.setdefault(measured, label)
        if other != label and rows[label].tune is None and rows[other].tune is None:
            raise SeglabError(
                f"table {plan.name}: expected a setting of its own for each row; {other!r} and {label!r} compose to "
                "the same configuration - remove one of them"
            )
        state = state_of(
            sought, candidates=by_fingerprint.get(sought.fingerprint, []),
            committed=recorded,
            output=output, outdated_too=outdated_too,
        )  # fmt: skip
        init_from = cfg.get(rows[label].needed_as)
        states.append(replace(state, init_from=init_from, fingerprint=sought.fingerprint))
    plan = reached(plan, [measurement for state in states for measurement in state.measurements])
    asked = {(row.label, seed) for row in plan.rows for seed in plan.seeds_of(row)}
    shown = with_ensembles(plan, [state for state in states if state.key in asked])
    return Survey(plan=plan, states=shown, trials={} if tuned is None else tuned.trials)


def _untuned(row: Row, seed: int, recorded: Sequence[Measurement]) -> State:
    """Of a row whose trials are not done; what is committed of it was of another choice, if of any."""
    return State(
        row=row.label, seed=seed, status="untuned", measurements=tuple(recorded), outdated=bool(recorded),
        fingerprint=f"untuned: {row.trained_as} seed {seed}",  # a stand-in: one run will serve all places of the row
    )  # fmt: skip


def counts(survey: Survey) -> str:
    """'12 runs: 9 measured here, 2 missing, 1 failed'."""
    count = Counter(state.status for state in survey.states)
    parts = [f"{count[status]} {_WORDS.get(status, status)}" for status in get_args(Status) if count[status]]
    return f"{len(survey.states)} runs: {', '.join(parts)}"


def lines(survey: Survey, estimates: Mapping[str, float] = MappingProxyType({})) -> Iterator[str]:
    """The status in words: one line of counts, one for each thing to be done, and the time that it takes.

    Args:
        estimates: {row: seconds that a run takes}, for rows without a finished run.
    """
    yield f"{form(survey.plan)}: {counts(survey)}"
    trained = {row.label for row in survey.plan.rows if row.downsample is None}
    left = once([state for state in survey.states if state.status in _LEFT and state.row in trained])
    left += [as_state(trial) for of_row in survey.trials.values() for trial in of_row if not trial.is_done]
    yield from trials.lines(survey.trials)
    for status in ("missing", "interrupted", "stale", "running", "trained"):
        rows = by_row(state.key for state in survey.states if state.status == status)
        if rows:
            yield f"  {_WORDS.get(status, status)}: {rows}"
    for state in survey.states:
        if state.status == "failed":
            assert state.folder is not None
            yield f"  failed: {state.row} seed {state.seed}: {_short(state.reason)}  ({runs.shown(state.folder)})"
    outcomes = [trial.outcome for of_row in survey.trials.values() for trial in of_row]
    if "failed" in [*outcomes, *(state.status for state in survey.states)]:
        yield "  what failed is left alone until its cause is mended: run=true retry_failed=true tries it again"
    if outdated := by_row(state.key for state in survey.states if state.outdated):
        yield f"  shown as committed, of a configuration that has changed since: {outdated}"
    if left:
        yield f"  to train what is left takes {_time(survey, left, estimates)}"


def as_state(trial: Trial) -> State:
    """A trial as a run that a survey tells of: one that is done is left alone."""
    outcome = trial.outcome
    status: Status = "trained" if outcome == "finished" or outcome == "diverged" else outcome
    seconds = trial.seconds if trial.outcome == "finished" else None  # one that diverged took less
    return State(
        row=trials.tuning_of(trial.row), seed=trial.seed, status=status, folder=trial.folder, reason=trial.reason,
        seconds=seconds, fingerprint=trial.fingerprint,
    )  # fmt: skip


def once(states: Iterable[State]) -> list[State]:
    """The first of those that one run serves."""
    return list({state.fingerprint or state.key: state for state in reversed([*states])}.values())[::-1]


def by_row(planned: Iterable[tuple[str, int]]) -> str:
    """'dice seeds 1, 2; focal seed 3' of [(row, seed), ...]."""
    seeds: dict[str, list[int]] = {}
    for row, seed in planned:
        seeds.setdefault(row, []).append(seed)
    return "; ".join(
        f"{row} seed{'s' if len(row_seeds) > 1 else ''} {', '.join(map(str, row_seeds))}"
        for row, row_seeds in seeds.items()
    )


def _time(survey: Survey, left: Sequence[State], estimates: Mapping[str, float]) -> str:
    """As long as the finished runs of the same row took on average, else as estimated, else as those of the table."""
    states = [*survey.states, *(as_state(trial) for of_row in survey.trials.values() for trial in of_row)]
    finished = [(state.row, state.seconds) for state in states if state.seconds is not None]
    if not finished and not estimates:
        return "an unknown time: no run of this table is finished - cost=true estimates it from a few steps"
    everywhere = fmean([seconds for _, seconds in finished] or estimates.values())
    total, sources = 0.0, set[str]()
    for state in left:
        same = [seconds for row, seconds in finished if row == state.row]
        total += fmean(same) if same else estimates.get(state.row, everywhere)
        sources.add("finished" if same or state.row not in estimates else "estimated")
    if sources == {"finished"} and finished:
        return f"about {numbers.duration(total)}, as long as the finished runs took"
    return f"about {numbers.duration(total)}, estimated from a few steps (cost=true shows it)"


def _short(message: str | None) -> str:
    text = " ".join((message or "no reason is known").split())
    return text if len(text) <= _ERROR_WIDTH else text[: _ERROR_WIDTH - 1] + "…"
