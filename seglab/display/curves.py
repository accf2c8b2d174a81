"""Curves of runs as a figure for a file: loss, Dice and IoU over the epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from seglab.metrics.titles import TITLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

History = Sequence[Mapping[str, float]]  # the rows of a metrics.csv

_LOSSES = {"train/loss": "train", "val/loss": "val"}
_SCORES = ("mdice", "miou")
_MOST_NAMED = 12  # runs: a legend of more would cover the curves


def curves_figure(histories: Mapping[str, History]) -> Figure:
    """Losses, mean Dice and mIoU over the epochs; the best value, which is marked, stands in the title.

    Args:
        histories: {name: rows of its metrics.csv} of one run, whose training loss is shown as well, or of several.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 3.8), dpi=120, layout="constrained")
    losses, *scores = figure.subplots(1, 1 + len(_SCORES))
    _draw_losses(losses, histories)
    for axes, name in zip(scores, _SCORES, strict=True):
        _draw_score(axes, histories, name)
    for axes in (losses, *scores):
        _finish(axes)
    return figure


def _draw_losses(axes: Axes, histories: Mapping[str, History]) -> None:
    several = len(histories) > 1
    lowest = []
    for name, history in histories.items():
        for key, title in _LOSSES.items():
            found = _points(history, key)
            if found and (key == "val/loss" or not several):
                axes.plot(*zip(*found, strict=True), marker=".", markersize=4, label=name if several else title)
                lowest += [(y, x, name) for x, y in found if key == "val/loss"]
    axes.set_title(_titled("val loss" if several else "loss", min(lowest, default=None), several=several, form=".3g"))


def _draw_score(axes: Axes, histories: Mapping[str, History], name: str) -> None:
    several = len(histories) > 1
    highest = []
    for index, (run, history) in enumerate(histories.items()):
        found = [(x, 100 * y) for x, y in _points(history, f"val/{name}")]
        if found:
            axes.plot(*zip(*found, strict=True), marker=".", markersize=4, color=f"C{index % 10}", label=run)
            highest.append(max((y, -x, index, run) for x, y in found))
    best = None
    if highest:
        value, negative, index, run = max(highest)
        axes.plot(-negative, value, "o", color=f"C{index % 10}", markersize=7)
        best = (value, -negative, run)
    axes.set_title(_titled(f"val {TITLES[name]}, %", best, several=several, form=".1f"))


def _titled(what: str, best: tuple[float, float, str] | None, *, several: bool, form: str) -> str:
    """'val mIoU, %: best 43.1 at epoch 7', and of which run."""
    if best is None:
        return what
    value, epoch, run = best
    return f"{what}: best {value:{form}} at epoch {epoch:.0f}" + (f"\n{run}" if several else "")


def _points(history: History, key: str) -> list[tuple[float, float]]:
    """(epoch from 1, value) of a column, without NaN."""
    rows = [row for row in history if "epoch" in row and math.isfinite(row.get(key, math.nan))]
    return [(row["epoch"] + 1, row[key]) for row in rows]


def _finish(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.title.set_fontsize(10)
    axes.title.set_parse_math(False)  # a name may hold a dollar
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    lines = [line for line in axes.lines if not str(line.get_label()).startswith("_")]
    if 1 < len(lines) <= _MOST_NAMED:
        for entry in axes.legend(frameon=False, fontsize=8).get_texts():
            entry.set_parse_math(False)
