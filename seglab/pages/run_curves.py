"""The curves of runs: losses, scores and learning rate over the epochs, every class on demand, and the numbers."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seglab.display.numbers import NOT_THERE
from seglab.metrics.titles import TITLES, val_titles
from seglab.pages.chart import Group, Line, chart, values
from seglab.pages.html import folded, scrolling, table, text
from seglab.pages.run_files import RunFiles

Points = list[tuple[float, float]]  # epoch, counted from 1, and value

_MOST_POINTS = 600  # of a curve, and lines of the table
_MOST_MARKED = 6  # curves with a dot at the best value; more of them would be confetti
_LOSSES = {"train/loss": "train", "val/loss": "val"}
_IN_STEPS = {"train/loss_step": "train, each step"}  # of a run without a whole epoch
_CLASSES = {"val/iou/": "IoU", "val/dice/": "Dice"}


def run_curves(run: RunFiles, *, key: str, charts: dict[str, Any]) -> str:
    """The charts of one run; "" where nothing was logged.

    Args:
        key: of the run in the page.
        charts: {key: values} of the page's data, to which those of these charts are added.
    """
    history = run.history
    losses = _groups(history, _LOSSES) or _groups(history, _IN_STEPS)
    rates = {name: name.removeprefix("lr-") for name in _columns(history) if name.startswith("lr-")}
    drawn = [
        _chart(losses, "loss", key=f"{key}-loss", charts=charts, form=".4g"),
        _chart(_groups(history, val_titles(), percent=True), "scores on val, %", key=f"{key}-scores", charts=charts),
        _chart(_groups(history, rates), "learning rate", key=f"{key}-rate", charts=charts, form=".3g"),
    ]
    every_class = "".join(
        folded(f"{title} of every class", _chart(groups, f"{title} on val, %", key=f"{key}-{title}", charts=charts))
        for prefix, title in _CLASSES.items()
        if (groups := _groups(history, _of_classes(history, prefix), percent=True))
    )
    shown = "".join(drawn)
    return f'<div class="charts">{shown}</div>{every_class}{_numbers(history)}' if shown else ""


def shared_curves(named: Mapping[str, RunFiles], *, charts: dict[str, Any]) -> str:
    """A chart of each of the losses and the mIoU with a line for each run; "" where no run has any.

    Args:
        named: {label: run}.
    """
    drawn = []
    for column, title, percent in (
        ("val/miou", "mIoU on val, %", True), ("val/loss", "val loss", False), ("train/loss", "train loss", False),
    ):  # fmt: skip
        groups = [
            group._replace(label=label, colour=index)
            for index, (label, run) in enumerate(named.items())
            for group in _groups(run.history, {column: label}, percent=percent)
        ]
        form = ".1f" if percent else ".4g"
        drawn.append(_chart(groups, title, key=f"all-{column}", charts=charts, form=form, legend="runs shown"))
    shown = "".join(drawn)
    return f'<div class="charts">{shown}</div>' if shown else ""


def points(history: Sequence[Mapping[str, float]], column: str) -> Points:
    """The values of a column of metrics.csv over the epochs; several of one epoch are spread evenly over it."""
    found = [(epoch, row[column]) for epoch, row in zip(_epochs(history), history, strict=True) if column in row]
    counts: dict[int, int] = {}
    for epoch, _ in found:
        counts[epoch] = counts.get(epoch, 0) + 1
    seen: dict[int, int] = {}
    spread = []
    for epoch, value in found:
        seen[epoch] = seen.get(epoch, 0) + 1
        spread.append((epoch + seen[epoch] / counts[epoch], value))
    return spread


def _epochs(history: Sequence[Mapping[str, float]]) -> list[int]:
    """The epoch of each row, counted from 0; a row that does not say it, as of a learning rate, is before the next."""
    epochs: list[int] = []
    follows = None
    for row in reversed(history):
        if math.isfinite(row.get("epoch", math.nan)):
            follows = int(row["epoch"])
        epochs.append(-1 if follows is None else follows)
    epochs.reverse()
    behind = max(epochs, default=-1) + 1  # an epoch that was begun and has no other row
    return [behind if epoch < 0 else epoch for epoch in epochs]


def _groups(history: Sequence[Mapping[str, float]], titles: Mapping[str, str], *, percent: bool = False) -> list[Group]:
    """A group for each column with a value."""
    groups = []
    for index, (column, title) in enumerate(titles.items()):
        found = [(x, 100 * y if percent else y) for x, y in points(history, column)]
        known = [point for point in found if math.isfinite(point[1])]
        if known:
            best = max(known, key=lambda point: point[1]) if percent else None
            told = f"{title}: best {best[1]:.1f} % at epoch {best[0]:g}" if best else title
            groups.append(Group(title, index + 1, [Line(_thinned(found), told, best)]))
    return groups


def _thinned(found: Points) -> Points:
    step = -(-len(found) // _MOST_POINTS)
    return found if step <= 1 else [*found[::step], *([found[-1]] if (len(found) - 1) % step else [])]


def _chart(
    groups: Sequence[Group], title: str, *, key: str, charts: dict[str, Any], form: str = ".1f",
    legend: str = "curves shown",
) -> str:  # fmt: skip
    places = [x for group in groups for line in group.lines for x, _ in line.points]
    if not places:
        return ""
    bests = [line.told for group in groups for line in group.lines if line.best]
    if len(groups) > _MOST_MARKED:
        groups = [group._replace(lines=[line._replace(best=None) for line in group.lines]) for group in groups]
    x_range = (min(places), max(places))
    charts[key] = values(groups, x_title="epoch", x_range=x_range, form=form)
    return chart(
        groups,
        label=f"{title} over the epochs" + (f"; {'; '.join(bests[:4])}" if bests else ""),
        x_title="epoch",
        y_title=title,
        x_range=x_range,
        legend=legend,
        key=key,
    )


def _columns(history: Sequence[Mapping[str, float]]) -> list[str]:
    return list(dict.fromkeys(column for row in history for column in row))


def _of_classes(history: Sequence[Mapping[str, float]], prefix: str) -> dict[str, str]:
    return {column: column.removeprefix(prefix) for column in _columns(history) if column.startswith(prefix)}


def _numbers(history: Sequence[Mapping[str, float]]) -> str:
    """The validations as a table, for those who do not see curves."""
    titles = {**{f"val/{name}": f"{title} %" for name, title in TITLES.items()}, "val/loss": "val loss"}
    columns = {column: dict(points(history, column)) for column in (*_LOSSES, *titles)}
    columns = {column: found for column, found in columns.items() if found}
    places = sorted({x for found in columns.values() for x in found})[:_MOST_POINTS]
    heads = ["epoch", *(titles.get(column, "train loss") for column in columns)]
    lines = [_line(x, columns) for x in places]
    written = table((f'<th scope="col">{text(head)}</th>' for head in heads), lines, kind="numbers")
    return folded("The curves as numbers", scrolling(written, label="the curves as numbers")) if lines else ""


def _line(x: float, columns: Mapping[str, Mapping[float, float]]) -> str:
    cells = "".join(f"<td>{cell}</td>" for cell in _cells(x, columns))
    return f'<tr><th scope="row">{x:.4g}</th>{cells}</tr>'


def _cells(x: float, columns: Mapping[str, Mapping[float, float]]) -> Iterator[str]:
    for column, found in columns.items():
        value = found.get(x, math.nan)
        shown = f"{value:.4g}" if column.endswith("loss") else f"{100 * value:.1f}"
        yield shown if math.isfinite(value) else NOT_THERE
