"""What a check of a data set found: tables for the terminal, check.json, loss weights, a figure of the classes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seglab import runs
from seglab.data.statistics import ClassStatistics
from seglab.diagnostics.dataset import Problem, SplitReport
from seglab.display import sheet
from seglab.display.numbers import number, word
from seglab.labels import LabelSpace
from seglab.training import class_weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

JSON, FIGURE, WEIGHTS = "check.json", "class_distribution.png", "class_weights"
_MOST_SHOWN = 20  # problems of one level on the terminal; the file has them all
_MARKERS, _COLORS = ("o", "D", "^"), ("#1f4e79", "#d1642a", "#3f8f5a")


def show(reports: Sequence[SplitReport], problems: Sequence[Problem], *, title: str) -> None:
    """Prints one row for each split, one for each class, and the problems."""
    counted = _counted(reports)
    sheet.show(_splits(reports, title=title))
    if counted:
        sheet.show(_classes(counted))
    for level, heading in (("error", "Errors"), ("suspicion", "To be looked at"), ("note", "To be known")):
        listed = [problem for problem in problems if problem.level == level]
        if listed:
            print(f"{heading} ({len(listed)})")
        for problem in listed[:_MOST_SHOWN]:
            print(f"  {problem.split}: {problem.message}")
        if len(listed) > _MOST_SHOWN:
            print(f"  ... and {len(listed) - _MOST_SHOWN} more, all of them in {JSON}")


def write(reports: Sequence[SplitReport], problems: Sequence[Problem], folder: Path, *, labels: LabelSpace) -> None:
    """Writes check.json, class_weights/SCHEME.yaml of the training split, and class_distribution.png."""
    folder.mkdir(parents=True, exist_ok=True)
    counted = _counted(reports)
    training = next((statistics for name, statistics in counted.items() if name.startswith("train")), None)
    weights = {} if training is None else _weights(training)
    content = {
        "labels": labels.name,
        "splits": {report.name: _described(report) for report in reports},
        "problems": [problem._asdict() for problem in problems],
        "class_weights": weights,
    }
    runs.write_atomically(folder / JSON, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    for scheme, values in weights.items():
        (folder / WEIGHTS).mkdir(exist_ok=True)
        text = class_weights.as_text(values, labels, comment=f"{scheme}, of the training split as it was checked")
        runs.write_atomically(folder / WEIGHTS / f"{scheme}.yaml", text)
    if counted:
        class_figure(counted).savefig(folder / FIGURE)


def class_figure(counted: Mapping[str, ClassStatistics]) -> Figure:
    """Share of the pixels (logarithmic) and of the images for each class and split; the commonest class on top."""
    from matplotlib.figure import Figure

    first = next(iter(counted.values()))
    order = np.argsort(first.shares, kind="stable")  # the rarest first: matplotlib counts upwards
    count = len(order)
    figure = Figure(figsize=(10, 1.6 + 0.24 * max(count, 6)), dpi=120, layout="constrained")
    pixels, images = figure.subplots(1, 2, sharey=True, gridspec_kw={"width_ratios": [3, 2]})
    least = min((share for split in counted.values() for share in split.shares if share > 0), default=1e-4) * 100
    floor = 10 ** np.floor(np.log10(least / 2))
    offsets = np.linspace(0.22, -0.22, len(counted)) if len(counted) > 1 else [0.0]
    for index, (name, split) in enumerate(counted.items()):
        style = {"marker": _MARKERS[index % 3], "color": _COLORS[index % 3], "s": 22, "linewidths": 1}
        height = np.arange(count) + offsets[index]
        share = 100 * split.shares[order]
        there = share > 0
        label = f"{name}: {split.images} images, {100 * split.void_share:.1f} % void"
        pixels.scatter(share[there], height[there], label=label, **style)
        pixels.scatter(np.full((~there).sum(), floor), height[~there], facecolors="none", clip_on=False,
                       **{**style, "color": None, "edgecolors": style["color"]})  # fmt: skip
        images.scatter(100 * np.array(split.images_with)[order] / max(1, split.images), height, **style)
    pixels.set_xscale("log")
    pixels.set_xlim(floor, 100)
    pixels.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    pixels.set_xlabel("% of the labelled pixels (hollow, at the left edge: none)")
    images.set_xlabel("% of the images contain the class")
    images.set_xlim(-2, 102)
    pixels.set_yticks(range(count), [first.names[index] for index in order], fontsize=9 if count <= 24 else 8)
    pixels.set_ylim(-0.6, count - 0.4)
    for axes in (pixels, images):
        axes.grid(axis="x", alpha=0.3)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0, pad=8)
        axes.spines[["top", "right", "left"]].set_visible(False)
        for row in range(0, count, 2):
            axes.axhspan(row - 0.5, row + 0.5, color="0.955", zorder=0, linewidth=0)
    figure.legend(loc="outside upper left", ncols=len(counted), frameon=False, fontsize=9)
    return figure


def _splits(reports: Sequence[SplitReport], *, title: str) -> sheet.Sheet:
    rows = []
    for report in reports:
        counts = report.statistics
        errors = sum(problem.level == "error" for problem in report.problems)
        void, classes = "-", "-"
        if counts is not None:
            void, classes = f"{100 * counts.void_share:.1f}", f"{counts.classes_per_image:.1f}"
        texts = (report.name, _kinds(report.sizes), _kinds(report.image_modes), _kinds(report.mask_modes),
                 str(len(report.samples)), void, classes, str(errors))  # fmt: skip
        rows.append([word(text) for text in texts])
    header = ("split", "height x width", "image", "mask", "samples", "void %", "classes", "errors")
    return sheet.Sheet(title, header, rows, words=4, notes=["classes: mean number of classes in an image"])


def _classes(counted: Mapping[str, ClassStatistics]) -> sheet.Sheet:
    first = next(iter(counted.values()))
    rows = []
    for index, name in enumerate(first.names):
        row = [word(name)]
        for split in counted.values():
            share, images = split.shares[index], split.images_with[index]
            row += [sheet.Cell(_percent(share), repr(float(share))), number(images)]
        rows.append(row)
    header = ["class", *(title for name in counted for title in (f"{name} %", "images"))]
    return sheet.Sheet("Share of the labelled pixels, and images that contain the class", header, rows)


def _percent(share: float) -> str:
    return "none" if share == 0 else f"{100 * share:.2f}" if share >= 5e-5 else "<0.01"


def _kinds(counts: Mapping[str, int]) -> str:
    """'360x480', or the three commonest kinds with their numbers."""
    if len(counts) <= 1:
        return next(iter(counts), "-")
    shown = [f"{kind} ({count})" for kind, count in list(counts.items())[:3]]
    return ", ".join(shown) + (f", {len(counts) - 3} more" if len(counts) > 3 else "")


def _described(report: SplitReport) -> dict[str, Any]:
    statistics = report.statistics
    described: dict[str, Any] = {
        "samples": len(report.samples),
        "sizes": dict(report.sizes),
        "image_modes": dict(report.image_modes),
        "mask_modes": dict(report.mask_modes),
    }
    if statistics is not None:
        described["void_share"] = statistics.void_share
        described["classes_per_image"] = statistics.classes_per_image
        described["statistics"] = asdict(statistics)
    return described


def _weights(statistics: ClassStatistics) -> dict[str, list[float]]:
    return {name: [float(weight) for weight in scheme(statistics)] for name, scheme in class_weights.SCHEMES.items()}


def _counted(reports: Sequence[SplitReport]) -> dict[str, ClassStatistics]:
    """Statistics of the splits with labelled pixels, by the name of the split."""
    return {split.name: split.statistics for split in reports if split.statistics and any(split.statistics.pixels)}
