"""Scores of down-sampled ground truth, where a table misses them."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seglab import runs
from seglab.errors import SeglabError
from seglab.tables.plan.budgets import typed
from seglab.tables.plan.model import Plan, Row
from seglab.tables.survey import control
from seglab.tables.survey.configurations import configurations, evaluation_settings
from seglab.tables.survey.survey import Survey
from seglab.tables.survey.wanted import wanted

log = logging.getLogger("seglab")


def measure_controls(
    survey: Survey, rows: Sequence[Row], *, output: Path, overrides: Sequence[str], search_path: Sequence[str]
) -> None:
    """Scores the down-sampled ground truth of what is missing."""
    plan = survey.plan
    missing = [row for row in rows if row.downsample is not None and survey.to_train(row.label, retry_failed=False)]
    if not missing:
        return
    composed = configurations(plan, overrides=overrides, search_path=search_path)
    settings = runs.plain(evaluation_settings(plan, search_path=search_path))
    for row in missing:
        log.info("%s, %s: scoring the ground truth", plan.name, row.label)
        try:
            _measure_control(plan, row, runs.plain(composed[row.label, plan.seeds[0]]), settings, output=output)
        except SeglabError as error:
            log.error("%s, %s: NOT MEASURED: %s", plan.name, row.label, error)


def _measure_control(
    plan: Plan, row: Row, config: Mapping[str, Any], settings: Mapping[str, Any], *, output: Path
) -> None:
    """Keeps the scores of the splits that are missing."""
    from seglab.tables.launch.downsampled import measure  # torch and all the rest are imported here

    assert row.downsample is not None
    sought = wanted(plan, row, seed=plan.seeds[0], config=config, settings=settings)
    official = "official" in sought.extra
    for name, protocol in sought.protocols.items():
        folder = control.folder_of(output, sought.fingerprint, protocol, factor=row.downsample)
        if control.read(folder, official=official) is None:
            result = measure(
                {**settings, "split": sought.splits[name]}, config=config, factor=row.downsample, official=official,
                command=["python", "-m", "seglab.table", *typed(plan), "run=true"],
            )  # fmt: skip
            control.write(folder, result)
