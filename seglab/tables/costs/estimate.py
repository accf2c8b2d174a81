"""The costs of a table's rows, timed in a process of its own: this one imports no torch."""

import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from seglab import runs
from seglab.tables.costs import costs
from seglab.tables.costs.costs import Cost
from seglab.tables.survey.composed import Composed
from seglab.tables.survey.survey import Survey

log = logging.getLogger("seglab")

STEPS = ("-m", "seglab.diagnostics.step_times")


def known_costs(survey: Survey, composed: Composed, *, output: Path) -> list[Cost]:
    """Of each row that is trained: measured in finished runs, estimated before, or unknown."""
    return costs.of_rows(survey, configs_of_rows(composed), costs.read(survey.plan, output))


def estimate_missing(survey: Survey, composed: Composed, *, output: Path) -> None:
    """Times the rows of which nothing is known, and keeps what comes out. A failed one is timed again at each call."""
    configs = configs_of_rows(composed) | costs.configs_of_trials(survey)
    unknown = [cost.row for cost in known_costs(survey, composed, output=output) if cost.seconds is None]
    if unknown:
        log.info("%s: timing a few steps of %d rows", survey.plan.name, len(unknown))
        times = timed({row: configs[row] for row in unknown}, STEPS)
        kept = costs.read(survey.plan, output)
        costs.keep({**kept, **{costs.key_of(configs[row]): one for row, one in times.items()}}, survey.plan, output)


def configs_of_rows(composed: Composed) -> dict[str, dict[str, Any]]:
    """{row: resolved configuration with its first seed}."""
    configs: dict[str, dict[str, Any]] = {}
    for (row, _), cfg in composed.configurations.items():
        if row not in configs:
            configs[row] = runs.plain(cfg)
    return configs


def timed(configs: Mapping[str, Mapping[str, Any]], program: Sequence[str]) -> dict[str, dict[str, Any]]:
    """{row: what a program of seglab.diagnostics says} of each resolved configuration.

    A process that dies, for want of memory perhaps, costs the row that it was at; the others are timed by a new one.
    """
    times: dict[str, dict[str, Any]] = {}
    while left := [row for row in configs if row not in times]:
        with tempfile.TemporaryFile("w+") as messages:
            code = _time(configs, left, times, program, messages)
            if len(times) < len(configs):
                messages.seek(0)
                said = [line.strip() for line in messages.read().splitlines() if line.strip()]
                stopped = next(row for row in left if row not in times)
                times[stopped] = {"error": f"the process ended with code {code}: {said[-1] if said else 'no message'}"}
    return times


def _time(
    configs: Mapping[str, Mapping[str, Any]],
    rows: Sequence[str],
    times: dict[str, dict[str, Any]],
    program: Sequence[str],
    messages: IO[str],
) -> int:
    """The exit code of a process that adds a line for each row to `times`."""
    with _process(program, messages) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):  # it died before it read them
            json.dump([configs[row] for row in rows], process.stdin)
            process.stdin.close()
        for row, line in zip(rows, process.stdout, strict=False):
            times[row] = json.loads(line)
        return process.wait()


@contextmanager
def _process(program: Sequence[str], messages: IO[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, *program],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=messages, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()  # after Ctrl-C; one that has ended feels nothing
        with suppress(BrokenPipeError), process:
            pass  # waited for, its pipes closed
