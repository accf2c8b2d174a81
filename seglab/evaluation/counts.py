"""What an evaluation counts while images pass by: memory does not grow with their number."""

import heapq
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import seglab.lean_imports  # noqa: F401

import numpy as np
import torch
from torch import Tensor

from seglab.display import draw
from seglab.display.doubt import Doubt
from seglab.display.numbers import words
from seglab.evaluation.columns import COVERAGES, UNCERTAINTY
from seglab.inference.members import Belief
from seglab.labels import IGNORE_INDEX
from seglab.metrics import count_pixels, readings
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


class Pixels:
    """The confusion matrix of all images, (K, K); (K, K + 1) with `misses`: see seglab.metrics.confusion."""

    def __init__(self, names: Sequence[str], *, misses: bool = False) -> None:
        self._names = names
        self._misses = misses
        self.matrix = torch.zeros(len(names), len(names) + misses, dtype=torch.int64)

    def update(self, pred: np.ndarray, mask: np.ndarray) -> Tensor:
        """The matrix of one image: uint8 label maps (H, W)."""
        matrix = count_pixels(_batch(pred), _batch(mask), num_classes=len(self._names), misses=self._misses)
        self.matrix += matrix
        return matrix

    def compute(self) -> dict[str, Any]:
        """{"metrics": means, "classes": {name: scores}}, of the whole data set."""
        classes = readings.per_class(self.matrix, self._names)
        binary = readings.binary_accuracy(self.matrix).tolist()
        for scores, value in zip(classes.values(), binary, strict=True):
            scores["binary_accuracy"] = value
        return {"metrics": readings.summary(self.matrix), "classes": classes}


class View(NamedTuple):
    """One image at the headline's resolution, and what only some scores ask for."""

    pred: np.ndarray  # uint8 (H, W), train ids
    mask: np.ndarray  # uint8 (H, W), train ids
    probabilities: Callable[[], Tensor]  # (K, H, W); computed when it is called
    official: tuple[np.ndarray, np.ndarray] | None  # Cityscapes label ids uint8 (H, W) and instance ids (H, W)
    belief: Callable[[], Belief] | None = None  # of several predictions, computed when it is called


class Extra(Protocol):
    """A score beside those of the confusion matrix."""

    def update(self, view: View) -> None: ...

    def compute(self) -> dict[str, Any]: ...


class Official:
    """The official Cityscapes scores; see seglab.metrics.cityscapes."""

    def __init__(self) -> None:
        self._scores = CityscapesScores()

    def update(self, view: View) -> None:
        assert view.official is not None
        self._scores.update(to_label_ids(view.pred), *view.official)

    def compute(self) -> dict[str, Any]:
        return self._scores.compute()


class Boundaries:
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

    def compute(self) -> dict[str, Any]:
        results = {name: metric.compute() for name, metric in self._metrics.items()}
        return {
            name: {
                "mean": result["mean"],
                "classes": dict(zip(self._names, np.asarray(result["per_class"]).tolist(), strict=True)),
            }
            for name, result in results.items()
        }


class Calibration:
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

    def compute(self) -> dict[str, Any]:
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


class Uncertainty:
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

    def compute(self) -> dict[str, Any]:
        """In nats; "right" and "wrong" are of the pixels that are so predicted."""
        pixels, sums = sum(self._pixels.values()), self._sums[True] + self._sums[False]
        found: dict[str, Any] = {"samples": self._samples, **_means(sums, pixels)}
        for name, is_right in (("right", True), ("wrong", False)):
            found[name] = _means(self._sums[is_right], self._pixels[is_right])
        return found


def _means(sums: np.ndarray, pixels: int) -> dict[str, float]:
    entropy, information = (sums / pixels).tolist() if pixels else (math.nan, math.nan)
    return {"mean_entropy": entropy, "mean_mutual_information": information}


class NamedReadings:
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

    def compute(self) -> dict[str, Any]:
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


class Ranked(NamedTuple):
    """An image by its own mIoU."""

    miou: float
    number: int  # of the image in its split, from 0
    sample: draw.Sample
    doubt: Doubt | None = None  # of several predictions


class Extremes:
    """The images with the highest and the lowest mIoU of their own; images without a labelled pixel are left out."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._best: list[tuple[float, int, Ranked]] = []  # heaps of (rank, -index, image), the first leaves next
        self._worst: list[tuple[float, int, Ranked]] = []

    def update(self, miou: float, *, index: int, sample: draw.Sample, doubt: Doubt | None = None) -> None:
        if math.isnan(miou) or self._count == 0:
            return
        image = Ranked(miou, index, sample, doubt)
        for heap, rank in ((self._best, miou), (self._worst, -miou)):
            entry = (rank, -index, image)  # of equal ones the earlier stays; indices differ, images are not compared
            if len(heap) < self._count:
                heapq.heappush(heap, entry)
            else:
                heapq.heappushpop(heap, entry)

    def best(self) -> list[Ranked]:
        """From the highest mIoU down."""
        return [image for _, _, image in sorted(self._best, reverse=True)]

    def worst(self) -> list[Ranked]:
        """From the lowest mIoU up."""
        return [image for _, _, image in sorted(self._worst, reverse=True)]


def _batch(labels: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(labels))[None]
