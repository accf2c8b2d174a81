"""Ground truth at a lower resolution, scored as a prediction: what no network that sees so few pixels can exceed.

Source: Cordts et al., arXiv 1604.01685, section 3.2: "Subsampling was done by majority voting of neighboring pixels,
followed by resampling back to full resolution." Void pixels vote as well, and void that is predicted for a labelled
pixel is wrong, as in every evaluation of Cityscapes. The paper does not say who wins a draw: here the label with the
lowest id, and one that is evaluated before one that is not.

As it goes through the reading, counting and averaging of every score, it checks them from end to end.
"""

import hashlib
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import seglab.lean_imports  # noqa: F401

import numpy as np

from seglab import runs
from seglab.data.image_files import read_ids
from seglab.data.parallel import map_samples
from seglab.data.source import Sample, Source, to_train_ids
from seglab.errors import SeglabError
from seglab.evaluation.cityscapes_files import read_png
from seglab.evaluation.data import data_config, has_official, instances_of, open_source
from seglab.labels import CITYSCAPES_LABELS, IGNORE_INDEX
from seglab.metrics.cityscapes import CityscapesScores, PairCounts, count_pair
from seglab.runs import provenance
from seglab.runs.class_names import dataset_name
from seglab.tables.comparison.per_image import class_iou, scores
from seglab.tables.survey import control

_STRIP = 2**17  # votes that are counted at once
_IDS = sorted((label for label in CITYSCAPES_LABELS if label.id >= 0), key=lambda label: label.id)
_CITYSCAPES_ORDER = tuple(label.id for label in sorted(_IDS, key=lambda label: label.ignore_in_eval))


def measure(
    settings: Mapping[str, Any], *, config: Mapping[str, Any], factor: int, official: bool, command: Sequence[str]
) -> dict[str, Any]:
    """The scores of the ground truth of a split, with their protocol and origin: what `survey.control` keeps.

    Args:
        settings: the resolved values of conf/evaluate.yaml, with the split.
        config: of the row, of which the data count.
        factor: by which the height and the width are divided.
        official: whether the official Cityscapes scores must be there; else they are where the data set allows it.
        command: what was typed to get them.

    Raises:
        SeglabError: the split, its labels or its instances are not there.
    """
    started = time.monotonic()
    data = data_config(settings, config["data"])
    source = open_source(data, own=False)
    with_official = has_official(official or settings["official"], source)
    total = _Total(source.labels.names, with_official=with_official)
    listing = _Listing(source.samples, source, factor, with_official)
    for counts in map_samples(_count, listing, title=f"down-sampling by {factor}"):
        total.add(counts)
    protocol = {
        "dataset": dataset_name(data),
        "split": data["test_split"],
        "labels": source.labels.name,
        "images": len(source.samples),
        "limit": settings["limit"],
        "resolution": "original",
        "resolutions": ["original"],
        "reading": "dataset",
        "void": "removed",
        "prediction": control.PREDICTION,
        "fingerprint": total.digest.hexdigest(),
    }
    origin = provenance.provenance()
    return {
        "ended": runs.now(),
        "seconds": round(time.monotonic() - started, 1),
        "fingerprint": control.fingerprint(settings["data"] or config["data"], factor=factor),
        "command": shlex.join(command),
        **{key: origin[key] for key in ("host", "versions", "code", "git")},
        "protocol": protocol,
        **total.scores(),
    }


def lowered(ids: np.ndarray, *, factor: int, order: Sequence[int]) -> np.ndarray:
    """The label map at 1/factor of its resolution, by a vote in each square of pixels, and at its own size again.

    Args:
        ids: uint8 (H, W). Squares that reach beyond the border have fewer voters.
        factor: side of the squares.
        order: all values that occur; of those with as many votes the first wins.

    Returns:
        uint8 (H, W).
    """
    height, width = ids.shape
    ranks = np.zeros(256, dtype=np.intp)
    ranks[list(order)] = np.arange(len(order))
    rows, columns = -(-height // factor), -(-width // factor)
    cells = np.arange(width) // factor * len(order)  # (W,)
    winners = np.empty((rows, columns), dtype=np.intp)
    step = max(1, _STRIP // (columns * len(order)))
    for first in range(0, rows, step):
        strip = ids[first * factor : (first + step) * factor]  # (h, W)
        squares = -(-len(strip) // factor)
        offsets = np.arange(len(strip)) // factor * (columns * len(order))
        votes = np.bincount((ranks[strip] + cells + offsets[:, None]).ravel(), minlength=squares * columns * len(order))
        winners[first : first + squares] = votes.reshape(squares, columns, len(order)).argmax(2)
    small = np.array(order, dtype=np.uint8)[winners]  # (ceil(H/factor), ceil(W/factor))
    return np.repeat(np.repeat(small, factor, 0), factor, 1)[:height, :width]


@dataclass(frozen=True)
class _Listing:
    """What is scored, as another process takes it over."""

    samples: Sequence[Sample]
    source: Source
    factor: int
    official: bool


class _Counts(NamedTuple):
    """Of one image."""

    pixels: np.ndarray  # int64 (K, 3): right, in the ground truth, predicted
    official: PairCounts | None
    digest: bytes  # of its name and its labels


def _count(listing: _Listing, index: int) -> _Counts:
    sample, labels = listing.samples[index], listing.source.labels
    digest = hashlib.blake2b(sample.name.encode(), digest_size=8)
    if not listing.official:
        _, mask = listing.source.read(index)
        digest.update(np.ascontiguousarray(mask).data)
        order = (*range(labels.num_classes), IGNORE_INDEX)
        pred = lowered(mask, factor=listing.factor, order=order)
        return _Counts(_pixels(pred, mask, classes=labels.num_classes), None, digest.digest())
    assert sample.mask is not None
    ids, instances = read_ids(sample.mask), read_png(instances_of(sample.mask))
    mask = to_train_ids(ids, labels, sample.mask)
    for image in (ids, instances):
        digest.update(np.ascontiguousarray(image).data)
    pred_ids = lowered(ids, factor=listing.factor, order=_CITYSCAPES_ORDER)
    pixels = _pixels(labels.lookup[pred_ids], mask, classes=labels.num_classes)
    return _Counts(pixels, count_pair(pred_ids, ids, instances), digest.digest())


def _pixels(pred: np.ndarray, mask: np.ndarray, *, classes: int) -> np.ndarray:
    """int64 (K, 3) of the labelled pixels. Predicted void is a miss, which a (K, K) confusion matrix cannot hold."""
    labelled = mask != IGNORE_INDEX
    pred, mask = pred[labelled], mask[labelled]
    parts = (mask[pred == mask], mask, pred[pred != IGNORE_INDEX])
    return np.stack([np.bincount(part, minlength=classes) for part in parts], axis=1)


class _Total:
    """Of all images, in their order."""

    def __init__(self, names: Sequence[str], *, with_official: bool) -> None:
        self._names = names
        self._pixels = np.zeros((len(names), 3), dtype=np.int64)
        self._official = CityscapesScores() if with_official else None
        self.digest = hashlib.blake2b(digest_size=8)

    def add(self, counts: _Counts) -> None:
        self._pixels += counts.pixels
        self.digest.update(counts.digest)
        if self._official is not None and counts.official is not None:
            self._official.add(counts.official)

    def scores(self) -> dict[str, Any]:
        """{"original": {"metrics", "classes"}, "official"}, as an evaluation gives them."""
        if not self._pixels.any():
            raise SeglabError(
                "expected labelled pixels in the ground truth; came none - the labels of this split may not be public; "
                "choose another split"
            )
        ious = class_iou(self._pixels).tolist()
        result: dict[str, Any] = {
            "original": {
                "metrics": {name: float(value) for name, value in scores(self._pixels).items()},
                "classes": {name: {"iou": iou} for name, iou in zip(self._names, ious, strict=True)},
            }
        }
        return result if self._official is None else {**result, "official": self._official.compute()}
