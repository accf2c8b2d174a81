"""The scores of an evaluation, as a table and as lines: every resolution, the official and the other scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from seglab import runs
from seglab.data.corruptions.names import CORRUPTION
from seglab.display.numbers import duration, percent, sides, words
from seglab.display.post import POST, post_words
from seglab.display.scores import class_sheet
from seglab.display.several import several_words
from seglab.display.sheet import Sheet, show
from seglab.evaluation import columns
from seglab.evaluation.robustness_report import corruption_sheet


def print_evaluation(result: Mapping[str, Any]) -> None:
    """Prints the classes of an evaluation, the official and other scores, and the line with both resolutions."""
    show(evaluation_sheet(result))
    if CORRUPTION in result:
        print()
        show(corruption_sheet(result[CORRUPTION]))
    for line in evaluation_lines(result):
        print(line)


def evaluation_sheet(result: Mapping[str, Any]) -> Sheet:
    """The classes at the headline's resolution; with a second column of IoU where another resolution was scored.

    Args:
        result: {"protocol", "original" and/or "network": {"classes", "metrics"}} as in metrics.json.
    """
    protocol = result["protocol"]
    first, *others = protocol["resolutions"]
    caption = f"{_where(protocol)}, {_resolution(protocol, first)}, dataset-level, void removed, {_how(protocol)}"
    sheet = class_sheet(result[first]["classes"], result[first]["metrics"], caption=caption)
    for other in others:
        title = f"at {sides(protocol['size'])}"
        cells = [percent(scores["iou"]) for scores in result[other]["classes"].values()]
        rows = [[*row[:2], cell, *row[2:]] for row, cell in zip(sheet.rows, cells, strict=True)]
        mean = [*(sheet.mean or ())[:2], percent(result[other]["metrics"]["miou"]), *(sheet.mean or ())[2:]]
        sheet = replace(sheet, header=[*sheet.header[:2], title, *sheet.header[2:]], rows=rows, mean=mean)
    return sheet


def evaluation_lines(result: Mapping[str, Any]) -> list[str]:
    """One line for each kind of score; the last holds the mIoU at every resolution and where the files lie."""
    lines, values = [], columns.measured(result)
    for kind, line in columns.LINES.items():
        if kind in result:
            scores = [score for score in columns.SCORES.values() if score.measured_by == kind and score.name in values]
            told = ", ".join(_told(score, values[score.name]) for score in scores)
            lines.append(line.format(scores=told, **result[kind]))
    if columns.COMMON in result:
        mapping = result[columns.COMMON]
        for whose, key in (("predicted, counted as misses", "only_run"), ("in the data, counted as void", "only_data")):
            lines += [f"left out, {whose}: {', '.join(mapping[key])}"] if mapping[key] else []
    protocol = result["protocol"]
    numbers = ", ".join(
        f"{words(result[name]['metrics']['miou'])} {_resolution(protocol, name)}" for name in protocol["resolutions"]
    )
    folder = runs.shown(Path(result["folder"]).absolute())
    return [*lines, f"mIoU {numbers}, {duration(result['seconds'])}: {folder}"]


def _told(score: columns.Score, value: float) -> str:
    """'expected calibration error 4.3 %', 'NLL 0.312 nats'."""
    return f"{score.told} {f'{value:.3f} nats' if score.unit == columns.NATS else words(value)}"


def _where(protocol: Mapping[str, Any]) -> str:
    return f"{protocol['dataset']} {protocol['split']} ({protocol['images']} images, {protocol['labels']})"


def _resolution(protocol: Mapping[str, Any], name: str) -> str:
    return "at original size" if name == "original" else f"at network size {sides(protocol['size'])}"


def _how(protocol: Mapping[str, Any]) -> str:
    """'best, epoch 12, flipped, scales 0.75 1 1.25, tiles 512x1024'."""
    parts = [protocol["checkpoint"], f"epoch {protocol['epoch'] + 1}"]
    if protocol["flip"]:
        parts.append("flipped")
    if protocol["scales"] != [1.0]:
        parts.append("scales " + " ".join(f"{scale:g}" for scale in protocol["scales"]))
    if protocol["tile"]:
        parts.append(f"tiles {sides(protocol['tile'])}")
    if POST in protocol:
        parts.append(post_words(protocol[POST]))
    parts += several_words(protocol)
    return ", ".join(parts)
