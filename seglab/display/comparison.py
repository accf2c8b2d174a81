"""The comparison of a sweep's jobs: what differs, the scores, the best marked, failures below."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol

from seglab import runs
from seglab.display.numbers import NOT_THERE, decimal, exact, number, percent, took, word
from seglab.display.scores import protocol_words
from seglab.display.sheet import Cell, Sheet, comma_separated, markdown, show
from seglab.metrics.titles import FIRST, NARROW

# Of networks in a comparison: title and unit. Images a second are those of the training.
_COSTS = {"parameters": ("M params", 1e6), "flops": ("GFLOPs", 1e9), "images_per_second": ("img/s", 1.0)}
_ERROR_WIDTH = 160  # characters of a failed job's message below the table; all of it is in its record


class Overridden(Protocol):
    """A job of a sweep, told from the others by its overrides."""

    @property
    def overrides(self) -> Mapping[str, str]: ...


class Outcome(NamedTuple):
    """One line of a comparison. Metrics are fractions, `loss` is the validation loss; what is missing or NaN is a –."""

    overrides: Mapping[str, str]
    status: str  # "finished", "failed", "interrupted", "running"
    metrics: Mapping[str, float]
    best_epoch: int | None  # counted from 1
    seconds: float | None
    error: str | None
    costs: Mapping[str, float] = MappingProxyType({})  # "parameters", "flops" of one image, "images_per_second"


def print_comparison(records: Sequence[runs.Record], folder: Path) -> None:
    """Prints the comparison of a sweep and writes it into the sweep's folder as comparison.md and comparison.csv."""
    detail = "best epoch of each run"
    caption = next((protocol_words(record, detail) for record in records if "protocol" in record), detail)
    show_and_write(comparison_sheet([job_of(record) for record in records], caption=caption), folder)


def show_and_write(sheet: Sheet, folder: Path) -> None:
    """Prints the sheet, writes it as comparison.md and comparison.csv, and says where."""
    show(sheet)
    runs.write_atomically(folder / "comparison.md", markdown(sheet))
    runs.write_atomically(folder / "comparison.csv", comma_separated(sheet))
    print(f"{runs.shown(folder)}/comparison.md, comparison.csv")


def job_of(record: runs.Record) -> Outcome:
    """The line of one run in a comparison, from its record."""
    best = record.get("best") or {}
    typed = dict(override.lstrip("+").partition("=")[::2] for override in record.get("overrides", ()))
    return Outcome(
        overrides={key: value for key, value in typed.items() if key != "sweep"},  # the same, however it is quoted
        status=record["status"],
        metrics=best.get("metrics") or {},
        best_epoch=best["epoch"] + 1 if "epoch" in best else None,
        seconds=record.get("seconds"),
        error=record.get("error"),
        costs={key: record[key] for key in _COSTS if record.get(key) is not None},
    )


def comparison_sheet(jobs: Sequence[Outcome], *, caption: str) -> Sheet:
    """The jobs of a sweep in their order: overrides that differ, scores with the best marked, failures below."""
    keys = differing(jobs)
    unfinished = any(job.status != "finished" for job in jobs)
    columns = [(key, [word(job.overrides.get(key, "(default)")) for job in jobs]) for key in keys]
    columns = columns or [("job", [word(name_of(job, list(job.overrides))) for job in jobs])]
    words = len(columns)
    if unfinished:
        columns.append(("status", [word(job.status) for job in jobs]))
        words += 1
    columns += [(f"{NARROW[key]} %", _marked(jobs, key, best=max)) for key in FIRST]
    other_loss = any(key == "loss" or key.startswith(("loss.", "loss@")) for key in keys)
    has_loss = any("loss" in job.metrics for job in jobs)
    if has_loss:
        columns.append(("val loss", _marked(jobs, "loss", best=None if other_loss else min)))
    columns.append(("epoch", [number(job.best_epoch) for job in jobs]))
    if len({job.costs.get("parameters") for job in jobs}) > 1:  # the jobs compare networks
        columns += [(title, [_cost(job, key) for job in jobs]) for key, (title, _) in _COSTS.items()]
    columns.append(("time", [took(job.seconds) for job in jobs]))
    notes = ["best of its column: *"] if any(cell.best for _, cells in columns for cell in cells) else []
    if has_loss and other_loss:
        notes.append("val loss is not marked: the jobs have different losses")
    notes += [f"{job.status}: {name_of(job, keys)}: {one_line(job.error)}" for job in jobs if job.error]
    rows = list(zip(*(cells for _, cells in columns), strict=True))
    return Sheet(caption=caption, header=[title for title, _ in columns], rows=rows, words=words, notes=notes)


def _cost(job: Outcome, key: str) -> Cell:
    value = job.costs.get(key)
    return Cell(NOT_THERE, "") if value is None else Cell(f"{value / _COSTS[key][1]:.3g}", exact(value))


def differing(jobs: Sequence[Overridden]) -> list[str]:
    """The override keys, in the order of their first use, that not all jobs give the same value."""
    keys = dict.fromkeys(key for job in jobs for key in job.overrides)
    return [key for key in keys if len({job.overrides.get(key) for job in jobs}) > 1]


def _marked(jobs: Sequence[Outcome], key: str, *, best: Callable[[Iterable[float]], float] | None) -> list[Cell]:
    """The cells of one score; `best` is max, min, or None where nothing is to be marked."""
    values = [job.metrics.get(key, math.nan) for job in jobs]
    competes = [job.status == "finished" and not math.isnan(value) for job, value in zip(jobs, values, strict=True)]
    rivals = [value for value, rival in zip(values, competes, strict=True) if rival]
    winner = best(rivals) if best is not None and len(rivals) > 1 else None
    shown = decimal if key == "loss" else percent
    return [
        shown(value)._replace(best=rival and value == winner) for value, rival in zip(values, competes, strict=True)
    ]


def name_of(job: Overridden, keys: Sequence[str], *, otherwise: str = "(default)") -> str:
    """'loss=dice seed=1'; `otherwise` where the overrides tell nothing."""
    return " ".join(f"{key}={job.overrides[key]}" for key in keys if key in job.overrides) or otherwise


def one_line(message: str) -> str:
    """The message of an error for a note below a table, cut where it is long."""
    line = " ".join(message.split())
    return line if len(line) <= _ERROR_WIDTH else line[: _ERROR_WIDTH - 1] + "…"
