"""The numbers of a run and of a sweep, as tables. Nothing here imports torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from seglab import runs
from seglab.sheet import Cell, Sheet, comma_separated, markdown, show

NOT_THERE = "–"
_BAR_WIDTH = 12
_EIGHTHS = " ▏▎▍▌▋▊▉"
# Of networks in a comparison: title and unit. Images a second are those of the training.
_COSTS = {"parameters": ("M params", 1e6), "flops": ("GFLOPs", 1e9), "images_per_second": ("img/s", 1.0)}
_ERROR_WIDTH = 160  # characters of a failed job's message below the table; all of it is in its record


class Job(NamedTuple):
    """One line of a comparison. Metrics are fractions, `loss` is the validation loss; what is missing or NaN is a –."""

    overrides: Mapping[str, str]
    status: str  # "finished", "failed", "interrupted", "running"
    metrics: Mapping[str, float]
    best_epoch: int | None  # counted from 1
    seconds: float | None
    error: str | None
    costs: Mapping[str, float] = MappingProxyType({})  # "parameters", "flops" of one image, "images_per_second"


def class_sheet(classes: Mapping[str, Mapping[str, float]], summary: Mapping[str, float], *, caption: str) -> Sheet:
    """IoU, Dice, accuracy and share of the labelled pixels of each class, and their means.

    Args:
        classes: {name: {"iou", "dice", "accuracy", "pixels"}}; fractions, NaN if absent; pixels of the truth, or none.
        summary: {"miou", "mdice", "mean_accuracy", "accuracy", "fwiou"}; fractions.
    """
    total = sum(scores.get("pixels", 0) for scores in classes.values())
    rows = []
    for name, scores in classes.items():
        share = scores.get("pixels", 0) / total if total else math.nan
        numbers = [scores["iou"], scores["dice"], scores["accuracy"], share]
        rows.append([_word(name), *(_percent(number) for number in numbers), _word(bar(scores["iou"]))])
    means = [_percent(summary[key]) for key in ("miou", "mdice", "mean_accuracy")]
    absent = any(math.isnan(scores[key]) for scores in classes.values() for key in ("iou", "dice", "accuracy"))
    notes = [f"pixel accuracy {_words(summary['accuracy'])}, frequency-weighted IoU {_words(summary['fwiou'])}"]
    if absent:
        notes.append(f"{NOT_THERE} absent: the class has no such pixel and is left out of the mean")
    return Sheet(
        caption=caption,
        header=("class", "IoU %", "Dice %", "accuracy %", "pixels %", ""),
        rows=rows,
        mean=[_word("mean"), *means, _word(""), _word("")],
        notes=notes,
    )


def bar(fraction: float) -> str:
    """12 characters of block elements, filled from the left; empty for NaN."""
    if math.isnan(fraction):
        return ""
    eighths = round(min(max(fraction, 0.0), 1.0) * _BAR_WIDTH * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(_BAR_WIDTH)


def print_run(record: runs.Record, folder: Path) -> None:
    """Prints the classes of the best checkpoint and one line that says what came out and where it lies."""
    best = record.get("best") or {}
    if "metrics" in best:
        caption = _protocol(record, f"best epoch {best['epoch'] + 1}")
        show(class_sheet(best["classes"], best["metrics"], caption=caption))
    print(f"{headline(record)}, {duration(record.get('seconds'))}: {runs.shown(folder)}")


def print_evaluation(result: Mapping[str, Any]) -> None:
    """Prints the classes of an evaluation, the official and other scores, and the line with both resolutions."""
    show(evaluation_sheet(result))
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
        title = f"at {_sides(protocol['size'])}"
        cells = [_percent(scores["iou"]) for scores in result[other]["classes"].values()]
        rows = [[*row[:2], cell, *row[2:]] for row, cell in zip(sheet.rows, cells, strict=True)]
        mean = [*(sheet.mean or ())[:2], _percent(result[other]["metrics"]["miou"]), *(sheet.mean or ())[2:]]
        sheet = replace(sheet, header=[*sheet.header[:2], title, *sheet.header[2:]], rows=rows, mean=mean)
    return sheet


def evaluation_lines(result: Mapping[str, Any]) -> list[str]:
    """One line for each kind of score; the last holds the mIoU at every resolution and where the files lie."""
    lines = []
    if official := result.get("official"):
        names = {"Classes": "IoU class", "InstClasses": "iIoU class", "Categories": "IoU category",
                 "InstCategories": "iIoU category"}  # fmt: skip
        scores = ", ".join(f"{title} {_words(official[f'averageScore{key}'])}" for key, title in names.items())
        lines.append(f"official Cityscapes protocol: {scores}")
    if boundary := result.get("boundary"):
        lines.append(f"boundary F1 {_words(boundary['boundary_f1']['mean'])}, "
                     f"boundary IoU {_words(boundary['boundary_iou']['mean'])}")  # fmt: skip
    if calibration := result.get("calibration"):
        lines.append(f"expected calibration error {_words(calibration['ece'])} ({calibration['bins']} bins)")
    if named := result.get("named"):
        values = ", ".join(f"{key} {_words(value)}" for key, value in named.items() if key != "batch_size")
        lines.append(f"as others count, in batches of {named['batch_size']}: {values}")
    protocol = result["protocol"]
    numbers = ", ".join(
        f"{_words(result[name]['metrics']['miou'])} {_resolution(protocol, name)}" for name in protocol["resolutions"]
    )
    folder = runs.shown(Path(result["folder"]).absolute())
    return [*lines, f"mIoU {numbers}, {duration(result['seconds'])}: {folder}"]


def _where(protocol: Mapping[str, Any]) -> str:
    return f"{protocol['dataset']} {protocol['split']} ({protocol['images']} images, {protocol['labels']})"


def _resolution(protocol: Mapping[str, Any], name: str) -> str:
    return "at original size" if name == "original" else f"at network size {_sides(protocol['size'])}"


def _how(protocol: Mapping[str, Any]) -> str:
    """'best, epoch 12, flipped, scales 0.75 1 1.25, tiles 512x1024'."""
    parts = [protocol["checkpoint"], f"epoch {protocol['epoch'] + 1}"]
    if protocol["flip"]:
        parts.append("flipped")
    if protocol["scales"] != [1.0]:
        parts.append("scales " + " ".join(f"{scale:g}" for scale in protocol["scales"]))
    if protocol["tile"]:
        parts.append(f"tiles {_sides(protocol['tile'])}")
    return ", ".join(parts)


def _sides(size: Sequence[int]) -> str:
    return "x".join(str(side) for side in size)


def headline(record: runs.Record) -> str:
    """'mIoU 43.1 %, mean Dice 55.0 %, pixel accuracy 91.0 % at epoch 7', or the status where nothing was validated."""
    best = record.get("best") or {}
    if "metrics" not in best:
        return f"{record['status']}, nothing was validated"
    titles = {"miou": "mIoU", "mdice": "mean Dice", "accuracy": "pixel accuracy"}
    values = ", ".join(f"{title} {_words(best['metrics'][name])}" for name, title in titles.items())
    return f"{values} at epoch {best['epoch'] + 1}"


def print_comparison(records: Sequence[runs.Record], folder: Path) -> None:
    """Prints the comparison of a sweep and writes it into the sweep's folder as comparison.md and comparison.csv."""
    detail = "best epoch of each run"
    caption = next((_protocol(record, detail) for record in records if "protocol" in record), detail)
    sheet = comparison_sheet([job_of(record) for record in records], caption=caption)
    show(sheet)
    runs.write_atomically(folder / "comparison.md", markdown(sheet))
    runs.write_atomically(folder / "comparison.csv", comma_separated(sheet))
    print(f"{runs.shown(folder)}/comparison.md, comparison.csv")


def job_of(record: runs.Record) -> Job:
    """The line of one run in a comparison, from its record."""
    best = record.get("best") or {}
    return Job(
        overrides=dict(override.lstrip("+").partition("=")[::2] for override in record.get("overrides", ())),
        status=record["status"],
        metrics=best.get("metrics") or {},
        best_epoch=best["epoch"] + 1 if "epoch" in best else None,
        seconds=record.get("seconds"),
        error=record.get("error"),
        costs={key: record[key] for key in _COSTS if record.get(key) is not None},
    )


def comparison_sheet(jobs: Sequence[Job], *, caption: str) -> Sheet:
    """The jobs of a sweep in their order: overrides that differ, scores with the best marked, failures below."""
    keys = _differing(jobs)
    scores = (("miou", "mIoU %"), ("mdice", "mDice %"), ("accuracy", "accuracy %"))
    unfinished = any(job.status != "finished" for job in jobs)
    columns = [(key, [_word(job.overrides.get(key, "(default)")) for job in jobs]) for key in keys]
    columns = columns or [("job", [_word(_name(job, list(job.overrides))) for job in jobs])]
    words = len(columns)
    if unfinished:
        columns.append(("status", [_word(job.status) for job in jobs]))
        words += 1
    columns += [(title, _marked(jobs, key, best=max)) for key, title in scores]
    other_loss = any(key == "loss" or key.startswith(("loss.", "loss@")) for key in keys)
    has_loss = any("loss" in job.metrics for job in jobs)
    if has_loss:
        columns.append(("val loss", _marked(jobs, "loss", best=None if other_loss else min)))
    columns.append(("epoch", [_number(job.best_epoch) for job in jobs]))
    if len({job.costs.get("parameters") for job in jobs}) > 1:  # the jobs compare networks
        columns += [(title, [_cost(job, key) for job in jobs]) for key, (title, _) in _COSTS.items()]
    columns.append(("time", [Cell(duration(job.seconds), _exact(job.seconds)) for job in jobs]))
    notes = ["best of its column: *"] if any(cell.best for _, cells in columns for cell in cells) else []
    if has_loss and other_loss:
        notes.append("val loss is not marked: the jobs have different losses")
    notes += [_failure(job, keys) for job in jobs if job.error]
    rows = list(zip(*(cells for _, cells in columns), strict=True))
    return Sheet(caption=caption, header=[title for title, _ in columns], rows=rows, words=words, notes=notes)


def _cost(job: Job, key: str) -> Cell:
    value = job.costs.get(key)
    return Cell(NOT_THERE, "") if value is None else Cell(f"{value / _COSTS[key][1]:.3g}", _exact(value))


def _differing(jobs: Sequence[Job]) -> list[str]:
    """The override keys, in the order of their first use, that not all jobs give the same value."""
    keys = dict.fromkeys(key for job in jobs for key in job.overrides)
    return [key for key in keys if len({job.overrides.get(key) for job in jobs}) > 1]


def _marked(jobs: Sequence[Job], key: str, *, best: Callable[[Iterable[float]], float] | None) -> list[Cell]:
    """The cells of one score; `best` is max, min, or None where nothing is to be marked."""
    values = [job.metrics.get(key, math.nan) for job in jobs]
    competes = [job.status == "finished" and not math.isnan(value) for job, value in zip(jobs, values, strict=True)]
    rivals = [value for value, rival in zip(values, competes, strict=True) if rival]
    winner = best(rivals) if best is not None and len(rivals) > 1 else None
    shown = _decimal if key == "loss" else _percent
    return [
        shown(value)._replace(best=rival and value == winner) for value, rival in zip(values, competes, strict=True)
    ]


def _failure(job: Job, keys: Sequence[str]) -> str:
    message = " ".join((job.error or "").split())
    short = message if len(message) <= _ERROR_WIDTH else message[: _ERROR_WIDTH - 1] + "…"
    return f"{job.status}: {_name(job, keys)}: {short}"


def _name(job: Job, keys: Sequence[str]) -> str:
    return " ".join(f"{key}={job.overrides[key]}" for key in keys if key in job.overrides) or "(default)"


def duration(seconds: float | None) -> str:
    """'42 s', '3 min 05 s' or '2 h 07 min'."""
    if seconds is None:
        return NOT_THERE
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _protocol(record: runs.Record, detail: str) -> str:
    """What the numbers are: the split, the size, the reading."""
    protocol = record["protocol"]
    height_width = "x".join(str(side) for side in protocol["size"]) or "original size"
    return f"{protocol['split']}, {height_width}, {protocol['reading']}-level, void removed, {detail}"


def _percent(fraction: float) -> Cell:
    return Cell(NOT_THERE if math.isnan(fraction) else f"{100 * fraction:.1f}", _exact(fraction))


def _decimal(value: float) -> Cell:
    return Cell(NOT_THERE if math.isnan(value) else f"{value:.3f}", _exact(value))


def _number(value: int | None) -> Cell:
    return Cell(NOT_THERE if value is None else str(value), _exact(value))


def _word(text: str) -> Cell:
    return Cell(text, text)


def _words(fraction: float) -> str:
    return f"{_percent(fraction).text} %"


def _exact(value: float | None) -> str:
    """Every digit, and an empty field for what is not there."""
    return "" if value is None or math.isnan(value) else repr(value)
