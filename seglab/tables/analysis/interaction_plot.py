"""Interactions as a figure: parallel lines are none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ACROSS = 3  # panels in a row
_ABREAST = 4  # entries of a legend
_SHIFT = 0.06  # between the points of two lines, of the distance of two levels: their intervals stand side by side
_MARKERS = "osD^vP*X"


class Panel(NamedTuple):
    """Two factors."""

    across: str  # the factor along the axis
    ticks: Sequence[str]  # its levels
    legend: str  # the other one
    lines: Mapping[str, Sequence[tuple[float, float]]]  # {level of it: (mean, half of its interval) at each tick}


def interaction_figure(panels: Sequence[Panel], *, score: str) -> Figure:
    """A panel for each pair of factors: the mean at the levels of the one, a line for each level of the other.

    Args:
        panels: of means and intervals in the unit of the score.
        score: title of the axis.
    """
    from matplotlib.figure import Figure

    across = min(_ACROSS, len(panels))
    down = -(-len(panels) // across)
    figure = Figure(figsize=(0.8 + 3.6 * across, 0.5 + 3.2 * down), dpi=120, layout="constrained")
    axes = figure.subplots(down, across, sharey=True, squeeze=False)
    for index, (place, panel) in enumerate(zip(axes.flat, panels, strict=False)):
        _draw(place, panel)
        if index % across == 0:
            place.set_ylabel(score)
    for empty in axes.flat[len(panels) :]:
        empty.set_visible(False)
    tested = any(not math.isnan(half) for panel in panels for line in panel.lines.values() for _, half in line)
    figure.supxlabel(
        "bars: 95 % interval of each mean alone, without what the seeds differ by" if tested else
        "no intervals: nothing can be tested", fontsize=8, color="0.35",
    )  # fmt: skip
    return figure


def _draw(axes: Axes, panel: Panel) -> None:
    for index, (name, line) in enumerate(panel.lines.items()):
        shift = _SHIFT * (index - (len(panel.lines) - 1) / 2)
        means, halves = zip(*line, strict=True)
        places = [place + shift for place in range(len(line))]
        bars = None if all(map(math.isnan, halves)) else halves
        axes.errorbar(places, means, yerr=bars, marker=_MARKERS[index % len(_MARKERS)], color=f"C{index % 10}",
                      markersize=5, linewidth=1.5, capsize=3, elinewidth=1, label=name)  # fmt: skip
    axes.set_xticks(range(len(panel.ticks)), labels=[_literal(tick) for tick in panel.ticks])
    axes.set_xlim(-0.4, len(panel.ticks) - 0.6)
    axes.set_xlabel(panel.across, parse_math=False)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    legend = axes.legend(title=panel.legend, frameon=False, fontsize=8, title_fontsize=8, loc="lower center",
                         bbox_to_anchor=(0.5, 1.0), ncols=min(_ABREAST, len(panel.lines)))  # fmt: skip
    for text in (*legend.get_texts(), legend.get_title()):
        text.set_parse_math(False)  # a label may hold a dollar


def _literal(text: str) -> str:
    return text.replace("$", r"\$")
