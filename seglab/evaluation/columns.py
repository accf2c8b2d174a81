"""Every score of an evaluation, each once: its name and titles, what measures it, where it lies, which end is better.

A new one is a line here, a file of seglab.metrics that computes it, and a class of seglab.evaluation.counts that counts
it while images pass by. Nothing heavy is imported: commands check what is asked for by these names.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seglab.display.ood import OOD
from seglab.metrics.titles import TITLES

OFFICIAL = "official"  # by the protocol of Cityscapes: no `extra`, it has a switch of its own, and so has OOD
# What may be asked for as `extra` of conf/evaluate.yaml, the official scores and those of anomalies: each with the line
# that tells them.
LINES = {
    OFFICIAL: "official Cityscapes protocol: {scores}",
    "boundary": "{scores}",
    "calibration": "{scores} ({bins} bins)",
    "named": "as others count, in batches of {batch_size}: {scores}",
    OOD: "anomalies by {protocol[detector]}: {scores}",
}
EXTRAS = tuple(name for name in LINES if name not in (OFFICIAL, OOD))

CLASS_IOU = "iou/"  # and the name of a class, or of a group of them: a column
ALL_CLASSES = f"{CLASS_IOU}*"


@dataclass(frozen=True, kw_only=True)
class Score:
    """A number from 0 to 1, shown in percent."""

    name: str
    title: str  # of a table's column
    path: tuple[str, ...]  # of keys in metrics.json; where all evaluations measure it, below that of a resolution
    told: str  # before its value, in the line of an evaluation
    lower_is_better: bool = False

    @property
    def measured_by(self) -> str | None:
        """The `extra` that has to be asked for, "official" or "ood"; None for a score of every evaluation."""
        return self.path[0] if self.path[0] in LINES else None


@dataclass(frozen=True, kw_only=True)
class Cost:
    """A number >= 0 that the record of a run holds; no row is best in it, and it is not tested.

    `latency` and `images_per_second` are of one device, which the record names: `python -m seglab.export` writes them.
    """

    name: str
    title: str
    unit: float


def _every(name: str, title: str) -> Score:
    return Score(name=name, title=title, path=("metrics", name), told=title)


def _boundary(name: str, title: str) -> Score:
    return Score(name=name, title=title, path=("boundary", name, "mean"), told=title)


def _named(name: str, title: str) -> Score:
    return Score(name=name, title=title, path=("named", name), told=name)


def _ood(name: str, title: str, *keys: str) -> Score:
    return Score(name=name, title=title, path=(OOD, *keys), told=title, lower_is_better=keys[-1] == "fpr95")


def _of_several() -> Iterator[Score]:
    """'max_logit_ap' and the like: what ood=several measures of each of its detectors."""
    for detector in _DETECTORS:
        for key, title in _ANOMALIES.items():
            yield _ood(f"{detector}_{key}", f"{title} {detector.replace('_', ' ')}", "detectors", detector, key)


def _official(name: str, what: str, of: str, key: str) -> Score:
    return Score(name=name, title=f"{of} {what}", path=(OFFICIAL, key), told=f"{what} {of}")


_ANOMALIES = {"auroc": "AUROC", "ap": "AP", "fpr95": "FPR95", "siou": "sIoU", "f1": "component F1"}
_DETECTORS = ("max_softmax", "max_logit", "entropy", "energy", "standardised_max_logit", "odin", "mahalanobis", "knn")

SCORES = {
    score.name: score
    for score in (
        *(_every(name, title) for name, title in TITLES.items()),
        _boundary("boundary_f1", "boundary F1"),
        _boundary("boundary_iou", "boundary IoU"),
        Score(name="ece", title="ECE", path=("calibration", "ece"), told="expected calibration error",
              lower_is_better=True),
        _named("batch_absent1", "Dice, batch, absent = 1"),
        _named("image_gt_present", "Dice, image, present classes"),
        _named("image_gt_present_iou", "IoU, image, present classes"),
        _named("accuracy_void_wrong", "accuracy, void wrong"),
        *(_ood(f"ood_{key}", title, key) for key, title in _ANOMALIES.items()),
        *_of_several(),
        Score(name="ood_accepted_in", title="accepted, in", path=(OOD, "accepted_in"), told="accepted in"),
        Score(name="ood_accepted_out", title="accepted, out", path=(OOD, "accepted_out"), told="accepted out",
              lower_is_better=True),
        _official("official_iou", "IoU", "class", "averageScoreClasses"),
        _official("official_iiou", "iIoU", "class", "averageScoreInstClasses"),
        _official("official_category_iou", "IoU", "category", "averageScoreCategories"),
        _official("official_category_iiou", "iIoU", "category", "averageScoreInstCategories"),
    )
}  # fmt: skip
COSTS = {
    cost.name: cost
    for cost in (
        Cost(name="parameters", title="M params", unit=1e6),
        Cost(name="flops", title="GFLOPs", unit=1e9),
        Cost(name="seconds", title="training", unit=1.0),
        Cost(name="latency", title="latency ms", unit=1.0),
        Cost(name="images_per_second", title="images/s", unit=1.0),
    )
}


def measured(result: Mapping[str, Any]) -> dict[str, float]:
    """{name: value} of the scores that a part of metrics.json holds: the whole, or what lies below a resolution."""
    values = ((score.name, _at(result, score.path)) for score in SCORES.values())
    return {name: float(value) for name, value in values if value is not None}


def measured_by(column: str) -> str | None:
    """What has to be asked for to fill a table's column: an `extra`, "official", "ood", or None."""
    return SCORES[column].measured_by if column in SCORES else None


def lower_is_better(column: str) -> bool:
    """Of a column of scores."""
    return column in SCORES and SCORES[column].lower_is_better


def title(column: str) -> str:
    """'mIoU %', 'IoU pole %', 'GFLOPs'."""
    if column in COSTS:
        return COSTS[column].title
    name = class_of(column)
    return f"{SCORES[column].title if name is None else f'IoU {name}'} %"


def class_of(column: str) -> str | None:
    """'pole' of the column iou/pole, of a class or a group; None for other columns."""
    return column.removeprefix(CLASS_IOU) if column.startswith(CLASS_IOU) else None


def _at(result: Mapping[str, Any], path: tuple[str, ...]) -> float | None:
    """What the keys lead to; None where one of them is not there."""
    for key in path[:-1]:
        result = result.get(key, {})
    return result.get(path[-1])
