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
from seglab.display.doubt import Doubt
from seglab.display.ood import OOD, asked
from seglab.display.post import POST
from seglab.display.rgb import as_rgb
from seglab.errors import SeglabError
from seglab.evaluation.cityscapes_files import read_png
from seglab.evaluation.columns import COMMON, OFFICIAL, UNCERTAINTY
from seglab.evaluation.contract import Extra, Finished, View
from seglab.evaluation.corruptions import Corruptions, reference_of
from seglab.evaluation.counts import Extremes, Pixels
from seglab.evaluation.data import check_same_classes, data_config, has_official, instances_of, open_source, trained_on
from seglab.evaluation.extras import extra_of
from seglab.evaluation.fitted import require_unseen
from seglab.evaluation.ood import PixelAnomalies, built_of
from seglab.evaluation.ood_image import ImageAnomalies
from seglab.evaluation.per_image import PER_IMAGE, rows
from seglab.inference.file_loop import ahead
from seglab.inference.members import Belief, MembersPredictor, open_members
from seglab.inference.ood.image import ImageLevel
from seglab.inference.predictor import size_of
from seglab.labels import LabelSpace, label_space
from seglab.labels.shared_classes import common, table
from seglab.metrics import readings
from seglab.runs.class_names import dataset_name

log = logging.getLogger("seglab")

ORIGINAL, NETWORK = "original", "network"


class Item(NamedTuple):
    """One image as it was read."""

    number: int  # in its split, from 0
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
        if CORRUPTION in self.protocol and channels != RGB:
            raise SeglabError(f"corruption: expected images of {RGB} channels; the run was trained on {channels} - "
                              "leave corruption out")  # fmt: skip
        self._extras = self._chosen_extras(trained_on(settings, opened.data))
        what = settings["run"] if self.run is None else f"{settings['checkpoint']} of {self.run}"
        log.info("%s on %d images, %s", what, len(self._source.samples), self._predictor.device)

    def score(self, per_image: TextIO) -> Scores:
        """Scores every image, once; writes its counts to `per_image` as CSV, classes that it does not have left out."""
        names, extras = self.labels.names, self._extras
        pixels = {resolution: Pixels(names, misses=self._misses) for resolution in self.resolutions}
        extremes, digest = Extremes(self._settings["panels"]), hashlib.blake2b(digest_size=8)
        for extra in extras.values():
            extra.begin()
        per_image.write(",".join(PER_IMAGE) + "\n")
        for item in self._items():
            maps = self._maps(item)
            matrices = {resolution: pixels[resolution].update(*pair) for resolution, pair in maps.items()}
            for resolution, matrix in matrices.items():
                per_image.writelines(rows(item.name, resolution, matrix, names))
            view = self._view(item, *maps[self.headline])
            for extra in extras.values():
                extra.update(view)
            miou = readings.summary(matrices[self.headline])["miou"]
            sample = _panel(view, miou)
            extremes.update(miou, index=item.number, sample=sample, doubt=_doubt(sample, view))
            digest.update(item.digest)
        if all(extra.needs_labels for extra in extras.values()):
            _require_labels(pixels[self.headline].matrix, self.protocol)
        counted = {resolution: counts.compute() for resolution, counts in pixels.items()}
        finished = Finished(counted[self.headline]["metrics"]["miou"], digest.hexdigest(), self._again)
        counted |= {name: extra.compute(finished) for name, extra in extras.items()}
        if self._common is not None:
            counted[COMMON] = self._common.told()
        beside = {file: content for extra in extras.values() for file, content in extra.files().items()}
        return Scores(counted, pixels[self.headline].matrix.numpy(), extremes, finished.fingerprint, beside)

    @property
    def headline(self) -> str:
        """The resolution whose score is the score: that of the labels where it is measured."""
        return self.resolutions[0]

    def _chosen_extras(self, of_run: Mapping[str, Any]) -> dict[str, Extra]:
        """What is scored at the headline's resolution beside the confusion matrix, {key of the results: it}."""
        names, settings, predictor = self.labels.names, self._settings, self._predictor
        asked = [*([OFFICIAL] if self._with_official else []), *settings["extra"]]
        if isinstance(predictor, MembersPredictor):
            asked = list(dict.fromkeys([*asked, "calibration", UNCERTAINTY]))
        extras = {name: extra_of(name, names, batch_size=self._batch_size) for name in asked}
        if CORRUPTION in self.protocol:
            extras[CORRUPTION] = Corruptions(
                self.protocol[CORRUPTION], predict=lambda image, size: self._predicted(image, [size])[0], names=names,
                misses=self._misses, threads=settings["threads"],
                reference=reference_of(settings["reference"], self.protocol),
            )  # fmt: skip
        if OOD in self.protocol:
            built, of_protocol = built_of(settings["ood"]), self.protocol[OOD]
            if isinstance(built, ImageLevel):
                extras[OOD] = ImageAnomalies(built, predictor=predictor, asked=of_protocol)
            else:
                extras[OOD] = PixelAnomalies(
                    built, predictor=predictor, source=self._source, data=of_run, asked=of_protocol
                )
        return extras

    @property
    def _misses(self) -> bool:
        """Whether a prediction may be none of the classes that are scored."""
        return self._predictor.has_other_outputs or bool(self._common and self._common.only_run)

    def _view(self, item: Item, pred: np.ndarray, mask: np.ndarray) -> View:
        predictor, belief = self._predictor, None

        def probabilities() -> Tensor:
            return predictor.probabilities(item.image, size=size_of(mask))

        if isinstance(predictor, MembersPredictor):
            members = predictor

            def belief() -> Belief:
                return members.beliefs(item.image, sizes=[size_of(mask)])[0]

        return View(item.number, item.name, item.image, pred, mask, probabilities, item.official, belief)

    def _maps(self, item: Item) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """{resolution: (prediction, mask)}, uint8 (H, W) each; the network sees the image once."""
        masks = {resolution: self._mask(item, resolution) for resolution in self.resolutions}
        sizes = [size_of(mask) for mask in masks.values()]
        preds = self._predicted(item.image, sizes)
        return {key: (pred, mask) for (key, mask), pred in zip(masks.items(), preds, strict=True)}

    def _mask(self, item: Item, resolution: str) -> np.ndarray:
        """uint8 (H, W)."""
        size = self._predictor.size if resolution == NETWORK else None
        return item.mask if size is None else resize(item.image, item.mask, size)[1]

    def _again(self) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """(number, image, mask at the headline's resolution) of each image, read once more."""
        for item in self._items():
            yield item.number, item.image, self._mask(item, self.headline)

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
        return Item(index, sample.name, image, mask, official, digest.digest())

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


def _panel(view: View, miou: float) -> draw.Sample:
    size = size_of(view.mask)
    image = view.image if size == size_of(view.image) else resize(view.image, view.mask, size)[0]
    return draw.Sample(f"{view.name}: mIoU {100 * miou:.1f} %", as_rgb(image), view.mask, view.pred)


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
