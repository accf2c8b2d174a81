"""Every score of an evaluation, each once: its name and titles, what measures it, where it lies, which end is better.

A new one is a line here, a file of seglab.metrics that computes it, and a class of seglab.evaluation.extras that counts
it while images pass by. Nothing heavy is imported: commands check what is asked for by these names.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seglab.data.corruptions.names import CORRUPTION, NAMES
from seglab.display.ood import OOD
from seglab.metrics.titles import TITLES

OFFICIAL = "official"  # by the protocol of Cityscapes: no `extra`, it has a switch of its own, and so has OOD
UNCERTAINTY = "uncertainty"  # of several predictions of one image, no `extra` either: where `uncertainty` asks for them
# What may be asked for as `extra` of conf/evaluate.yaml, and the other scores that have a line of their own: that line.
LINES = {
    OFFICIAL: "official Cityscapes protocol: {scores}",
    "boundary": "{scores}",
    "calibration": "{scores} ({bins} bins)",
    "named": "as others count, in batches of {batch_size}: {scores}",
    UNCERTAINTY: "mean over the pixels, of {samples} predictions: {scores}",
    OOD: "anomalies by {protocol[detector]}: {scores}",
}
EXTRAS = tuple(name for name in LINES if name not in (OFFICIAL, UNCERTAINTY, OOD))

COVERAGES = (80, 90, 95)  # percent of the pixels, the most confident ones
NATS = "nats/100"
ENSEMBLE_MIOU = "ensemble_miou"  # of the mean of a row's seeds: one number a row

COMMON = "common"  # of `classes`: those of the run and of the data that have one name
CORRUPTION_MIOU, DEGRADATION = "corruption_miou", "degradation"
MCE = "mce"  # mean corruption error: of a reference run in an evaluation, of the baseline in a table
UNDER = "miou/"  # and the name of a corruption: the mean over its severities
CLASS_IOU = "iou/"  # and the name of a class, or of a group of them: a column
ALL_CLASSES = f"{CLASS_IOU}*"


@dataclass(frozen=True, kw_only=True)
class Score:
    """A number from 0 to 1, shown in percent; or of nats, in hundredths of them."""

    name: str
    title: str  # of a table's column
    path: tuple[str, ...]  # of keys in metrics.json; where all evaluations measure it, below that of a resolution
    told: str  # before its value, in the line of an evaluation
    lower_is_better: bool = False
    unit: str = "%"

    @property
    def measured_by(self) -> str | None:
        """The `extra` to ask for, "official", "corruption" or "ood"; None for a score of every evaluation."""
        return self.path[0] if self.path[0] in (*LINES, CORRUPTION) else None


@dataclass(frozen=True, kw_only=True)
class Cost:
    """A number >= 0 that the record of a run holds; no row is best in it, and it is not tested.

    `latency` and `images_per_second` are of one device, which the record names: `python -m seglab.export` writes them.
    `ensemble_miou` is no cost but, as these, a number of the row that no seed changes: of all its seeds together.
    """

    name: str
    title: str
    unit: float


def _every(name: str, title: str) -> Score:
    return Score(name=name, title=title, path=("metrics", name), told=title)


def _boundary(name: str, title: str) -> Score:
    return Score(name=name, title=title, path=("boundary", name, "mean"), told=title)


def _calibration(name: str, title: str, told: str, *, lower_is_better: bool = True, unit: str = "%") -> Score:
    path = ("calibration", name)
    return Score(name=name, title=title, path=path, told=told, lower_is_better=lower_is_better, unit=unit)


def _named(name: str, title: str) -> Score:
    return Score(name=name, title=title, path=("named", name), told=name)


def _corruption(name: str, title: str, *, lower_is_better: bool = True) -> Score:
    return Score(name=name, title=title, path=(CORRUPTION, name), told=title, lower_is_better=lower_is_better)


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
        _calibration("ece", "ECE", "expected calibration error"),
        _calibration("max_calibration_error", "maximum calibration error", "maximum"),
        _calibration("classwise_ece", "class-wise ECE", "class-wise"),
        _calibration("classwise_max_error", "class-wise maximum error", "its maximum"),
        _calibration("brier", "Brier", "Brier score"),
        _calibration("nll", "NLL", "NLL", unit=NATS),
        _calibration("aurc", "AURC", "area under the risk-coverage curve"),
        *(_calibration(f"miou_at_{coverage}", f"mIoU at {coverage} % coverage",
                       f"mIoU at {coverage} % coverage", lower_is_better=False) for coverage in COVERAGES),
        *(Score(name=name, title=title, path=(UNCERTAINTY, name), told=title, lower_is_better=True, unit=NATS)
          for name, title in (("mean_entropy", "entropy"), ("mean_mutual_information", "mutual information"))),
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
        _corruption(CORRUPTION_MIOU, "mIoU, corrupted", lower_is_better=False),
        _corruption(DEGRADATION, "mIoU lost by corruption"),
        _corruption(MCE, "mCE"),
        *(Score(name=f"{UNDER}{name}", title=f"mIoU {name.replace('_', ' ')}", path=(CORRUPTION, "mean", name),
                told=name) for name in NAMES),
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
        Cost(name=ENSEMBLE_MIOU, title="ensemble mIoU %", unit=0.01),
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
    return f"IoU {name} %" if name is not None else f"{SCORES[column].title} {SCORES[column].unit}"


def class_of(column: str) -> str | None:
    """'pole' of the column iou/pole, of a class or a group; None for other columns."""
    return column.removeprefix(CLASS_IOU) if column.startswith(CLASS_IOU) else None


def _at(result: Mapping[str, Any], path: tuple[str, ...]) -> float | None:
    """What the keys lead to; None where one of them is not there."""
    for key in path[:-1]:
        result = result.get(key, {})
    return result.get(path[-1])
