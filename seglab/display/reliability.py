"""Figures of calibration: the reliability diagram, and the risk over the coverage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHARE, _RIGHT, _GAP = "0.8", "#2b6cb0", "#d5342b"


def calibration_figure(diagrams: Mapping[str, Any]) -> Figure:
    """The accuracy of the pixels of each bin of confidence beside their mean confidence; and the risk-coverage curve.

    Args:
        diagrams: {"reliability": {"pixels", "correct", "confidence"} of each bin,
            "risk_coverage": {"coverage", "risk"}, "titles": over the one and the other}, as
            seglab.evaluation.extras makes them.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.6), dpi=120, layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_reliability(left, diagrams["reliability"])
    _draw_risk(right, diagrams["risk_coverage"])
    for axes, title in zip((left, right), diagrams["titles"], strict=True):
        axes.set_title(title, fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_reliability(axes: Axes, bins: Mapping[str, list[float]]) -> None:
    pixels, correct, confidence = (
        np.asarray(bins[key], dtype=np.float64) for key in ("pixels", "correct", "confidence")
    )
    edges = np.linspace(0, 1, len(pixels) + 1)
    centres, width = (edges[:-1] + edges[1:]) / 2, 1 / len(pixels)
    filled = pixels > 0
    accuracy, sure = correct[filled] / pixels[filled], confidence[filled] / pixels[filled]
    axes.bar(centres, pixels / max(pixels.sum(), 1), width, color=_SHARE, label="share of the pixels")
    axes.plot([0, 1], [0, 1], "--", color="0.4", linewidth=1, label="calibrated")
    axes.vlines(sure, np.minimum(accuracy, sure), np.maximum(accuracy, sure), color=_GAP, alpha=0.6, label="gap")
    axes.plot(sure, accuracy, marker="o", markersize=4, color=_RIGHT, label="accuracy")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="mean confidence of a bin", ylabel="accuracy, share")
    axes.set_aspect("equal")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8, loc="upper left")


def _draw_risk(axes: Axes, curve: Mapping[str, list[float]]) -> None:
    coverage, risk = (100 * np.asarray(curve[key]) for key in ("coverage", "risk"))
    axes.plot(coverage, risk, color=_RIGHT)
    axes.fill_between(coverage, risk, color=_RIGHT, alpha=0.12)
    for kept in (80, 90, 95):
        axes.axvline(kept, color="0.6", linewidth=0.8, linestyle=":")
    axes.set(xlim=(0, 100), xlabel="coverage: the most confident pixels, %", ylabel="risk: wrong ones of them, %")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
