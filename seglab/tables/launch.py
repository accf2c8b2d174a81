"""Trains and evaluates what a table misses, each in a process of its own, by the commands a user would type."""

import json
import logging
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from seglab import jobs, runs
from seglab.tables.configurations import evaluation_overrides
from seglab.tables.model import Plan, Row
from seglab.tables.state import State, Survey

log = logging.getLogger("seglab")


def train_missing(
    survey: Survey, *, output: Path, overrides: Sequence[str], search_path: Sequence[str], retry_failed: bool
) -> None:
    """Trains what is not finished, row by row, as jobs of the sweep that is named like the table.

    A failure is left in the job's record, and the other jobs go on.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM came; the job that ran has saved its state.
    """
    for row in survey.plan.rows:
        seeds = survey.to_train(row.label, retry_failed=retry_failed)
        if seeds:
            log.info("%s, %s: training seeds %s", survey.plan.name, row.label, ", ".join(map(str, seeds)))
            arguments = train_arguments(survey.plan, row, seeds, output=output, overrides=overrides)
            flags = [flag for path in search_path for flag in ("--config-dir", path)]
            _call("seglab.train", ["-m", *flags, *arguments, *(["retry_failed=true"] if retry_failed else ())])


def evaluate_trained(states: Sequence[State], plan: Plan, *, search_path: Sequence[str]) -> None:
    """Evaluates each finished run once, as the table's `evaluation` says. A failure is told, and the others go on.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM came.
    """
    for state in states:
        assert state.folder is not None
        log.info("%s, %s: evaluating seed %d", plan.name, state.row, state.seed)
        flags = [flag for path in search_path for flag in ("--config-dir", path)]
        run = f"run={_quoted(runs.shown(state.folder.absolute()))}"
        code = _call("seglab.evaluate", [*flags, run, *evaluation_overrides(plan)])
        if code:
            log.error("%s, %s seed %d: the evaluation FAILED, exit code %d", plan.name, state.row, state.seed, code)


def train_arguments(plan: Plan, row: Row, seeds: Sequence[int], *, output: Path, overrides: Sequence[str]) -> list[str]:
    """The overrides of `python -m seglab.train -m` that train a row with these seeds."""
    return [
        *plan.common,
        *row.overrides,
        *overrides,
        f"seed={','.join(map(str, seeds))}",
        f"sweep={plan.name}",
        *([] if output == Path("outputs") else [f"output={_quoted(str(output))}"]),
    ]


def _quoted(text: str) -> str:
    """`text` as a quoted value of Hydra's grammar, where it needs to be."""
    return text if all(sign.isalnum() or sign in "/_-." for sign in text) else json.dumps(text, ensure_ascii=False)


def _call(module: str, arguments: Sequence[str]) -> int:
    """The exit code of a command, which is shown first. Its log goes where ours does; its tables are left out."""
    log.info("$ %s", shlex.join(["python", "-m", module, *arguments]))
    process = _Child(module, arguments)
    with jobs.signals_reach(process) as received:
        code = process.wait(None)
    if received:
        raise KeyboardInterrupt
    assert code is not None
    return code


class _Child:
    """A command in a session of its own: Ctrl-C reaches it once, through us, and it dies with us."""

    def __init__(self, module: str, arguments: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env={**os.environ, jobs.LIFELINE: "1"},
        )  # fmt: skip

    def wait(self, seconds: float | None) -> int | None:
        self._process.wait(seconds)
        return self._process.returncode

    def send(self, signal_number: int) -> None:
        self._process.send_signal(signal_number)
