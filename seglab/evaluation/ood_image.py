"""How well a score of images tells the evaluated split from images of anything else, and what a threshold accepts."""

from collections.abc import Iterator, Mapping
from typing import Any

import seglab.lean_imports  # noqa: F401

import numpy as np

from seglab.data.image_files import RGB, read_image
from seglab.data.progress import tracked
from seglab.display import draw
from seglab.display.boxes import boxes_figure
from seglab.display.csv_text import as_cell
from seglab.errors import SeglabError
from seglab.evaluation.contract import Extra, Finished, View
from seglab.evaluation.ood import require_plain
from seglab.inference import inputs
from seglab.inference.exported import ExportedPredictor
from seglab.inference.members import MembersPredictor
from seglab.inference.ood.image import ImageLevel, image_score
from seglab.inference.predictor import Predictor
from seglab.metrics.anomaly import Detection, detection

CIFAR100 = "cifar100"
_QUANTILE = 0.95  # of the split's own scores, which a threshold that is not given accepts
_SHARES = ("accepted_in", "accepted_out")


class ImageAnomalies(Extra):
    """Images of the evaluated split are in, those of `ood.out` out; each is stretched to the size of the network.

    Raises:
        SeglabError: the network sees images at their own size, or in another way than once and whole; or the images of
            `ood.out` are not there.
    """

    needs_labels = False

    def __init__(
        self,
        chosen: ImageLevel,
        *,
        predictor: Predictor | ExportedPredictor | MembersPredictor,
        asked: Mapping[str, Any],
    ) -> None:
        self._predictor = require_plain(predictor)
        if self._predictor.size is None or self._predictor.channels != RGB:
            raise SeglabError(
                "ood=image: expected a run on images of 3 channels that are brought to one size, to which others can "
                "be stretched; came another - leave size=image out, or give size=[height,width]"
            )
        self._chosen, self._asked = chosen, asked
        self._others = _cifar100(chosen) if chosen.out == CIFAR100 else _files(chosen)
        self._inside: list[tuple[str, float]] = []  # image of the split, its score

    def update(self, view: View) -> None:
        self._inside.append((view.name, self._score(view.image)))

    def compute(self, finished: Finished) -> dict[str, Any]:
        """{"auroc", "ap", "fpr95", "intervals", "threshold", "accepted_in", "accepted_out", "in", "out", "protocol"}.

        "intervals" holds [low, high] of 95 % of each, by resampling the images of both sides.
        """
        images = tracked(self._others.images(), count=len(self._others), title="images of another kind")
        outside = np.array([self._score(image) for image in images])  # (N,)
        inside = np.array([score for _, score in self._inside])
        threshold = self._chosen.threshold
        if threshold is None:
            threshold = float(np.quantile(inside, _QUANTILE))
        self.inside, self.outside, self.threshold = inside, outside, threshold
        values = _values(inside, outside, threshold)
        return {
            **values,
            "intervals": _intervals(inside, outside, threshold, seed=self._chosen.seed, count=self._chosen.resamples),
            "threshold": threshold,
            "in": len(inside),
            "out": len(outside),
            "protocol": dict(self._asked),
        }

    def files(self) -> Mapping[str, str | np.ndarray]:
        names = [name for name, _ in self._inside]
        lines = ["image,side,score,accepted"]
        for side, of_side, scores in (("in", names, self.inside), ("out", self._others.names, self.outside)):
            for name, score in zip(of_side, scores.tolist(), strict=True):
                lines.append(f"{as_cell(name)},{side},{score!r},{str(score < self.threshold).lower()}")
        boxes = {"in distribution": self.inside.tolist(), "out of distribution": self.outside.tolist()}
        title = f"{self._chosen.score.replace('_', ' ')} of an image"
        picture = draw.rendered(boxes_figure(boxes, threshold=self.threshold, title=title))
        return {"ood.csv": "\n".join(lines) + "\n", "ood.png": picture}

    def _score(self, image: np.ndarray) -> float:
        return image_score(self._predictor, image, score=self._chosen.score)


class _Others:
    """Images that are not of the data set, read one at a time."""

    def __init__(self, names: list[str], images: Any) -> None:
        self.names = names
        self._images = images

    def __len__(self) -> int:
        return len(self.names)

    def images(self) -> Iterator[np.ndarray]:
        """uint8 (H, W, 3) each."""
        return self._images()


def _files(chosen: ImageLevel) -> _Others:
    found = inputs.find(str(chosen.out), suffixes=inputs.IMAGES, output=None)
    picked = [found[index] for index in _picked(len(found), chosen)]
    return _Others([one.name for one in picked], lambda: (read_image(one.path) for one in picked))


def _cifar100(chosen: ImageLevel) -> _Others:
    from torchvision.datasets import CIFAR100 as Reader  # here, as it takes a second

    try:
        data = Reader(str(chosen.root), train=True, download=False)
    except (RuntimeError, OSError) as error:
        raise SeglabError(
            f"ood.out=cifar100: expected the folder cifar-100-python in ood.root={chosen.root}; it is not there, or "
            "damaged - unpack cifar-100-python.tar.gz of www.cs.toronto.edu/~kriz/cifar.html, or set CIFAR100_ROOT"
        ) from error
    picked = _picked(len(data), chosen)
    return _Others([f"cifar100_{index:05d}" for index in picked], lambda: (data.data[index] for index in picked))


def _picked(count: int, chosen: ImageLevel) -> list[int]:
    """Sorted numbers of the images that are chosen."""
    wanted = count if chosen.images is None else min(chosen.images, count)
    return sorted(np.random.default_rng(chosen.seed).choice(count, wanted, replace=False).tolist())


def _values(inside: np.ndarray, outside: np.ndarray, threshold: float) -> dict[str, float]:
    marks = np.repeat([False, True], [len(inside), len(outside)])
    found: Detection = detection(np.concatenate([inside, outside]), marks)
    accepted = [float((scores < threshold).mean()) for scores in (inside, outside)]
    return {**found._asdict(), **dict(zip(_SHARES, accepted, strict=True))}


def _intervals(
    inside: np.ndarray, outside: np.ndarray, threshold: float, *, seed: int, count: int
) -> dict[str, list[float]]:
    """The quantiles 2.5 % and 97.5 % of each value over images drawn with replacement; the threshold stays."""
    generator = np.random.default_rng(seed)
    drawn = [
        _values(generator.choice(inside, len(inside)), generator.choice(outside, len(outside)), threshold)
        for _ in range(count)
    ]
    names = drawn[0] if drawn else {}
    return {name: np.quantile([one[name] for one in drawn], [0.025, 0.975]).tolist() for name in names}
