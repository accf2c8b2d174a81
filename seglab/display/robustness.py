"""mIoU over the severity of corruption as a figure: of a run by groups of corruptions, of a table by its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CLEAN = 0  # the place of the images as they are, before the first severity


def figure_of_run(result: Mapping[str, Any]) -> Figure:
    """A line for each group of corruptions; of metrics.json what stands at "corruption"."""
    return _figure({"": {group: [curve(result, group)] for group in result["groups"]}})


def figure_of_rows(results: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """A panel for each group of corruptions, in it a line for each row with the deviation over its seeds.

    Args:
        results: {label of a row: what stands at "corruption" in the metrics.json of each of its runs}.
    """
    groups = dict.fromkeys(group for runs in results.values() for run in runs for group in run["groups"])
    return _figure(
        {
            group: {
                label: [curve(run, group) for run in runs if group in run["groups"]] for label, runs in results.items()
            }
            for group in groups
        }
    )


def curve(result: Mapping[str, Any], group: str) -> dict[int, float]:
    """{severity: mIoU in percent}, of the clean images at 0."""
    points = {_CLEAN: result["clean"], **{int(key): value for key, value in result["groups"][group].items()}}
    return {severity: 100 * value for severity, value in points.items()}


def _figure(panels: Mapping[str, Mapping[str, Sequence[Mapping[int, float]]]]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.6 + 3.6 * len(panels), 3.8), dpi=120, layout="constrained")
    for axes, (title, lines) in zip(
        figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels.items(), strict=True
    ):
        for index, (name, runs) in enumerate(lines.items()):
            _line(axes, name, runs, colour=f"C{index % 10}")
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("severity")
        axes.set_xticks(sorted({severity for runs in lines.values() for run in runs for severity in run}))
        axes.xaxis.set_major_formatter(lambda value, _: "clean" if value == _CLEAN else f"{value:g}")
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("mIoU, %")
    for entry in figure.axes[-1].legend(frameon=False, fontsize=8).get_texts():
        entry.set_parse_math(False)  # a label may hold a dollar
    return figure


def _line(axes: Axes, name: str, runs: Sequence[Mapping[int, float]], *, colour: str) -> None:
    """The mean over the runs, and a band of one standard deviation where there are several."""
    severities = sorted({severity for run in runs for severity in run})
    values = [[run[severity] for run in runs if severity in run] for severity in severities]
    means = [fmean(found) for found in values]
    axes.plot(severities, means, marker=".", color=colour, label=name)
    if all(len(found) > 1 for found in values):
        spread = [stdev(found) for found in values]
        axes.fill_between(severities, [mean - one for mean, one in zip(means, spread, strict=True)],
                          [mean + one for mean, one in zip(means, spread, strict=True)],
                          color=colour, alpha=0.2, linewidth=0)  # fmt: skip
