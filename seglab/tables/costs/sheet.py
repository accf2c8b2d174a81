"""The costs of a table as they are shown."""

from collections.abc import Sequence

from seglab.display.numbers import cell, duration, took, word
from seglab.display.sheet import Cell, Sheet
from seglab.tables.costs.costs import FILE, Cost
from seglab.tables.plan.model import Plan
from seglab.tables.survey.trials import tuning_of

_HEADER = ("row", "known from", "batch", "s/step", "steps", "a run", "runs", "left", "all runs")


def cost_sheet(plan: Plan, costs: Sequence[Cost]) -> Sheet:
    """One line for each row that is trained, and the sum."""
    rows = [_line(cost) for cost in costs]
    priced = [cost for cost in costs if cost.seconds is not None]
    whole, left = (sum(n * (cost.seconds or 0.0) for n, cost in zip(ns, priced, strict=True))
                   for ns in ([cost.seeds for cost in priced], [cost.left for cost in priced]))  # fmt: skip
    total = [word("all"), *[word("")] * 5, cell(sum(cost.seeds for cost in costs), ","),
             cell(sum(cost.left for cost in costs), ","), took(whole)]  # fmt: skip
    return Sheet(
        caption=f"{plan.title}: {headline(costs)}",
        header=_HEADER,
        rows=rows,
        words=2,
        mean=total,
        notes=[*_notes(plan, costs), f"left to be trained: {duration(left)}"],
    )


def headline(costs: Sequence[Cost]) -> str:
    """'at most 3.2 GPU hours (estimated from a few steps of each row on NVIDIA H100)'."""
    priced = [cost for cost in costs if cost.seconds is not None]
    if not costs:
        return "nothing is trained"
    if not priced:
        return "the costs are unknown"
    seconds = sum(cost.seconds * cost.seeds for cost in priced if cost.seconds is not None)
    on_cpu = all((cost.device or "").startswith("cpu") for cost in priced)
    if seconds < 360:
        shown, unit = duration(seconds), "on the CPU" if on_cpu else "of a GPU"
    else:
        shown = f"{seconds / 3600:,.0f}" if seconds >= 36_000 else f"{seconds / 3600:.2g}"
        unit = "hours on the CPU" if on_cpu else "GPU hours"
    most = "at most " if any(cost.at_most for cost in priced) else ""
    least = " without the rows that are unknown" if len(priced) < len(costs) else ""
    sources = []
    if any(cost.measured for cost in priced):
        sources.append("measured: finished runs of the row")
    if devices := list(dict.fromkeys(cost.device or "" for cost in priced if not cost.measured)):
        sources.append(f"estimated from a few steps of each row on {', '.join(devices)}")
    return f"{most}{shown} {unit}{least} ({'; '.join(sources)})"


def _line(cost: Cost) -> list[Cell]:
    if cost.seconds is None:
        source = cost.error or "unknown: cost=true estimates it"
    else:
        source = f"measured, {cost.device}" if cost.measured else f"estimated{', scaled' if cost.part else ''}"
    total = None if cost.seconds is None else cost.seconds * cost.seeds
    return [word(cost.row), word(source), cell(cost.batch_size, ","), cell(cost.step, ".3g"), cell(cost.steps, ","),
            took(cost.seconds), cell(cost.seeds, ","), cell(cost.left, ","), took(total)]  # fmt: skip


def _notes(plan: Plan, costs: Sequence[Cost]) -> list[str]:
    notes = []
    if any(cost.row == tuning_of(row.trained_as) for cost in costs for row in plan.rows):
        notes.append("tuning: without the trial that is one of the row's own runs, where it has their seed")
    if any(cost.at_most for cost in costs):
        notes.append("at most: a row with early stopping may end sooner than its last epoch")
    if any(cost.seconds is not None and not cost.measured for cost in costs):
        notes.append("estimated: from three training steps and a validation step on images of noise; reading images, "
                     "checkpoints and the evaluation are not counted")  # fmt: skip
        notes.append(f"kept in {FILE} of the table's folder; delete it to estimate again")
    if parts := dict.fromkeys(cost.part for cost in costs if cost.part):
        notes.append(f"scaled: on a CPU only {' or '.join(map(str, parts))} were timed, and the time grown with the "
                     "pixels")  # fmt: skip
    return notes
