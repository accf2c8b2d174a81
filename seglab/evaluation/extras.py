"""The scores that `extra`, `official` and `uncertainty` of conf/evaluate.yaml ask for."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import seglab.lean_imports  # noqa: F401

import numpy as np

from seglab.display.numbers import words
from seglab.evaluation.columns import COVERAGES, UNCERTAINTY
from seglab.evaluation.contract import Extra, Finished, View
from seglab.labels import IGNORE_INDEX
from seglab.metrics.boundary import BoundaryF1, BoundaryIoU
from seglab.metrics.calibration import CalibrationError
from seglab.metrics.cityscapes import CityscapesScores, to_label_ids
from seglab.metrics.class_calibration import ClassCalibrationErrors
from seglab.metrics.named import Areas, areas, batch_absent1, image_gt_present, image_gt_present_iou
from seglab.metrics.proper_scores import ProperScores
from seglab.metrics.risk_coverage import RiskCoverage

_NAMED = {
    "batch_absent1": batch_absent1,
    "image_gt_present": image_gt_present,
    "image_gt_present_iou": image_gt_present_iou,
}


class Official(Extra):
    """The official Cityscapes scores; see seglab.metrics.cityscapes."""

    def __init__(self) -> None:
        self._scores = CityscapesScores()

    def update(self, view: View) -> None:
        assert view.official is not None
        self._scores.update(to_label_ids(view.pred), *view.official)

    def compute(self, finished: Finished) -> dict[str, Any]:
        return self._scores.compute()


class Boundaries(Extra):
    """Boundary F1 and boundary IoU; see seglab.metrics.boundary."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._metrics: dict[str, BoundaryF1 | BoundaryIoU] = {
            "boundary_f1": BoundaryF1(len(names)),
            "boundary_iou": BoundaryIoU(len(names)),
        }

    def update(self, view: View) -> None:
        for metric in self._metrics.values():
            metric.update(view.pred, view.mask)

    def compute(self, finished: Finished) -> dict[str, Any]:
        results = {name: metric.compute() for name, metric in self._metrics.items()}
        return {
            name: {
                "mean": result["mean"],
                "classes": dict(zip(self._names, np.asarray(result["per_class"]).tolist(), strict=True)),
            }
            for name, result in results.items()
        }


class Calibration(Extra):
    """Calibration errors, proper scores and selective prediction; see seglab.metrics.calibration, .class_calibration,
    .proper_scores and .risk_coverage."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._top, self._classes = CalibrationError(), ClassCalibrationErrors(len(names))
        self._proper, self._selective = ProperScores(len(names)), RiskCoverage(len(names))

    def update(self, view: View) -> None:
        probabilities = view.probabilities()
        confidence, pred = (part.cpu().numpy() for part in probabilities.max(0))
        self._top.update(confidence, pred == view.mask, view.mask != IGNORE_INDEX)
        self._classes.update(probabilities, view.mask)
        self._proper.update(probabilities, view.mask)
        self._selective.update(confidence, view.pred, view.mask)

    def compute(self, finished: Finished) -> dict[str, Any]:
        """All scores, and "diagrams", which metrics.json holds and the record of a run does not."""
        ece, aurc = self._top.compute(), self._selective.aurc()
        kept = {percent: self._selective.kept(percent / 100) for percent in COVERAGES}
        errors = zip(self._names, self._classes.expected(), self._classes.maximum(), strict=True)
        coverages = [percent / 100 for percent in range(1, 101)]
        return {
            "ece": ece,
            "bins": len(self._top.pixels),
            "max_calibration_error": self._top.maximum(),
            **self._classes.compute(),
            **self._proper.compute(),
            "aurc": aurc,
            "aurc_error_bound": self._selective.error_bound(),
            **{f"miou_at_{percent}": of_kept.miou for percent, of_kept in kept.items()},
            "kept": {str(percent): of_kept._asdict() for percent, of_kept in kept.items()},
            "classes": {
                name: {"ece": expected, "max_calibration_error": maximum} for name, expected, maximum in errors
            },
            "diagrams": {
                "titles": [f"ECE {words(ece)}, {len(self._top.pixels)} bins", f"AURC {words(aurc)}"],
                "reliability": self._top.diagram(),
                "classes": dict(
                    zip(self._names, (of_class.diagram() for of_class in self._classes.classes), strict=True)
                ),
                "risk_coverage": {"coverage": coverages, "risk": self._selective.risks(coverages)},
            },
        }


class Uncertainty(Extra):
    """How unsure several predictions of an image are together, over all labelled pixels, the right and the wrong."""

    def __init__(self) -> None:
        self._samples = 0
        self._pixels = {True: 0, False: 0}  # right, wrong
        self._sums = {True: np.zeros(2), False: np.zeros(2)}  # of entropy and of mutual information, nats

    def update(self, view: View) -> None:
        assert view.belief is not None
        belief = view.belief()
        self._samples = belief.members
        valid, right = view.mask != IGNORE_INDEX, view.pred == view.mask
        maps = [part.cpu().numpy() for part in (belief.entropy, belief.information)]
        for is_right in (True, False):
            chosen = valid & (right == is_right)
            self._pixels[is_right] += int(chosen.sum())
            self._sums[is_right] += [float(part[chosen].sum(dtype=np.float64)) for part in maps]

    def compute(self, finished: Finished) -> dict[str, Any]:
        """In nats; "right" and "wrong" are of the pixels that are so predicted."""
        pixels, sums = sum(self._pixels.values()), self._sums[True] + self._sums[False]
        found: dict[str, Any] = {"samples": self._samples, **_means(sums, pixels)}
        for name, is_right in (("right", True), ("wrong", False)):
            found[name] = _means(self._sums[is_right], self._pixels[is_right])
        return found


def _means(sums: np.ndarray, pixels: int) -> dict[str, float]:
    entropy, information = (sums / pixels).tolist() if pixels else (math.nan, math.nan)
    return {"mean_entropy": entropy, "mean_mutual_information": information}


class NamedReadings(Extra):
    """Scores as others counted them, in batches of consecutive images; see seglab.metrics.named."""

    def __init__(self, num_classes: int, *, batch_size: int) -> None:
        self._num_classes, self._batch_size = num_classes, batch_size
        self._waiting: list[Areas] = []
        self._scores: dict[str, list[float]] = {name: [0.0, 0.0] for name in _NAMED}  # sum, batches
        self._hit = self._pixels = 0

    def update(self, view: View) -> None:
        counts = areas(view.pred[None], view.mask[None], num_classes=self._num_classes)
        self._hit += int(counts.hit.sum())
        self._pixels += int(counts.pixels.sum())
        self._waiting.append(counts)
        if len(self._waiting) == self._batch_size:
            self._close_batch()

    def compute(self, finished: Finished) -> dict[str, Any]:
        if self._waiting:
            self._close_batch()
        means = {name: total / count if count else math.nan for name, (total, count) in self._scores.items()}
        void_wrong = self._hit / self._pixels if self._pixels else math.nan
        return {**means, "accuracy_void_wrong": void_wrong, "batch_size": self._batch_size}

    def _close_batch(self) -> None:
        batch = Areas(*(np.concatenate(parts) for parts in zip(*self._waiting, strict=True)))
        self._waiting.clear()
        for name, reading in _NAMED.items():
            score = reading(batch)
            if not math.isnan(score):
                self._scores[name][0] += score
                self._scores[name][1] += 1


def extra_of(name: str, class_names: Sequence[str], *, batch_size: int) -> Extra:
    """What counts the scores of one `extra`, or the official ones: of a key of seglab.evaluation.columns.LINES."""
    makers: dict[str, Callable[[], Extra]] = {
        "official": Official,
        "boundary": lambda: Boundaries(class_names),
        "calibration": lambda: Calibration(class_names),
        UNCERTAINTY: Uncertainty,
        "named": lambda: NamedReadings(len(class_names), batch_size=batch_size),
    }
    return makers[name]()
