"""What of a row is chosen before it is trained: the trials that its YAML states, and what became of each.

`tune: {optimizer.lr: [1e-4, 1e-3]}` is a grid, every combination once. `tune: {trials: 8, optimizer.lr: {log: [1e-5,
1e-2]}}` is a random search: Bergstra and Bengio, Random Search for Hyper-Parameter Optimization, JMLR 13 (2012).
"""

import itertools
import json
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from seglab.config.overrides import quoted
from seglab.errors import SeglabError, did_you_mean
from seglab.evaluation.columns import ALL_CLASSES, class_of
from seglab.metrics.titles import TITLES
from seglab.tables.plan import settings, yaml_values
from seglab.tables.plan.yaml_values import check_unique, require

_OWN = ("trials", "seed", "column", "overrides")  # keys of `tune` that are no keys of a configuration
_DRAWS = 1000  # for each trial, until as many different ones are found
_DIGITS = 3  # significant ones of a number that is drawn


@dataclass(frozen=True, kw_only=True)
class Tune:
    """The trials of a row, and by what the best of them is chosen."""

    candidates: tuple[tuple[str, ...], ...]  # overrides of each trial, all different, in the order of the trials
    column: str = "miou"  # of the validation of a training, the higher the better
    seed: int | None = None  # of the trials; None: the first of the table
    overrides: tuple[str, ...] = ()  # of the trials alone: a shorter training, another validation part


NOT_TUNED = Tune(candidates=())  # `tune: false`, where the table tunes its rows

# diverged: its loss was not a number, so it has lost. All but these two are still to be trained, or to be mended.
Outcome = Literal["finished", "diverged", "running", "interrupted", "stale", "failed", "missing"]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A training of a row with values that may be chosen, and what became of it."""

    row: str  # as its YAML states it
    values: tuple[str, ...]  # one of the row's candidates
    seed: int
    fingerprint: str  # of the configuration
    column: str
    checkpoint: str  # whose score it is: best or last, as the row is evaluated
    dataset: str
    split: str  # on which it was validated, by the data set's own name
    outcome: Outcome
    score: float | None = None
    seconds: float | None = None
    device: str = ""
    commit: str = ""
    command: str = ""
    reason: str | None = None  # why it diverged or failed
    folder: Path | None = field(default=None, compare=False)  # of the run
    config: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)  # where it was composed

    @property
    def is_done(self) -> bool:
        return self.outcome in ("finished", "diverged")


def chosen(trials: Sequence[Trial]) -> Trial | None:
    """The trial with the highest score, of equal ones the first; None until every one is done.

    None as well where all of them diverged.
    """
    scored = [trial for trial in trials if trial.score is not None]
    if not scored or not all(trial.is_done for trial in trials):
        return None
    return max(scored, key=lambda trial: trial.score or 0.0)  # of equal ones max takes the first


def read(values: Mapping[str, Any], *, where: str) -> Tune | None:
    """What the key `tune` of a row or of a table says; None where it is left out, NOT_TUNED where it is false.

    Raises:
        SeglabError: names the first thing that is wrong.
    """
    stated, where = values.get("tune"), f"{where}: tune"
    if stated is None or stated is False:
        return None if stated is None else NOT_TUNED
    require(isinstance(stated, dict), where, "{KEY: [VALUE, ...], ...}, or false", repr(stated))
    space = {str(key): content for key, content in stated.items() if key not in _OWN}
    require(bool(space), where, "one key of conf/train.yaml or more, each with its values", "none")
    trials, seed = (_whole_number(stated, key, least, where=where) for key, least in (("trials", 2), ("seed", 0)))
    combinations = _grid(space, where=where) if trials is None else _drawn(space, trials, seed or 0, where=where)
    candidates = tuple(tuple(values) for values in combinations)
    require(len(candidates) >= 2, where, "two trials or more", f"one: {', '.join(candidates[0])} - make it an override")
    return Tune(
        candidates=candidates,
        column=_column(stated, where=where),
        seed=seed,
        overrides=settings.overrides(stated, "overrides", where=where),
    )


def shortened(tune: Tune, overrides: Sequence[str]) -> Tune:
    """The trials of a reduced form: what it decides of every training is not decided by the trials' own overrides."""
    decided = {settings.check_override(override, where="tune") for override in overrides}
    own = (override for override in tune.overrides if settings.check_override(override, where="tune") not in decided)
    return replace(tune, overrides=tuple(own))


def check_overrides(tune: Tune, overrides: Sequence[str], *, where: str) -> None:
    """Raises SeglabError where a row states a key itself that it is tuned in."""
    tuned = {settings.check_override(value, where=where) for value in tune.candidates[0]}
    for override in overrides:
        if settings.check_override(override, where=where) in tuned:
            raise SeglabError(f"{where}: expected keys that the row does not state itself; came {override!r} among its "
                              "overrides - leave it out there, or state tune: false")  # fmt: skip


def _grid(space: Mapping[str, Any], *, where: str) -> Iterator[tuple[str, ...]]:
    """Every combination of the values, the last key fastest."""
    lists = []
    for key, values in space.items():
        hint = "add trials: N to draw from a range" if isinstance(values, dict) else "list what is to be tried"
        require(isinstance(values, list) and values != [], f"{where}: {key}", "a list of values",
                f"{'none' if values == [] else repr(values)} - {hint}")  # fmt: skip
        lists.append(_typed_values(key, values, where=f"{where}: {key}"))
    return itertools.product(*lists)


def _drawn(space: Mapping[str, Any], trials: int, seed: int, *, where: str) -> list[tuple[str, ...]]:
    """So many different combinations, drawn at random. The first ones stay where the number grows.

    Each key has random numbers of its own, so that another one beside it changes none of its values.
    """
    streams = {key: random.Random(f"{seed} {key}") for key in space}
    ranges = {key: _range(key, content, where=where) for key, content in space.items()}
    drawn = dict[tuple[str, ...], None]()
    for _ in range(_DRAWS * trials):
        drawn[tuple(ranges[key](stream.random()) for key, stream in streams.items())] = None
        if len(drawn) == trials:
            return list(drawn)
    raise SeglabError(f"{where}: trials: expected at most as many as there are combinations; came {trials}, and only "
                      f"{len(drawn)} different ones were found - lower it, or leave it out for a grid")  # fmt: skip


def _range(key: str, content: Any, *, where: str) -> Callable[[float], str]:
    """A function from a number in [0, 1) to an override."""
    where = f"{where}: {key}"
    if isinstance(content, list):
        require(content != [], where, "a list of values", "none - list what is to be tried")
        typed = _typed_values(key, content, where=where)
        return lambda share: typed[int(share * len(typed))]
    one = isinstance(content, dict) and len(content) == 1 and next(iter(content)) in _KINDS
    require(one, where, "a list of values, or {log: [LOW, HIGH]}, {uniform: [LOW, HIGH]} or {whole: [LOW, HIGH]}",
            repr(content))  # fmt: skip
    ((kind, ends),) = content.items()
    where, came = f"{where}: {kind}", repr(ends)
    numbers = [_number(end) for end in ends] if isinstance(ends, list) else []
    known = len(numbers) == 2 and all(math.isfinite(number) for number in numbers)
    require(known and numbers[0] < numbers[1], where, "two numbers, the lower one first", came)
    low, high = numbers
    require(kind != "log" or low > 0, where, "two numbers > 0", came)
    require(kind != "whole" or (low == int(low) and high == int(high)), where, "two whole numbers", came)
    settings.check_override(f"{key}={_KINDS[kind](low, high, 0.0)!r}", where=where)
    return lambda share: f"{key}={_KINDS[kind](low, high, share)!r}"


def _rounded(value: float) -> float:
    """So that a command shows all of it."""
    return float(f"{value:.{_DIGITS}g}")


# How a number from LOW to HIGH is made of one in [0, 1).
_KINDS: dict[str, Callable[[float, float, float], float]] = {
    "log": lambda low, high, share: _rounded(math.exp(math.log(low) + share * math.log(high / low))),
    "uniform": lambda low, high, share: _rounded(low + share * (high - low)),
    "whole": lambda low, high, share: int(low) + int(share * (int(high) - int(low) + 1)),
}


def _typed_values(key: str, values: Sequence[Any], *, where: str) -> list[str]:
    """Overrides of a key, as they are typed."""
    typed = [f"{key}={_typed(value)}" for value in values]
    for override in typed:
        settings.check_override(override, where=where)
    check_unique(typed, where, "values")
    return typed


def _typed(value: Any) -> str:
    """A value in Hydra's grammar; equal for 1e-4, which is a text to some readers of YAML, and 0.0001."""
    if isinstance(value, str):
        number = _number(value)
        return repr(number) if math.isfinite(number) else quoted(value)
    if isinstance(value, list):
        return f"[{','.join(map(_typed, value))}]"
    return json.dumps(value)


def _number(value: Any) -> float:
    """Of a number or of a text that shows one; NaN for what is none."""
    if isinstance(value, str):
        for kind in (int, float):
            with suppress(ValueError):
                return kind(value)
    return value if type(value) in (int, float) else math.nan


def _whole_number(values: Mapping[str, Any], key: str, least: int, *, where: str) -> int | None:
    value = values.get(key)
    require(value is None or (type(value) is int and value >= least), f"{where}: {key}", f"a whole number >= {least}",
            repr(value))  # fmt: skip
    return value


def _column(values: Mapping[str, Any], *, where: str) -> str:
    column = yaml_values.said(values, "column", where=where) or "miou"
    if column not in TITLES and (class_of(column) is None or column == ALL_CLASSES):
        raise SeglabError(f"{where}: column: expected a score of every validation, one of {', '.join(TITLES)}, or "
                          f"iou/CLASS; came {column!r}{did_you_mean(column, TITLES)}")  # fmt: skip
    return column
