"""Label maps of all inputs by a trained run; an input that cannot be read is reported and the others go on."""

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import seglab.lean_imports  # noqa: F401

import numpy as np

from seglab import runs
from seglab.data.image_files import RGB, exif_orientation, read_image
from seglab.data.progress import progress_bar
from seglab.display.numbers import sides
from seglab.errors import SeglabError
from seglab.inference import rejection, submission
from seglab.inference.exported import ExportedPredictor
from seglab.inference.file_loop import Job, ahead, batches, for_each, refuse_existing, what_is_left
from seglab.inference.inputs import Input
from seglab.inference.opened import Opened, open_run
from seglab.inference.outputs import Results
from seglab.inference.predictor import Predictor
from seglab.inference.video import VideoReader
from seglab.runs.png import write_png

log = logging.getLogger("seglab")

_TRAIN_IDS = np.arange(256, dtype=np.uint8)


def predict_files(settings: Mapping[str, Any], inputs: Sequence[Input]) -> list[str]:
    """Writes pictures, masks and videos as the configuration asks; one message for each input that failed."""
    folder = Path(settings["output"])
    opened = open_run(settings)
    labels = opened.labels
    results = Results(
        folder,
        labels,
        kinds=settings["write"],
        ids=submission.label_ids(labels) if settings["ids"] == "label_ids" else _TRAIN_IDS,
        opacity=settings["opacity"],
        legend=settings["legend"],
    )
    masks_of_videos = [source for source in inputs if source.is_video and "masks" in results.kinds]
    paths = {source: results.paths(source) for source in inputs}
    job = Job(folder, decisive=_decisive(settings, opened))
    left = what_is_left(job, paths, overwrite=settings["overwrite"], growing=masks_of_videos)
    _tell(settings, opened)
    accepting = None if settings["reject"] is None else rejection.check(inputs, opened.predictor)
    with job:
        problems = _predict_files(left, results, opened.predictor, batch_size=settings["batch_size"])
        if accepting is not None:
            accepted, of = rejection.write(
                folder, inputs, accepting, score=settings["reject_score"], threshold=settings["reject"]
            )
            log.info("%d of %d images accepted, see %s", accepted, of, runs.shown(folder / rejection.NAME))
    log.info("%d of %d inputs predicted, in %s", len(inputs) - len(problems), len(inputs), runs.shown(folder))
    return problems


def _predict_files(
    inputs: Sequence[Input], results: Results, predictor: Predictor | ExportedPredictor, *, batch_size: int
) -> list[str]:
    images = [source.path for source in inputs if not source.is_video]
    turned: list[Path] = []

    def read(path: Path) -> np.ndarray:
        image = read_image(path, channels=predictor.channels)
        if exif_orientation(path) != 1:
            turned.append(path)
        return image

    predicted = _Predicted(images, read, predictor, batch_size=batch_size)
    with closing(predicted), progress_bar() as progress:

        def predict(source: Input) -> None:
            if not source.is_video:
                results.write(source, *predicted.next())
                return
            if predictor.channels != RGB:
                raise SeglabError(f"expected images of {predictor.channels} channels, as in training; "
                                  f"'{source.path}' is a video, whose frames have 3 - leave it out")  # fmt: skip
            video = VideoReader(source.path)
            frames = progress.track(video, total=video.frames or None, description=source.path.name)
            with results.video(source, rate=video.rate) as append:
                for batch in batches(frames, batch_size):
                    for frame, mask in zip(batch, predictor.label_map_batch(batch), strict=True):
                        append(frame, mask)

        problems = for_each(inputs, predict, progress=progress)
    if turned:
        log.warning(
            "the network saw %d images as they are stored, not as viewers turn them by their EXIF rotation, and so are "
            "the results; the first is '%s' - to have them turned: mogrify -auto-orient", len(turned), min(turned)
        )  # fmt: skip
    return problems


def predict_submission(settings: Mapping[str, Any], inputs: Sequence[Input]) -> list[str]:
    """Writes a Cityscapes submission and its zip, which is made only when no image failed."""
    folder = Path(settings["output"]) / "submission"
    names = submission.file_names(inputs)
    opened = open_run(settings)
    ids = submission.label_ids(opened.labels)
    refuse_existing([folder.with_suffix(".zip")], overwrite=settings["overwrite"])
    paths = {source: [folder / names[source.path]] for source in inputs}
    # beside the submission, in which no other file may be
    job = Job(folder.parent, decisive=_decisive(settings, opened))
    left = what_is_left(job, paths, overwrite=settings["overwrite"])
    images = [source.path for source in left]
    _tell(settings, opened)
    predicted = _Predicted(images, _full_size, opened.predictor, batch_size=settings["batch_size"])

    def predict(source: Input) -> None:
        _, mask = predicted.next()
        write_png(folder / names[source.path], ids[mask])

    with job:
        with closing(predicted), progress_bar() as progress:
            problems = for_each(left, predict, progress=progress)
        if problems:
            log.error("no zip: a submission needs every image, %d of %d failed", len(problems), len(inputs))
            return problems
        archive = submission.zipped(folder, list(names.values()))
    split = submission.IMAGES_OF.get(len(names))
    counts = " or ".join(f"{count} ({part})" for count, part in submission.IMAGES_OF.items())
    log.info("%s: %d masks, checked%s", runs.shown(archive), len(names), f" ({split})" if split else "")
    if split is None:
        log.warning("the server expects %s masks, these are %d", counts, len(names))
    return []


class _Predicted:
    """Images with their label maps in the order of `paths`, read ahead and shown to the network in batches.

    The next batch is read while the network sees one. An image that cannot be read, or that the network does
    not take, leaves the others in their places.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        read: Callable[[Path], np.ndarray],
        predictor: Predictor | ExportedPredictor,
        *,
        batch_size: int,
    ) -> None:
        self._paths = paths
        self._read = read
        self._predictor = predictor
        self._batch_size = batch_size
        self._paths_left = iter(paths)
        self._results = self._predict()

    def next(self) -> tuple[np.ndarray, np.ndarray]:
        """The next image (H, W, C) and its label map uint8 (H, W). Raises what was wrong with it, named by its path."""
        path, result = next(self._paths_left), next(self._results)
        if isinstance(result, SeglabError):
            raise result if str(path) in str(result) else SeglabError(f"'{path}': {result}")
        return result

    def close(self) -> None:
        """Nothing more is read."""
        self._results.close()

    def _predict(self) -> Generator[tuple[np.ndarray, np.ndarray] | SeglabError, None, None]:
        read = ahead(self._read_one, count=len(self._paths), threads=self._batch_size)
        with closing(read):
            for batch in batches(read, self._batch_size):
                maps = iter(self._label_maps([image for image in batch if not isinstance(image, SeglabError)]))
                for image in batch:
                    if isinstance(image, SeglabError):
                        yield image
                        continue
                    label_map = next(maps)
                    yield label_map if isinstance(label_map, SeglabError) else (image, label_map)

    def _label_maps(self, images: Sequence[np.ndarray]) -> Sequence[np.ndarray | SeglabError]:
        """Of a batch with an image that the network does not take, each alone: the others are predicted."""
        try:
            return self._predictor.label_map_batch(images)
        except SeglabError as error:
            return [error] if len(images) == 1 else [self._label_maps([image])[0] for image in images]

    def _read_one(self, index: int) -> np.ndarray | SeglabError:
        try:
            return self._read(self._paths[index])
        except SeglabError as error:
            return error


def _decisive(settings: Mapping[str, Any], opened: Opened) -> list[object]:
    """On what the results depend: of a run that was trained again they are others."""
    return [{**settings, "overwrite": None}, opened.file.stat().st_mtime_ns]


def _full_size(path: Path) -> np.ndarray:
    image = read_image(path)
    submission.require_size(image, path)
    return image


def _tell(settings: Mapping[str, Any], opened: Opened) -> None:
    size = opened.predictor.size
    seen = "the size of each image" if size is None else sides(size)
    what = opened.file if opened.run is None else opened.run
    which = "" if opened.run is None else f"{settings['checkpoint']} of "
    log.info("%s%s, on %s, at %s", which, runs.shown(what), opened.predictor.device, seen)
