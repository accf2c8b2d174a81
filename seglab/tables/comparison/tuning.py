"""What has to be said of a table whose rows were tuned."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from seglab.data.shares import overlap
from seglab.tables.comparison.cautions import listed
from seglab.tables.plan.model import Plan
from seglab.tables.plan.tuning import Trial

Trials = Mapping[str, Sequence[Trial]]  # {label of a row in the table's YAML: its trials}


def unequal_chances(plan: Plan) -> list[str]:
    """That one row was tuned more than another: of more trials the best is better, whatever the row is."""
    rows = {row.trained_as: row.tune for row in plan.rows if row.downsample is None}
    numbers = {label: 0 if tune is None else len(tune.candidates) for label, tune in rows.items()}
    if len(set(numbers.values())) < 2:
        return []
    told = listed(f"{label} {number or 'none'}" for label, number in numbers.items())
    return [f"the rows had no equal chances; trials of their tuning: {told}"]


def chosen_where_reported(
    trials: Trials, protocol: Mapping[str, Any], *, rows: Collection[str], where: str
) -> list[str]:
    """That the values of rows were chosen on the very images that their scores are of.

    Args:
        protocol: of the scores; before anything is measured, what the plan says of it.
        rows: that were measured so, or are to be, by their labels in the table's YAML.
        where: " (split val)", of the block that they stand in; "" where it is the only one.
    """
    alike = [
        label
        for label, (first, *_) in trials.items()
        if protocol.get("dataset", first.dataset) == first.dataset
        and overlap(protocol.get("split", first.split), first.split)
        and label in rows
    ]
    if not alike:
        return []
    first = trials[alike[0]][0]
    also = " and the epoch of the best checkpoint" if first.checkpoint == "best" else ""
    reported = protocol.get("split", first.split)
    scored = "it" if reported == first.split else f"{reported}, which may hold the same images"
    return [f"{listed(alike)}{where}: tuned on {first.dataset} {first.split}, and scored on {scored}: the tuned values"
            f"{also} were chosen by these images, so the scores are optimistic"]  # fmt: skip
