"""What n seeds show, drawn: power over the difference for some numbers of seeds, the smallest difference over n."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seglab.tables.analysis.power import POWER, power
from seglab.tables.analysis.power_sheet import SEEDS, Answer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHOWN = (2, 3, 5, 10, 20)  # seeds with a curve of their own
_POINTS = 80  # of a curve
_FIRST = 3  # seeds, from which on the smallest differences fit one axis


def power_figure(answer: Answer) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 4.2), dpi=120, layout="constrained")
    left, right = figure.subplots(1, 2)
    _power_curves(left, answer)
    _smallest(right, answer)
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        for entry in axes.legend(frameon=False, fontsize=8).get_texts():
            entry.set_parse_math(False)  # the title of a column may hold a dollar
    return figure


def _power_curves(axes: Axes, answer: Answer) -> None:
    question, deviation = answer.question, answer.deviation.value
    differences = np.linspace(0, 1.1 * max(answer.alone[_FIRST], question.difference or 0.0), _POINTS)
    for n in _SHOWN:
        axes.plot(differences, [100 * power(one / deviation, n) for one in differences], label=f"{n} seeds")
    axes.axhline(100 * POWER, color="0.5", linestyle="--", linewidth=1)
    if question.difference is not None:
        axes.axvline(question.difference, color="0.5", linestyle=":", linewidth=1.5)
    axes.set_title(f"one row alone\n(deviation {deviation:.2g} points)", fontsize=10)
    axes.set_xlabel(f"true difference in {question.column}, points")
    axes.set_ylabel("power of the paired t test, %")
    axes.set_ylim(0, 102)
    axes.set_xlim(0, differences[-1])


def _smallest(axes: Axes, answer: Answer) -> None:
    question, deviation = answer.question, answer.deviation
    shown = [n for n in SEEDS if n >= _FIRST]
    lines = {"one row alone": answer.alone}
    if question.rows > 1:
        lines[f"one of {question.rows} rows, Holm"] = answer.family
    for index, (label, smallest) in enumerate(lines.items()):
        values = np.array([smallest[n] for n in shown])
        axes.plot(shown, values, marker=".", color=f"C{index}", label=label)
        low, high = (values * end / deviation.value for end in (deviation.low, deviation.high))
        axes.fill_between(shown, low, high, color=f"C{index}", alpha=0.15, linewidth=0)
    if question.difference is not None:
        axes.axhline(question.difference, color="0.5", linestyle=":", linewidth=1.5, label="asked for")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")
    axes.set_title(f"smallest difference with {100 * POWER:.0f} % power\n(bands: deviation's interval)", fontsize=10)
    axes.set_xlabel("seeds")
    axes.set_xticks(shown[::2])
    axes.set_ylabel(f"difference in {question.column}, points")
