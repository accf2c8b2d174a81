"""Which looks were made at a table whose seeds are added until it is settled: kept, as looking cannot be undone.

What each look said follows from the measurements; at how many seeds the looks were planned to be does not. The 5 %
are shared between these: who plans others after the first look has seen the data, and the shares no longer hold.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seglab import runs
from seglab.runs.json_file import read_object
from seglab.tables.comparison.comparison import Comparison
from seglab.tables.plan.budgets import form
from seglab.tables.plan.model import Plan

FILE = "looks.json"  # in the table's folder


def committed_looks(plan: Plan, home: Path) -> Path:
    """Where they are committed, beside the table's YAML."""
    return home / f"{form(plan)}.{FILE}"


def warning(comparison: Comparison, places: Sequence[Path]) -> str | None:
    """What is to be said where other looks were planned when the first was made.

    Nothing where no look was made, and of a table whose seeds are a list.

    Args:
        places: that hold what was kept before.

    Raises:
        SeglabError: a file cannot be read.
    """
    schedules = _schedules(comparison, places)
    if len(schedules) < 2:
        return None
    first, planned = schedules[0], comparison.plan.until.looks if comparison.plan.until else ()
    return (
        f"the looks were planned at {', '.join(map(str, first))} seeds when the first was made, and are at "
        f"{', '.join(map(str, planned))} now: the p-values and intervals hold for looks that are planned before the "
        "first"
    )


def keep(comparison: Comparison, places: Sequence[Path]) -> str | None:
    """As `warning`, and writes the looks that were made into the first of the files."""
    schedules = _schedules(comparison, places)
    if not schedules:
        return None
    told = warning(comparison, places)
    made = {
        label: {"looks": decision.looks, "seeds": decision.seeds, "settled": decision.settled}
        for label, decision in comparison.decisions.items()
    }
    places[0].parent.mkdir(parents=True, exist_ok=True)
    runs.write_atomically(places[0], json.dumps({"planned": schedules, "made": made}, indent=1) + "\n")
    return told


def _schedules(comparison: Comparison, places: Sequence[Path]) -> list[list[int]]:
    """The seeds at the looks, as they were planned: first those before, then those of now; none without a look."""
    until = comparison.plan.until
    if until is None or not any(decision.looks for decision in comparison.decisions.values()):
        return []
    planned = [*(looks for place in places for looks in _read(place).get("planned", [])), list(until.looks)]
    return [looks for index, looks in enumerate(planned) if looks not in planned[:index]]


def _read(path: Path) -> dict[str, Any]:
    cure = "take it from the repository, or delete it where no look was made"
    return read_object(path, what="the looks at a table", cure=cure, required={"planned": list}) or {}
