"""The official Cityscapes scores as tables: classes and categories, each with IoU and instance-weighted iIoU."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seglab import runs
from seglab.display import numbers
from seglab.display.sheet import Sheet, show
from seglab.evaluation.columns import OFFICIAL, SCORES
from seglab.labels import CITYSCAPES_LABELS

_MEANS = {score.path[-1]: score.told for score in SCORES.values() if score.measured_by == OFFICIAL}


def show_scores(result: Mapping[str, Any]) -> None:
    """Prints both tables, then the four means in one line with the folder where the files lie."""
    for sheet in sheets(result):
        show(sheet)
    scores = result["official"]
    means = ", ".join(f"{title} {numbers.percent(scores[key]).text} %" for key, title in _MEANS.items())
    print(f"{means}, {numbers.duration(result['seconds'])}: {runs.shown(Path(result['folder']).absolute())}")


def sheets(result: Mapping[str, Any]) -> tuple[Sheet, Sheet]:
    """The table of the 19 classes and that of the 7 categories.

    Args:
        result: {"protocol", "official"} as in metrics.json; scores under the names of the official program.
    """
    protocol, scores = result["protocol"], result["official"]
    evaluated = [label for label in CITYSCAPES_LABELS if not label.ignore_in_eval]
    classes = [label.name for label in evaluated]
    categories = list(dict.fromkeys(label.category for label in evaluated))
    caption = f"{protocol['dataset']} {protocol['split']} ({protocol['images']} images), official protocol"
    return (
        _sheet(scores, classes, title="class", keys=("classScores", "classInstScores"),
               means=("averageScoreClasses", "averageScoreInstClasses"), caption=f"{caption}, classes"),
        _sheet(scores, categories, title="category", keys=("categoryScores", "categoryInstScores"),
               means=("averageScoreCategories", "averageScoreInstCategories"), caption=f"{caption}, categories"),
    )  # fmt: skip


def _sheet(
    scores: Mapping[str, Any],
    names: list[str],
    *,
    title: str,
    keys: tuple[str, str],
    means: tuple[str, str],
    caption: str,
) -> Sheet:
    plain, weighted = (scores[key] for key in keys)
    rows = [
        [
            numbers.word(name),
            numbers.percent(plain[name]),
            numbers.percent(weighted[name]),
            numbers.word(numbers.bar(plain[name])),
        ]
        for name in names
    ]
    return Sheet(
        caption=caption,
        header=(title, "IoU %", "iIoU %", ""),
        rows=rows,
        mean=[numbers.word("mean"), *(numbers.percent(scores[key]) for key in means), numbers.word("")],
        notes=[f"{numbers.NOT_THERE} no instances, or absent: left out of the mean"],
    )
