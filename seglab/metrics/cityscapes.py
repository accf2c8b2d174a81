"""The official pixel-level evaluation of Cityscapes: IoU and instance-weighted iIoU of classes and categories.

Source: cityscapesscripts 2.3.0, evaluation/evalPixelLevelSemanticLabeling.py; Cordts et al., arXiv 1604.01685, section
4.1. What is easily overlooked in it:
- A labelled pixel predicted as a void id (or parking, caravan, ...) is a false negative of its class; a pixel whose
  ground truth is such an id is never a false positive.
- Inside a category all confusion is right, but an ignored id of the same category (parking on road) is wrong. In the
  category iIoU it is right: caravan on a car is found.
- iTP and iFN of an instance are divided by its size; a group (instance id = bare label id) enters neither.
- The license plate has no pixels: its id -1 is never drawn, plates keep the id of the vehicle.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from seglab.errors import SeglabError
from seglab.labels import CITYSCAPES_LABELS, IGNORE_INDEX, Label
from seglab.metrics.label_runs import label_runs

LABELS: tuple[Label, ...] = tuple(label for label in CITYSCAPES_LABELS if label.id >= 0)  # the id is the position
CATEGORIES: tuple[str, ...] = tuple(dict.fromkeys(label.category for label in LABELS))
# Pixels of an average instance of the train set, published with the official program.
AVERAGE_INSTANCE_SIZE = {
    "bicycle": 4672.3249222261,
    "caravan": 36771.8241758242,
    "motorcycle": 6298.7200839748,
    "rider": 3930.4788056518,
    "bus": 35732.1511111111,
    "train": 67583.7075812274,
    "car": 12794.0202738185,
    "person": 3462.4756337644,
    "truck": 27855.1264367816,
    "trailer": 16926.9763313609,
}

_BYTE = 256
_CONVERT = (
    "python -m seglab.predict writes label ids with ids=label_ids or format=cityscapes; "
    "seglab.metrics.cityscapes.to_label_ids makes them of train ids"
)
_FIRST_INSTANCE = 1001  # instance id = label id * 1000 + number; below it stand bare label ids
_EVALUATED = [label.id for label in LABELS if not label.ignore_in_eval]
_WITH_INSTANCES = [label.id for label in LABELS if label.has_instances and not label.ignore_in_eval]
# Categories that hold nothing but instances: all ids of them, ignored ones too.
_INSTANCE_CATEGORIES = {
    category: [label.id for label in LABELS if label.category == category]
    for category in CATEGORIES
    if all(label.has_instances for label in LABELS if label.category == category)
}
_CATEGORY_MEMBERS = np.array([[other.category == label.category for other in LABELS] for label in LABELS])
_FROM_TRAIN_ID = np.full(_BYTE, IGNORE_INDEX, dtype=np.uint8)
for _label in LABELS:
    if not _label.ignore_in_eval:
        _FROM_TRAIN_ID[_label.train_id] = _label.id
_FROM_TRAIN_ID[IGNORE_INDEX] = 0  # "unlabeled"


@dataclass(frozen=True)
class PairCounts:
    """What one image adds: all that the scores need, in whole numbers."""

    matrix: np.ndarray  # int64 (34, 34), rows ground truth, columns prediction, by label id
    instances: np.ndarray  # int64 (N, 4) of evaluated instances by ascending id: label id, pixels, hits, category hits


class CityscapesScores:
    """Accumulates the official scores over images; its memory does not grow with their number.

    Attributes:
        matrix: int64 (34, 34), rows ground truth, columns prediction, by label id.
        class_weighted: {label id: [iTP, iFN]} of the classes that have instances.
        category_weighted: {category: [iTP, iFN]} of "human" and "vehicle".
    """

    def __init__(self) -> None:
        self.matrix = np.zeros((len(LABELS), len(LABELS)), dtype=np.int64)
        self.class_weighted = {label_id: [0.0, 0.0] for label_id in _WITH_INSTANCES}
        self.category_weighted = {category: [0.0, 0.0] for category in _INSTANCE_CATEGORIES}

    def update(self, prediction_ids: np.ndarray, label_ids: np.ndarray, instance_ids: np.ndarray) -> None:
        """Adds an image; see `count_pair`."""
        self.add(count_pair(prediction_ids, label_ids, instance_ids))

    def add(self, counts: PairCounts) -> None:
        """Adds what was counted elsewhere; in the order of the images, the result is official to the last bit."""
        self.matrix += counts.matrix
        for label_id, pixels, hits, category_hits in counts.instances.tolist():
            label = LABELS[label_id]
            weight = AVERAGE_INSTANCE_SIZE[label.name] / pixels
            _add(self.class_weighted[label_id], (hits * weight, (pixels - hits) * weight))
            _add(self.category_weighted[label.category], (category_hits * weight, (pixels - category_hits) * weight))

    def merge(self, other: "CityscapesScores") -> None:
        """Adds another accumulator. Sums of floats: the last digit of an iIoU may depend on the grouping."""
        self.matrix += other.matrix
        for label_id, sums in self.class_weighted.items():
            _add(sums, other.class_weighted[label_id])
        for category, sums in self.category_weighted.items():
            _add(sums, other.category_weighted[category])

    def compute(self) -> dict[str, float | dict[str, float]]:
        """The scores under their names in the official JSON file; NaN where there is none, means leave NaN out.

        `classScores` (IoU), `classInstScores` (iIoU), `categoryScores`, `categoryInstScores`: {name: score};
        `averageScoreClasses` (the mIoU), `averageScoreInstClasses`, `averageScoreCategories`,
        `averageScoreInstCategories`.
        """
        classes = {label.name: self._class_iou(label) for label in LABELS}
        instances = {label.name: self._class_iiou(label) for label in LABELS}
        categories = {category: self._category_iou(category) for category in CATEGORIES}
        instance_categories = {category: self._category_iiou(category) for category in CATEGORIES}
        return {
            "classScores": classes,
            "classInstScores": instances,
            "categoryScores": categories,
            "categoryInstScores": instance_categories,
            "averageScoreClasses": _mean(classes.values()),
            "averageScoreInstClasses": _mean(instances.values()),
            "averageScoreCategories": _mean(categories.values()),
            "averageScoreInstCategories": _mean(instance_categories.values()),
        }

    def require_label_ids(self) -> None:
        """Raises SeglabError for predictions of train ids 0..18, which are label ids as well, but of other classes.

        Told by their pixels: none above 18, and more of them right as train ids. Where a network knows only classes
        with low label ids, its label ids are right more often.
        """
        evaluated = [LABELS[label_id] for label_id in _EVALUATED]
        right = int(sum(self.matrix[label.id, label.id] for label in evaluated))
        right_as_train = int(sum(self.matrix[label.id, label.train_id] for label in evaluated))
        if right_as_train > right and not self.matrix[:, len(evaluated) :].any():
            percent = 100 / int(self.matrix[_EVALUATED].sum())
            raise SeglabError(
                f"expected predictions of label ids 0..{len(LABELS) - 1}; these hold none above {len(evaluated) - 1}, "
                f"and {percent * right:.1f} % of their pixels are right, but as train ids "
                f"{percent * right_as_train:.1f} % would be - {_CONVERT}"
            )

    def _class_iou(self, label: Label) -> float:
        if label.ignore_in_eval:
            return float("nan")
        return _ratio(int(self.matrix[label.id, label.id]), int(self.matrix[label.id].sum()), self._false(label))

    def _class_iiou(self, label: Label) -> float:
        if label.id not in self.class_weighted:
            return float("nan")
        hits, misses = self.class_weighted[label.id]
        return _ratio(hits, hits, self._false(label), misses)

    def _false(self, label: Label) -> int:
        """Pixels of other evaluated classes that were predicted as this one."""
        return int(self.matrix[[row for row in _EVALUATED if row != label.id], label.id].sum())

    def _category_iou(self, category: str) -> float:
        inside, outside = _split(category)
        block = self.matrix[inside]
        return _ratio(int(block[:, inside].sum()), int(block.sum()), int(self.matrix[np.ix_(outside, inside)].sum()))

    def _category_iiou(self, category: str) -> float:
        if category not in self.category_weighted:
            return float("nan")
        _, outside = _split(category)
        hits, misses = self.category_weighted[category]
        false = int(self.matrix[np.ix_(outside, _INSTANCE_CATEGORIES[category])].sum())
        return _ratio(hits, hits, false, misses)


def count_pair(prediction_ids: np.ndarray, label_ids: np.ndarray, instance_ids: np.ndarray) -> PairCounts:
    """What one image adds to the scores.

    Args:
        prediction_ids: uint8 (H, W), label ids 0..33; of train ids, `to_label_ids` makes them.
        label_ids: uint8 (H, W), as in `*_gtFine_labelIds.png`.
        instance_ids: uint16 or int32 (H, W), as in `*_gtFine_instanceIds.png`.

    Raises:
        SeglabError: shapes or types do not fit, or a value is no label id (the official program stops at 255 in
            Python, and counts it in a wrong cell of the matrix when it was compiled).
    """
    _check_arrays(prediction_ids, label_ids, instance_ids)
    (labels, predictions, instances), pixels = label_runs(
        label_ids.reshape(-1), prediction_ids.reshape(-1), instance_ids.reshape(-1)
    )
    joint = _histogram(labels.astype(np.intp) * _BYTE + predictions, pixels, size=_BYTE**2)
    joint = joint.reshape(_BYTE, _BYTE)
    _check_values(joint.sum(1), "label ids")
    _check_values(joint.sum(0), "prediction")
    counts = _count_instances(instances, predictions, pixels)
    return PairCounts(matrix=joint[: len(LABELS), : len(LABELS)], instances=counts)


def to_label_ids(train_ids: np.ndarray) -> np.ndarray:
    """uint8 label ids of a map of the 19 Cityscapes train ids; IGNORE_INDEX becomes 0 ("unlabeled").

    Raises:
        SeglabError: the map is not uint8, or holds another value.
    """
    if train_ids.dtype != np.uint8:
        raise SeglabError(f"expected train ids as uint8; got {train_ids.dtype} - convert them with .astype('uint8')")
    if not train_ids.size:
        return train_ids.copy()
    label_ids = cv2.LUT(train_ids, _FROM_TRAIN_ID)  # 9 times faster than indexing
    if label_ids.max() == IGNORE_INDEX:
        wrong = int(train_ids[label_ids == IGNORE_INDEX][0])
        raise SeglabError(
            f"the prediction holds {wrong}; expected Cityscapes train ids 0..18 or {IGNORE_INDEX} - was the network "
            "trained on another label space?"
        )
    return label_ids


def _histogram(cells: np.ndarray, pixels: np.ndarray, *, size: int) -> np.ndarray:
    """int64 (size,): pixels of the runs (R,) in each cell; the float64 of bincount is exact up to 2^53."""
    return np.bincount(cells, weights=pixels, minlength=size).astype(np.int64)


def _count_instances(instance_ids: np.ndarray, prediction_ids: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """int64 (N, 4) of runs (R,), see PairCounts."""
    chosen = np.flatnonzero(instance_ids >= _FIRST_INSTANCE)
    present, rank = np.unique(instance_ids[chosen], return_inverse=True)  # ascending, as the official program adds
    _check_instances(present)
    label_ids = present.astype(np.intp) // 1000
    cells = rank * len(LABELS) + prediction_ids[chosen]
    counts = _histogram(cells, pixels[chosen], size=len(present) * len(LABELS)).reshape(-1, len(LABELS))  # (N, 34)
    category_hits = (counts * _CATEGORY_MEMBERS[label_ids]).sum(1)
    table = np.stack([label_ids, counts.sum(1), counts[np.arange(len(present)), label_ids], category_hits], axis=1)
    return table[np.isin(label_ids, _WITH_INSTANCES)]


def _check_arrays(prediction_ids: np.ndarray, label_ids: np.ndarray, instance_ids: np.ndarray) -> None:
    if not prediction_ids.shape == label_ids.shape == instance_ids.shape or label_ids.ndim != 2:
        raise SeglabError(
            f"expected a prediction, label ids and instance ids of one size (H, W); got {prediction_ids.shape}, "
            f"{label_ids.shape} and {instance_ids.shape} - resize the prediction to the ground truth"
        )
    if prediction_ids.dtype != np.uint8 or label_ids.dtype != np.uint8:
        raise SeglabError(
            f"expected label ids as uint8; got {prediction_ids.dtype} and {label_ids.dtype} - "
            "read the PNG files without conversion"
        )
    if not np.issubdtype(instance_ids.dtype, np.integer):
        raise SeglabError(f"expected integer instance ids; got {instance_ids.dtype} - read the 16-bit PNG unchanged")


def _check_values(pixels: np.ndarray, what: str) -> None:
    """`pixels` (256,): how often each value occurs."""
    unknown = np.flatnonzero(pixels[len(LABELS) :]) + len(LABELS)
    if len(unknown):
        raise SeglabError(
            f"the {what} of an image hold {unknown[0]} ({pixels[unknown[0]]} pixels); expected Cityscapes label ids "
            f"0..{len(LABELS) - 1} - void is 0, not 255; {_CONVERT}"
        )


def _check_instances(present: np.ndarray) -> None:
    """`present` (N,): the instance ids above 1000."""
    for instance_id in present.tolist():
        label_id = instance_id // 1000
        if label_id >= len(LABELS) or not (LABELS[label_id].has_instances or LABELS[label_id].ignore_in_eval):
            raise SeglabError(
                f"the instance ids of an image hold {instance_id}; expected label id * 1000 + number of a label that "
                "has instances, and bare label ids of others - is it the file *_gtFine_instanceIds.png?"
            )


def _split(category: str) -> tuple[list[int], list[int]]:
    """Evaluated ids of the category, and of all others."""
    inside = [label_id for label_id in _EVALUATED if LABELS[label_id].category == category]
    return inside, [label_id for label_id in _EVALUATED if label_id not in inside]


def _ratio(hits: float, *parts: float) -> float:
    """hits / sum of parts; NaN of nothing."""
    total = _sum(parts)
    return float(hits) / total if total else float("nan")


def _mean(scores: Iterable[float]) -> float:
    """Over the scores that are not NaN."""
    valid = [score for score in scores if score == score]
    return _sum(valid) / len(valid) if valid else float("nan")


def _sum(terms: Iterable[float]) -> float:
    """Added from the left as the official program does; from Python 3.12 on, sum() rounds floats otherwise."""
    total = 0.0
    for term in terms:
        total += term
    return total


def _add(sums: list[float], terms: Sequence[float]) -> None:
    for index, term in enumerate(terms):
        sums[index] += term
