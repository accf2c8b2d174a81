"""What the trainings of a table cost, before they run: as long as finished runs took, or estimated from a few steps."""

import json
import logging
import math
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from seglab import runs
from seglab.errors import SeglabError
from seglab.multirun import gpus
from seglab.runs.json_file import read_object
from seglab.tables.plan.budgets import form
from seglab.tables.plan.model import Plan
from seglab.tables.survey.standing import State
from seglab.tables.survey.survey import Survey, as_state, once
from seglab.tables.survey.trials import tuned_rows, tuning_of

FILE = "costs.json"  # in the table's folder: the estimates, by fingerprint and device

log = logging.getLogger("seglab")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one training of a row, with the seconds unknown where nothing is known or an estimate failed."""

    row: str
    seeds: int
    left: int  # of them still to be trained
    seconds: float | None = None  # of one run
    measured: bool = False  # in finished runs; else estimated from a few steps
    device: str | None = None
    at_most: bool = False  # it may end sooner
    batch_size: int | None = None
    step: float | None = None  # seconds
    steps: int | None = None  # of a run
    part: str | None = None  # of a batch, which was measured for the whole: '2 images of 96x192'
    error: str | None = None


def device_here(config: Mapping[str, Any]) -> str:
    """What the configuration would be trained on in this process, told without torch: a key for estimates."""
    accelerator = config["trainer"]["accelerator"]
    if accelerator not in ("auto", "cpu") or (accelerator == "auto" and gpus.slots()):
        return f"GPU of {socket.gethostname()}"
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"CPU of {socket.gethostname()}, {os.environ.get('OMP_NUM_THREADS', cpus)} threads"


def of_rows(
    survey: Survey, configs: Mapping[str, Mapping[str, Any]], kept: Mapping[str, Mapping[str, Any]]
) -> list[Cost]:
    """Of every row that is trained, in the order of the table.

    Args:
        configs: {row: resolved configuration with the first seed}.
        kept: {key: what `seglab.diagnostics.step_times` measured}, see `read`.
    """
    costs, trained = [], once(survey.states)
    for row in survey.plan.rows:
        if row.downsample is not None:
            continue
        states = [state for state in trained if state.row == row.label]
        if not states:  # another row's runs serve it
            continue
        left = sum(state.status not in ("measured", "committed", "trained") for state in states)
        costs.append(_cost(Cost(row=row.label, seeds=len(states), left=left), states, configs[row.label], kept))
    return [*costs, *_of_trials(survey, kept)]


def _of_trials(survey: Survey, kept: Mapping[str, Mapping[str, Any]]) -> list[Cost]:
    """Of the trials of each tuned row, without one that will be a run of the row itself."""
    costs = []
    for row, trials in survey.trials.items():
        tune = tuned_rows(survey.plan)[row].tune
        assert tune is not None
        states = [as_state(trial) for trial in trials]
        left = sum(not trial.is_done for trial in trials)
        served = int(not tune.overrides and trials[0].seed in survey.plan.seeds)
        unknown = Cost(row=tuning_of(row), seeds=len(trials) - served, left=max(0, left - served))
        costs.append(_cost(unknown, states, configs_of_trials(survey)[tuning_of(row)], kept))
    return costs


def configs_of_trials(survey: Survey) -> dict[str, dict[str, Any]]:
    """{what its cost is called: configuration of a trial, one that is left where one is} of all tuned rows."""
    configs = {}
    for row, trials in survey.trials.items():
        first = next((trial for trial in trials if not trial.is_done), trials[0])
        configs[tuning_of(row)] = dict(first.config or {})
    return configs


def _cost(
    unknown: Cost, states: Sequence[State], config: Mapping[str, Any], kept: Mapping[str, Mapping[str, Any]]
) -> Cost:
    """As the finished of the runs took, else as it was estimated, else unknown."""
    finished = _measured(states, on_cpu=device_here(config).startswith("CPU"))
    if finished:
        seconds, devices = zip(*finished, strict=True)
        return replace(unknown, seconds=fmean(seconds), measured=True, device=", ".join(dict.fromkeys(devices)))
    times = kept.get(key_of(config))
    return unknown if times is None else _estimated(unknown, times, config)


def key_of(config: Mapping[str, Any]) -> str:
    """Of an estimate: what is trained, and on what."""
    return f"{runs.fingerprint(config)} {device_here(config)}"


def read(plan: Plan, output: Path) -> dict[str, dict[str, Any]]:
    """The estimates that were made for this form of the table, by key; none where the file is damaged."""
    with suppress(SeglabError):
        return read_object(_path(plan, output), what="estimates", cure="delete it", values=dict) or {}
    return {}


def keep(estimates: Mapping[str, Any], plan: Plan, output: Path) -> None:
    path = _path(plan, output)
    path.parent.mkdir(parents=True, exist_ok=True)
    runs.write_atomically(path, json.dumps(estimates, indent=1) + "\n")


def _path(plan: Plan, output: Path) -> Path:
    return output / "tables" / form(plan) / FILE


def _may_end_sooner(config: Mapping[str, Any]) -> bool:
    return any("EarlyStopping" in str((node or {}).get("_target_")) for node in config["callbacks"].values())


def _measured(states: Sequence[State], *, on_cpu: bool) -> list[tuple[float, str]]:
    """(seconds, device) of the finished runs, without committed ones of other configurations and kinds of device."""
    finished = []
    for state in states:
        if state.seconds is None or state.outdated:
            continue
        device = state.measurements[0].device if state.measurements else "this machine"
        if state.status != "committed" or (device == "cpu") == on_cpu:
            finished.append((state.seconds, device))
    return finished


def _estimated(unknown: Cost, kept: Mapping[str, Any], config: Mapping[str, Any]) -> Cost:
    if "error" in kept:
        return replace(unknown, error=kept["error"])
    data, images = config["data"], kept["images"]
    timed = replace(unknown, device=kept["device"], batch_size=kept["batch_size"], step=kept["train_step"],
                    at_most=_may_end_sooner(config))  # fmt: skip
    if images["train"] is None or images["val"] is None:
        return replace(timed, error="how many images there are is only known from the files: data.root")
    per_epoch = _batches(images["train"] // data["batch_size"], config["trainer"]["limit_train_batches"])
    steps, epochs = _length(config["trainer"], per_epoch)
    if steps is None:
        return replace(timed, error="it has no end: trainer.max_epochs and max_steps are both -1")
    val_batches = math.ceil(images["val"] / (data["eval_batch_size"] or data["batch_size"]))
    val_steps = _batches(val_batches, config["trainer"]["limit_val_batches"])
    validations = _validations(config["trainer"], epochs=epochs, steps=steps, per_epoch=per_epoch)
    seconds = steps * kept["train_step"] + validations * val_steps * kept["val_step"]
    whole = kept.get("whole", [data["batch_size"], *(data["size"] or kept["measured_on"][1:])])
    count, height, width = kept["measured_on"]
    part = None if kept["measured_on"] == whole else f"{count} images of {height}x{width}"
    return replace(timed, seconds=seconds, steps=steps, part=part)


def _batches(count: int, limit: float | None) -> int:
    """`count`, limited to a number of batches or to a share of them, as Lightning reads it."""
    if limit is None:
        return count
    return min(count, limit) if isinstance(limit, int) else int(count * limit)


def _length(trainer: Mapping[str, Any], per_epoch: int) -> tuple[int | None, float]:
    """Batches of a training, and its epochs. `max_steps` counts the optimizer's steps."""
    ends = []
    if trainer["max_epochs"] not in (None, -1):
        ends.append(trainer["max_epochs"] * per_epoch)
    if trainer["max_steps"] != -1:
        ends.append(trainer["max_steps"] * trainer["accumulate_grad_batches"])
    return (min(ends), min(ends) / max(1, per_epoch)) if ends else (None, 0.0)


def _validations(trainer: Mapping[str, Any], *, epochs: float, steps: int, per_epoch: int) -> float:
    interval = trainer["val_check_interval"]
    if interval is None:
        return epochs // (trainer["check_val_every_n_epoch"] or 1)
    return epochs / interval if isinstance(interval, float) else steps / max(1, min(interval, per_epoch or interval))
