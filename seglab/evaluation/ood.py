"""How well a detector finds the pixels of anomalies, over a data set whose masks say where they are."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import seglab.lean_imports  # noqa: F401

import cv2
import numpy as np
import torch
from hydra.errors import InstantiationException

from seglab.config.instantiate import instantiate
from seglab.data.anomalies import ANOMALY, UNSAID, AnomalySource
from seglab.data.source import Source
from seglab.data.transforms import resize
from seglab.display.numbers import sides
from seglab.errors import SeglabError
from seglab.evaluation.contract import Extra, Finished, View
from seglab.inference.exported import ExportedPredictor
from seglab.inference.members import MembersPredictor
from seglab.inference.ood.contract import Detector, Labelled
from seglab.inference.ood.several import Several
from seglab.inference.predictor import Predictor, Size, size_of
from seglab.metrics.anomaly import BINS, AnomalyHistogram
from seglab.metrics.components import ComponentScores
from seglab.runs.class_names import dataset_name


class PixelAnomalies(Extra):
    """The scores of one detector or of several; counted while images pass by, in memory that does not grow with them.

    Args:
        built: what the group `ood` describes.
        asked: what the protocol says of it; "components" holds the least pixels of a predicted component, None where
            no scores of components are asked for.
        data: the configuration of the run's own data, on whose training split a detector is fitted.

    Raises:
        SeglabError: the data have no masks of anomalies, the network does not fit a detector, or the image is asked to
            be shown in another way than once and as it is.
    """

    needs_labels = False  # some of these data know no classes

    def __init__(
        self,
        built: Detector | Several,
        *,
        predictor: Predictor | ExportedPredictor | MembersPredictor,
        source: Source,
        data: Mapping[str, Any],
        asked: Mapping[str, Any],
    ) -> None:
        self._predictor = require_plain(predictor)
        self._source = require_anomalies(source)
        self._are_several = isinstance(built, Several)
        detectors = built.detectors if isinstance(built, Several) else {asked["detector"]: built}
        self._detectors: Mapping[str, Detector] = detectors
        for detector in detectors.values():
            detector.check(self._predictor.module)
        self._data, self._asked = data, asked
        self._histograms = {name: AnomalyHistogram() for name in detectors}

    def begin(self) -> None:
        """Shows each detector what it needs of the run's training split."""
        for detector in self._detectors.values():
            if detector.images:
                with torch.inference_mode():
                    detector.fit(self._predictor.module, self._training(detector.images))

    def update(self, view: View) -> None:
        size = size_of(view.mask)
        marks = self._marks(view.number, view.image, size)
        for name, histogram in self._histograms.items():
            histogram.update(self._scores(name, view.image, size), marks == ANOMALY, marks != UNSAID)

    def compute(self, finished: Finished) -> dict[str, Any]:
        """{"auroc", "ap", "fpr95", "error" of each, "per_image", "anomalous" and "known" pixels, "protocol"}.

        Of components {"siou", "ppv", "f1", "anomalies", "components", "threshold"} as well. Of several detectors
        {"detectors": {name: all that}, "protocol"}.

        Raises:
            SeglabError: no pixel is an anomaly, or none is known.
        """
        results = {name: self._of(name) for name in self._detectors}
        if self._asked["components"] is not None:
            for name, components in self._components(finished).items():
                results[name] |= components
        protocol = {**self._asked, **self._fitted_on(), "reading": "pooled over pixels", "bins": BINS}
        (first, *_) = results.values()
        return {**({"detectors": results} if self._are_several else first), "protocol": protocol}

    def _components(self, finished: Finished) -> dict[str, dict[str, Any]]:
        """Of pixels above the threshold whose F1 over all pixels is the highest: all images are shown once more."""
        thresholds = {name: histogram.best_threshold() for name, histogram in self._histograms.items()}
        counted = {name: ComponentScores(least=self._asked["components"]) for name in self._detectors}
        for index, image, mask in finished.again():
            marks = self._marks(index, image, size_of(mask))
            for name, components in counted.items():
                predicted = self._scores(name, image, size_of(mask)) >= thresholds[name]
                components.update(predicted, marks == ANOMALY, marks != UNSAID)
        return {name: one.compute() | {"threshold": thresholds[name]} for name, one in counted.items()}

    def _of(self, name: str) -> dict[str, Any]:
        histogram = self._histograms[name]
        value, known, anomalous = histogram.compute(), int(histogram.negatives.sum()), int(histogram.positives.sum())
        if math.isnan(value.auroc):
            raise SeglabError(
                f"ood={self._asked['detector']}: expected pixels of anomalies and known ones; came {anomalous} and "
                f"{known} - choose another split, or more images with limit="
            )
        return {
            **value._asdict(),
            "error": histogram.error()._asdict(),
            "anomalous": anomalous,
            "known": known,
            "per_image": {**histogram.mean_of_images()._asdict(), "images": histogram.images},
        }

    def _scores(self, name: str, image: np.ndarray, size: Size) -> np.ndarray:
        with torch.inference_mode():
            scores = self._detectors[name].scores(self._predictor.module, self._predictor.seen(image), size)
        return scores.float().cpu().numpy()

    def _marks(self, index: int, image: np.ndarray, size: Size) -> np.ndarray:
        marks = self._source.anomalies(index)
        if size_of(marks) != size_of(image):
            sample = self._source.samples[index]
            raise SeglabError(f"'{sample.mask}': expected a mask of the size of its image, {sides(size_of(image))}; it "
                              f"has {sides(size_of(marks))} - do the two belong together?")  # fmt: skip
        if size_of(marks) == size:
            return marks
        return cv2.resize(marks, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)

    def _fitted_on(self) -> dict[str, Any]:
        if not any(detector.images for detector in self._detectors.values()):
            return {}
        return {"fitted_on": f"{dataset_name(self._data)} {self._data['train_split']}"}

    def _training(self, images: int) -> Iterator[Labelled]:
        """Images of the run's own training split, chosen with the seed of its data, as the network sees them."""
        data = {**self._data, "limit": images, "augmentation": None, "cache": None, "num_workers": 0}
        try:
            source = instantiate(data).source("train")
        except SeglabError as error:
            raise SeglabError(f"ood={self._asked['detector']} is fitted on the training images of the run: "
                              + str(error).replace("data.root", "root")) from error  # fmt: skip
        for index in range(len(source.samples)):
            image, mask = source.read(index)
            mask = resize(image, mask, self._predictor.network_size(image))[1]
            yield Labelled(self._predictor.seen(image), torch.from_numpy(mask).long().to(self._predictor.device))


def built_of(node: Mapping[str, Any]) -> Any:
    """What the group `ood` describes. Raises SeglabError for a value that is out of range."""
    try:
        return instantiate(node)
    except InstantiationException as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, SeglabError):
            cause = cause.__cause__
        raise cause or error from error


def require_plain(predictor: Predictor | ExportedPredictor | MembersPredictor) -> Predictor:
    """Raises SeglabError for what a detector cannot look into, or would have to look at several times."""
    if isinstance(predictor, MembersPredictor):
        raise SeglabError("ood: expected one prediction of an image; came uncertainty - leave one of the two out")
    if isinstance(predictor, ExportedPredictor):
        raise SeglabError(
            f"ood: expected a run, whose network is looked into; came the exported '{predictor.path}' - give the run"
        )
    asked = {
        "scales": predictor.scales != (1.0,),
        "flip": predictor.flip,
        "tile": predictor.tile is not None,
        "post": predictor.post is not None,
    }
    for key, is_asked in asked.items():
        if is_asked:
            raise SeglabError(f"ood: expected an image that is shown once, as a whole; came {key} - leave it out")
    return predictor


def require_anomalies(source: Source) -> AnomalySource:
    """Raises SeglabError for data whose masks know no anomalies."""
    if isinstance(source, AnomalySource):
        return source
    raise SeglabError(
        f"ood: expected a data set whose masks hold anomalies; those of {source.labels.name} hold none - choose "
        "data=synthetic_unknown, fishyscapes_lost_and_found, smiyc_anomaly, streethazards or another of them"
    )
