"""The scores of a run, as a table and as one line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from seglab import runs
from seglab.display.numbers import NOT_THERE, bar, duration, percent, sides, word, words
from seglab.display.sheet import Sheet, show
from seglab.metrics.titles import FIRST, TITLES


def class_sheet(classes: Mapping[str, Mapping[str, float]], summary: Mapping[str, float], *, caption: str) -> Sheet:
    """IoU, Dice, accuracy and share of the labelled pixels of each class, and their means.

    Args:
        classes: {name: {"iou", "dice", "accuracy", "pixels"}}; fractions, NaN if absent; pixels of the truth, or none.
        summary: {name: fraction} of `seglab.metrics.titles.TITLES`.
    """
    total = sum(scores.get("pixels", 0) for scores in classes.values())
    rows = []
    for name, scores in classes.items():
        share = scores.get("pixels", 0) / total if total else math.nan
        numbers = [scores["iou"], scores["dice"], scores["accuracy"], share]
        rows.append([word(name), *(percent(number) for number in numbers), word(bar(scores["iou"]))])
    means = ("miou", "mdice", "mean_accuracy")  # of the three columns
    absent = any(math.isnan(scores[key]) for scores in classes.values() for key in ("iou", "dice", "accuracy"))
    others = {name: value for name, value in summary.items() if name in TITLES and name not in means}
    notes = [", ".join(f"{TITLES[name]} {words(value)}" for name, value in others.items())] if others else []
    if absent:
        notes.append(f"{NOT_THERE} absent: the class has no such pixel and is left out of the mean")
    return Sheet(
        caption=caption,
        header=("class", "IoU %", "Dice %", "accuracy %", "pixels %", ""),
        rows=rows,
        mean=[word("mean"), *(percent(summary[name]) for name in means), word(""), word("")],
        notes=notes,
    )


def print_run(record: runs.Record, folder: Path) -> None:
    """Prints the classes of the best checkpoint and one line that says what came out and where it lies."""
    best = record.get("best") or {}
    if "metrics" in best:
        caption = protocol_words(record, f"best epoch {best['epoch'] + 1}")
        show(class_sheet(best["classes"], best["metrics"], caption=caption))
    print(f"{headline(record)}, {duration(record.get('seconds'))}: {runs.shown(folder)}")


def headline(record: runs.Record) -> str:
    """'mIoU 43.1 %, mean Dice 55.0 %, pixel accuracy 91.0 % at epoch 7', or the status where nothing was validated."""
    best = record.get("best") or {}
    if "metrics" not in best:
        return f"{record['status']}, nothing was validated"
    values = ", ".join(f"{TITLES[name]} {words(best['metrics'][name])}" for name in FIRST if name in best["metrics"])
    return f"{values} at epoch {best['epoch'] + 1}"


def protocol_words(record: runs.Record, detail: str) -> str:
    """What the numbers are: the split, the size, the reading."""
    protocol = record["protocol"]
    size = sides(protocol["size"] or ()) or "original size"  # null: images keep their own
    return f"{protocol['split']}, {size}, {protocol['reading']}-level, void removed, {detail}"
