"""The scores of a run or of an exported network on a split: image by image, at its size and at that of the labels."""

import hashlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TextIO

import seglab.lean_imports  # noqa: F401

import numpy as np
from torch import Tensor

from seglab.data.corruptions import names as corruption_names
from seglab.data.corruptions.names import CORRUPTION
from seglab.data.image_files import RGB
from seglab.data.progress import tracked
from seglab.data.transforms import resize
from seglab.display import draw
from seglab.display.csv_text import as_cell
from seglab.display.doubt import Doubt
from seglab.display.ood import OOD, asked
from seglab.display.post import POST
from seglab.display.rgb import as_rgb
from seglab.errors import SeglabError
from seglab.evaluation.cityscapes_files import read_png
from seglab.evaluation.columns import COMMON, OFFICIAL, UNCERTAINTY
from seglab.evaluation.corruptions import Corruptions, reference_of
from seglab.evaluation.counts import Extra, Extremes, Pixels, View, extra_of
from seglab.evaluation.data import check_same_classes, data_config, has_official, instances_of, open_source
from seglab.evaluation.fitted import require_unseen
from seglab.evaluation.ood import PixelAnomalies, built_of
from seglab.evaluation.ood_image import ImageAnomalies
from seglab.inference.file_loop import ahead
from seglab.inference.members import Belief, MembersPredictor, open_members
from seglab.inference.ood.image import ImageLevel
from seglab.inference.predictor import size_of
from seglab.labels import LabelSpace, label_space
from seglab.labels.shared_classes import common, table
from seglab.metrics import readings
from seglab.metrics.components import ComponentScores
from seglab.runs.class_names import dataset_name

log = logging.getLogger("seglab")

ORIGINAL, NETWORK = "original", "network"
PER_IMAGE = ("name", "resolution", "class", "intersection", "truth", "prediction")  # columns; the last three: pixels


class Item(NamedTuple):
    """One image as it was read."""

    name: str
    image: np.ndarray  # (H, W, C), uint8 or uint16
    mask: np.ndarray  # uint8 (H, W), train ids
    official: tuple[np.ndarray, np.ndarray] | None  # label ids and instance ids (H, W)
    digest: bytes  # of the name, the image and the mask


@dataclass(frozen=True)
class Scores:
    """What came out. `results` holds {"original", "network", "official", ...} as they were asked for."""

    results: dict[str, Any]
    matrix: np.ndarray  # int64 (K, K) or (K, K + 1) at the headline's resolution
    extremes: Extremes
    fingerprint: str  # of the data that were read
    beside: Mapping[str, str | np.ndarray] = field(default_factory=dict)  # {file: text or picture} beside metrics.json


class Evaluation:
    """A run, or an exported network, and the data on which it is scored, ready to begin.

    Args:
        settings: the resolved values of conf/evaluate.yaml.

    Attributes:
        labels: the label space of the data, with the classes of the run.
        run: whose record gets the scores; None of an exported network.
        folder: below which the results lie.
        protocol: all on which the scores depend; scores of another protocol are not comparable.

    Raises:
        SeglabError: there is no such run, checkpoint or split, or the data set has other classes than the run.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        opened, load = open_members(settings)
        self.run, self.folder, self._origin = opened.run, opened.folder, opened.origin
        data = data_config(settings, opened.data)
        self._settings = settings
        self.labels: LabelSpace = label_space(data["labels"])
        self._common = None
        if settings["classes"] == COMMON:
            self._common = common(opened.labels, self.labels)
            self.labels = self._common.labels
        else:
            check_same_classes(opened.labels, self.labels)
        if not settings["score_fitted_split"]:
            require_unseen(settings, data)
        self._source = open_source(data, own=settings["data"] is None)
        self._predictor = load()
        channels, of_data = self._predictor.channels, data.get("channels", RGB)
        if channels != of_data:
            raise SeglabError(f"expected images of {channels} channels, as in training; came data.channels={of_data} - "
                              "choose another data set")  # fmt: skip
        self._with_official = has_official(settings["official"], self._source) and self._common is None
        self.resolutions = _resolutions(settings["resolution"], self._predictor.size)
        self._with_official &= ORIGINAL in self.resolutions
        self._batch_size = data["eval_batch_size"] or data["batch_size"]
        self.protocol = self._protocol(data)
        self._reference = reference_of(settings["reference"], self.protocol)
        if CORRUPTION in self.protocol and channels != RGB:
            raise SeglabError(f"corruption: expected images of {RGB} channels; the run was trained on {channels} - "
                              "leave corruption out")  # fmt: skip
        self._ood = self._anomalies(opened.data)
        what = settings["run"] if self.run is None else f"{settings['checkpoint']} of {self.run}"
        log.info("%s on %d images, %s", what, len(self._source.samples), self._predictor.device)

    def score(self, per_image: TextIO) -> Scores:
        """Scores every image; writes its counts to `per_image` as CSV, classes that it does not have left out."""
        names = self.labels.names
        misses = self._predictor.has_other_outputs or bool(self._common and self._common.only_run)
        pixels = {resolution: Pixels(names, misses=misses) for resolution in self.resolutions}
        extras = self._extras()
        corruptions = self._corruptions(misses=misses)
        if self._ood is not None:
            self._ood.fit()
        extremes, digest = Extremes(self._settings["panels"]), hashlib.blake2b(digest_size=8)
        per_image.write(",".join(PER_IMAGE) + "\n")
        for index, item in enumerate(self._items()):
            maps = self._maps(item)
            matrices = {resolution: pixels[resolution].update(*pair) for resolution, pair in maps.items()}
            for resolution, matrix in matrices.items():
                per_image.writelines(_rows(item.name, resolution, matrix, names))
            view = self._view(item, *maps[self.headline])
            for extra in extras.values():
                extra.update(view)
            if corruptions is not None:
                corruptions.update(item.name, item.image, view.mask)
            if self._ood is not None:
                self._ood.update(index, item.image, size_of(view.mask))
            miou = readings.summary(matrices[self.headline])["miou"]
            sample = _panel(item, view, miou)
            extremes.update(miou, index=index, sample=sample, doubt=_doubt(sample, view))
            digest.update(item.digest)
        if not isinstance(self._ood, PixelAnomalies):  # of the data for these some know no classes
            _require_labels(pixels[self.headline].matrix, self.protocol)
        counted = {resolution: counts.compute() for resolution, counts in pixels.items()}
        counted |= {name: extra.compute() for name, extra in extras.items()}
        if corruptions is not None:
            clean = counted[self.headline]["metrics"]["miou"]
            counted[CORRUPTION] = corruptions.compute(clean=clean, fingerprint=digest.hexdigest())
        if self._common is not None:
            counted[COMMON] = self._common.told()
        if self._ood is not None:
            counted[OOD] = self._ood.compute(self._components(self._ood))
        beside = {}
        if isinstance(self._ood, ImageAnomalies):
            beside = self._ood.files([sample.name for sample in self._source.samples])
        return Scores(counted, pixels[self.headline].matrix.numpy(), extremes, digest.hexdigest(), beside)

    @property
    def headline(self) -> str:
        """The resolution whose score is the score: that of the labels where it is measured."""
        return self.resolutions[0]

    def _extras(self) -> dict[str, Extra]:
        """What is computed at the headline's resolution beside the confusion matrix."""
        asked = [*([OFFICIAL] if self._with_official else []), *self._settings["extra"]]
        if isinstance(self._predictor, MembersPredictor):
            asked = list(dict.fromkeys([*asked, "calibration", UNCERTAINTY]))
        return {name: extra_of(name, self.labels.names, batch_size=self._batch_size) for name in asked}

    def _anomalies(self, trained_on: Mapping[str, Any]) -> PixelAnomalies | ImageAnomalies | None:
        """What scores anomalies, where a detector is asked for."""
        if self._settings["ood"] is None:
            return None
        built, asked = built_of(self._settings["ood"]), self.protocol[OOD]
        if isinstance(built, ImageLevel):
            return ImageAnomalies(built, predictor=self._predictor, asked=asked)
        return PixelAnomalies(built, predictor=self._predictor, source=self._source, data=trained_on, asked=asked)

    def _components(self, ood: PixelAnomalies | ImageAnomalies) -> dict[str, ComponentScores] | None:
        """Of all images, which are looked at once more: the threshold is known by now."""
        if isinstance(ood, ImageAnomalies):
            return None
        found = ood.components()
        if found is None:
            return None
        for index, item in enumerate(self._items()):
            mask = item.mask if self.headline == ORIGINAL else self._maps(item)[NETWORK][1]
            ood.update_components(found, index, item.image, size_of(mask))
        return found

    def _corruptions(self, *, misses: bool) -> Corruptions | None:
        """What scores corrupted images at the headline's resolution, where they are asked for."""
        if CORRUPTION not in self.protocol:
            return None

        def predict(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
            return self._predicted(image, [size])[0]

        return Corruptions(
            self.protocol[CORRUPTION], predict=predict, names=self.labels.names, misses=misses,
            threads=self._settings["threads"], reference=self._reference,
        )  # fmt: skip

    def _view(self, item: Item, pred: np.ndarray, mask: np.ndarray) -> View:
        predictor = self._predictor

        def probabilities() -> Tensor:
            return predictor.probabilities(item.image, size=size_of(mask))

        if not isinstance(predictor, MembersPredictor):
            return View(pred, mask, probabilities, item.official)

        def belief() -> Belief:
            return predictor.beliefs(item.image, sizes=[size_of(mask)])[0]

        return View(pred, mask, probabilities, item.official, belief)

    def _maps(self, item: Item) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """{resolution: (prediction, mask)}, uint8 (H, W) each; the network sees the image once."""
        masks = {}
        for resolution in self.resolutions:
            size = self._predictor.size if resolution == NETWORK else None
            masks[resolution] = item.mask if size is None else resize(item.image, item.mask, size)[1]
        sizes = [size_of(mask) for mask in masks.values()]
        preds = self._predicted(item.image, sizes)
        return {key: (pred, mask) for (key, mask), pred in zip(masks.items(), preds, strict=True)}

    def _predicted(self, image: np.ndarray, sizes: list[tuple[int, int]]) -> list[np.ndarray]:
        """Label maps uint8 (H, W); 255 where a class wins that is not scored."""
        preds = self._predictor.label_maps(image, sizes=sizes)
        if self._common is None:
            return preds
        lookup = table(self._common.of_run)
        return [lookup[pred] for pred in preds]

    def _items(self) -> Iterator[Item]:
        count = len(self._source.samples)
        items = ahead(self._read, count=count, threads=self._settings["threads"])
        yield from tracked(items, count=count, title="evaluating")

    def _read(self, index: int) -> Item:
        sample = self._source.samples[index]
        image, mask = self._source.read(index)
        digest = hashlib.blake2b(f"{sample.name}{image.shape}".encode(), digest_size=8)
        digest.update(np.ascontiguousarray(image).data)
        digest.update(np.ascontiguousarray(mask).data)
        if self._common is not None:
            mask = table(self._common.of_data)[mask]
        official = None
        if self._with_official:
            assert sample.mask is not None
            official = read_png(sample.mask), read_png(instances_of(sample.mask))
        return Item(sample.name, image, mask, official, digest.digest())

    def _protocol(self, data: Mapping[str, Any]) -> dict[str, Any]:
        settings, predictor = self._settings, self._predictor
        corruption = corruption_names.protocol(settings[CORRUPTION], settings["severity"], settings["seed"])
        return {
            "dataset": dataset_name(data),
            "split": data["test_split"],
            "labels": self.labels.name,
            "images": len(self._source.samples),
            "limit": settings["limit"],
            "resolution": self.headline,
            "resolutions": list(self.resolutions),
            "size": None if predictor.size is None else list(predictor.size),
            "scales": list(predictor.scales),
            "flip": predictor.flip,
            "tile": None if predictor.tile is None else list(predictor.tile),
            "overlap": None if predictor.tile is None else predictor.overlap,
            "reading": "dataset",
            "void": "removed",
            **({} if predictor.post is None else {POST: predictor.post.protocol()}),  # protocols were written without
            **({} if self._common is None else {"classes": COMMON}),  # as post
            **({} if corruption is None else {CORRUPTION: corruption}),  # as post
            **({} if settings["ood"] is None else {OOD: asked(settings)}),
            **self._origin,
        }


def _panel(item: Item, view: View, miou: float) -> draw.Sample:
    image = item.image if view.mask.shape == item.mask.shape else resize(item.image, view.mask, size_of(view.mask))[0]
    return draw.Sample(f"{item.name}: mIoU {100 * miou:.1f} %", as_rgb(image), view.mask, view.pred)


def _doubt(sample: draw.Sample, view: View) -> Doubt | None:
    """Half precision: as long as an image is among the best or the worst, its maps are kept."""
    if view.belief is None:
        return None
    belief = view.belief()
    maps = [part.cpu().numpy().astype(np.float16) for part in (belief.entropy, belief.information)]
    return Doubt(sample, *maps)


def _resolutions(asked: str, network_size: tuple[int, int] | None) -> tuple[str, ...]:
    """The headline first. Where the network sees images at their own size, there is one resolution."""
    if network_size is None:
        return (ORIGINAL,)
    return (ORIGINAL, NETWORK) if asked == "both" else (asked,)


def _require_labels(matrix: Tensor, protocol: Mapping[str, Any]) -> None:
    if not matrix.any():
        raise SeglabError(
            f"expected labelled pixels; {protocol['dataset']} {protocol['split']} ({protocol['images']} images) has "
            "none - the labels of this split may not be public; choose another split"
        )


def _rows(name: str, resolution: str, matrix: Tensor, names: tuple[str, ...]) -> Iterator[str]:
    predicted = matrix.sum(0)[: len(names)]
    counts = zip(names, matrix.diagonal().tolist(), matrix.sum(1).tolist(), predicted.tolist(), strict=True)
    for class_name, intersection, truth, pred in counts:
        if truth or pred:
            yield f"{_quoted(name)},{resolution},{_quoted(class_name)},{intersection},{truth},{pred}\n"


def _quoted(text: str) -> str:
    text = as_cell(text)
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\n') else text
