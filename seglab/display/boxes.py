"""Box plots of scores of images, beside the threshold that parts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def boxes_figure(scores: Mapping[str, Sequence[float]], *, threshold: float, title: str) -> Figure:
    """A box of each {what the images are: their scores}, on a logarithmic axis where all are above 0."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.6 * len(scores) + 2.6, 4.2), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.boxplot(
        list(scores.values()),
        tick_labels=[f"{name}\n({len(values)} images)" for name, values in scores.items()],
        widths=0.5,
        flierprops={"marker": ".", "markersize": 4, "markeredgecolor": "0.5"},
        medianprops={"color": "tab:orange"},
    )
    if all(value > 0 for values in scores.values() for value in values):
        axes.set_yscale("log")
    axes.axhline(threshold, color="tab:red", linestyle="--", linewidth=1, label=f"threshold {threshold:.3g}")
    axes.set_ylabel("score")
    axes.set_title(title, fontsize=10)
    axes.legend(loc="best", fontsize=8)
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
    return figure
