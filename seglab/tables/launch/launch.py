"""Trains and evaluates what a table misses, each in a process of its own, by the commands a user would type."""

import logging
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from seglab import runs
from seglab.config.overrides import quoted
from seglab.errors import SeglabError
from seglab.multirun import process as processes
from seglab.runs import calibration
from seglab.runs import init_from as first_weights
from seglab.tables.launch.controls import measure_controls
from seglab.tables.plan.model import Plan, Row
from seglab.tables.survey.configurations import evaluation_overrides, in_order
from seglab.tables.survey.ensembles import to_be_scored
from seglab.tables.survey.survey import State, Survey, once

log = logging.getLogger("seglab")


def train_missing(
    survey: Survey,
    *,
    output: Path,
    overrides: Sequence[str],
    search_path: Sequence[str],
    retry_failed: bool,
    rows: Collection[str] | None = None,
) -> None:
    """Trains what is not finished, row by row, as jobs of the sweep that is named like the table.

    A row comes behind the one that it starts or learns from; where that one's run is not there then, it is not trained,
    and that is said. Down-sampled ground truth is measured. A failure is told or left in the job's record, and the
    others go on.

    Args:
        rows: labels of those to be trained, where not all are.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM came; the job that ran has saved its state.
    """
    plan = survey.plan
    picked = [row for row in in_order(plan.rows) if rows is None or row.label in rows]
    measure_controls(survey, picked, output=output, overrides=overrides, search_path=search_path)
    flags = [flag for path in search_path for flag in ("--config-dir", path)]
    retry = ["retry_failed=true"] if retry_failed else []
    for row, seeds in _to_train(survey, picked, retry_failed=retry_failed):
        # One that needs another row's run has another init_from or teacher with each seed; where each source of chance
        # has a seed, that is several keys.
        for together in [seeds] if row.needs is None and plan.noise is None else [[seed] for seed in seeds]:
            start = survey.of(row.label, together[0]).init_from if row.needs is not None else None
            if start is not None and not _is_there(start, plan, row, together[0], output=output):
                continue
            log.info("%s, %s: training seed%s %s", plan.name, row.label, "s" if len(together) > 1 else "",
                     ", ".join(map(str, together)))  # fmt: skip
            arguments = train_arguments(plan, row, together, output=output, overrides=overrides, init_from=start)
            _call("seglab.train", ["-m", *flags, *arguments, *retry])


def _to_train(survey: Survey, rows: Sequence[Row], *, retry_failed: bool) -> list[tuple[Row, list[int]]]:
    """The rows that are trained, with their seeds; also those whose committed scores are known, but whose weights are
    needed by a row that starts from them."""
    seeds: dict[str, list[int]] = {}
    for row in reversed(rows):
        if row.downsample is not None:
            continue
        left = survey.to_train(row.label, retry_failed=retry_failed)
        for other in rows:
            if other.needs == row.label:
                left += [seed for seed in seeds[other.label]
                         if seed not in left and survey.of(row.label, seed).status == "committed"]  # fmt: skip
        seeds[row.label] = sorted(left, key=survey.plan.seeds.index)
    planned = [survey.of(row.label, seed) for row in rows for seed in seeds.get(row.label, ())]
    once_each = {state.key for state in once(planned)}  # rows may differ in their evaluation alone
    left_of = {row.label: [seed for seed in seeds.get(row.label, ()) if (row.label, seed) in once_each] for row in rows}
    return [(row, left_of[row.label]) for row in rows if left_of[row.label]]


def _is_there(init_from: str, plan: Plan, row: Row, seed: int, *, output: Path) -> bool:
    try:
        first_weights.locate(init_from, output=output)
    except SeglabError as error:
        how = "starts" if row.learns_from is None else "learns"
        log.error("%s, %s seed %d: NOT TRAINED, as it %s from %s: %s", plan.name, row.label, seed, how, row.needs,
                  error)  # fmt: skip
        return False
    return True


def evaluate_trained(states: Sequence[State], plan: Plan, *, search_path: Sequence[str]) -> None:
    """Evaluates each finished run on each split that is left, as the `evaluation` of the table and of its row says.

    A failure is told, and the others go on.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM came.
    """
    flags = [flag for path in search_path for flag in ("--config-dir", path)]
    rows = {row.label: row for row in plan.rows}
    unscored = [(state, split) for state in states for split in state.unscored]
    asked = set[tuple[Path, tuple[str, ...]]]()  # tuned rows may end at one configuration
    for state, split in unscored:
        assert state.folder is not None
        overrides = evaluation_overrides(plan, row=rows[state.row], split=split)
        if (state.folder, tuple(overrides)) in asked:
            continue
        asked.add((state.folder, tuple(overrides)))
        where = f"{plan.name}, {state.row} seed {state.seed}"
        log.info("%s: evaluating on %s", where, split)
        run = f"run={quoted(runs.shown(state.folder.absolute()))}"
        _calibrate(state.folder, run, plan.evaluation_of(rows[state.row]))
        code = _call("seglab.evaluate", [*flags, run, *overrides])
        if code:
            log.error("%s: the evaluation on %s FAILED, exit code %d", where, split, code)


def evaluate_ensembles(states: Sequence[State], plan: Plan, *, search_path: Sequence[str]) -> None:
    """Scores the seeds of each row together, where the table has that column; a failure is told, the others go on."""
    flags = [flag for path in search_path for flag in ("--config-dir", path)]
    rows = {row.label: row for row in plan.rows}
    for label, folders, splits in to_be_scored(plan, states):
        run = f"run=[{','.join(quoted(runs.shown(folder.absolute())) for folder in folders)}]"
        for split in splits:
            log.info("%s, %s: evaluating its %d seeds together on %s", plan.name, label, len(folders), split)
            overrides = evaluation_overrides(plan, row=rows[label], split=split)
            if code := _call("seglab.evaluate", [*flags, run, "uncertainty=ensemble", *overrides]):
                log.error("%s, %s: the evaluation of its seeds together FAILED, exit code %d", plan.name, label, code)


def _calibrate(folder: Path, run: str, evaluation: Mapping[str, Any]) -> None:
    """Fits the temperatures that an evaluation asks for, where the run has none yet; a failure is told by both."""
    method, checkpoint = evaluation.get("calibrated"), evaluation.get("checkpoint", "best")
    if method is not None and not calibration.path_of(folder, checkpoint=checkpoint, method=method).is_file():
        _call("seglab.calibrate", [run, f"method={method}", f"checkpoint={checkpoint}"])


def train_arguments(
    plan: Plan,
    row: Row,
    seeds: Sequence[int],
    *,
    output: Path,
    overrides: Sequence[str],
    init_from: str | None = None,
) -> list[str]:
    """The overrides of `python -m seglab.train -m` that train a row with these seeds."""
    return [
        *plan.common,
        *row.overrides,
        *overrides,
        *([] if init_from is None else [f"{row.needed_as}={init_from}"]),
        *_typed_seeds(plan, seeds),
        f"sweep={plan.name if plan.budget == 'full' else f'{plan.name}_{plan.budget}'}",
        *([] if output == Path("outputs") else [f"output={quoted(str(output))}"]),
    ]


def _typed_seeds(plan: Plan, seeds: Sequence[int]) -> list[str]:
    """['seed=1,2'], or of one run ['seeds.init=1', 'seeds.order=2']."""
    if plan.noise is None:
        return [f"seed={','.join(map(str, seeds))}"]
    return [f"{key}={value}" for key, value in plan.seed_settings(seeds[0]).items()]


def _call(module: str, arguments: Sequence[str]) -> int:
    """The exit code of a command, which is shown first. Its log goes where ours does; its tables are left out."""
    log.info("$ %s", shlex.join(["python", "-m", module, *arguments]))
    process = processes.start(arguments, module=module, output=None, fork=False)
    with processes.signals_reach(process) as received:
        code = process.wait(None)
    if received:
        raise KeyboardInterrupt
    assert code is not None
    return code
