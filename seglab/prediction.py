"""Label maps of all inputs by a trained run; an input that cannot be read is reported and the others go on."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import seglab.lean_imports  # noqa: F401

import numpy as np
import torch

from seglab import build, runs, submission
from seglab.data.source import read_image
from seglab.errors import SeglabError
from seglab.file_loop import for_each, progress_bar, refuse_existing
from seglab.inference import Predictor
from seglab.inputs import Input
from seglab.labels import LabelSpace, label_space
from seglab.results import Results, write_png
from seglab.video import VideoReader

log = logging.getLogger("seglab")

_TRAIN_IDS = np.arange(256, dtype=np.uint8)


def predict_files(settings: Mapping[str, Any], inputs: Sequence[Input]) -> list[str]:
    """Writes pictures, masks and videos as the configuration asks; one message for each input that failed."""
    run, folder = Path(settings["run"]), Path(settings["output"])
    labels = _labels(run)
    results = Results(
        folder,
        labels,
        kinds=settings["write"],
        ids=submission.label_ids(labels) if settings["ids"] == "label_ids" else _TRAIN_IDS,
        opacity=settings["opacity"],
        legend=settings["legend"],
    )
    refuse_existing([path for one in inputs for path in results.paths(one)], overwrite=settings["overwrite"])
    predictor = _predictor(settings, run)
    with progress_bar() as progress:

        def predict(one: Input) -> None:
            if not one.is_video:
                image = read_image(one.path)
                results.write(one, image, predictor.label_map(image))
                return
            video = VideoReader(one.path)
            with results.video(one, rate=video.rate) as append:
                for frame in progress.track(video, total=video.frames or None, description=one.path.name):
                    append(frame, predictor.label_map(frame))

        problems = for_each(inputs, predict, progress=progress)
    log.info("%d of %d inputs predicted, in %s", len(inputs) - len(problems), len(inputs), runs.shown(folder))
    return problems


def predict_submission(settings: Mapping[str, Any], inputs: Sequence[Input]) -> list[str]:
    """Writes a Cityscapes submission and its zip, which is made only when no image failed."""
    run, folder = Path(settings["run"]), Path(settings["output"]) / "submission"
    names = submission.file_names(inputs)
    ids = submission.label_ids(_labels(run))
    existing = [folder / name for name in names.values()]
    refuse_existing([folder.with_suffix(".zip"), *existing], overwrite=settings["overwrite"])
    predictor = _predictor(settings, run)

    def predict(one: Input) -> None:
        image = read_image(one.path)
        submission.require_size(image, one.path)
        write_png(folder / names[one.path], ids[predictor.label_map(image)])

    with progress_bar() as progress:
        problems = for_each(inputs, predict, progress=progress)
    if problems:
        log.error("no zip: a submission needs every image, %d of %d failed", len(problems), len(inputs))
        return problems
    archive = submission.zipped(folder, list(names.values()))
    known = submission.IMAGES_OF.get(len(names))
    counts = " or ".join(f"{count} ({split})" for count, split in submission.IMAGES_OF.items())
    log.info("%s: %d masks, checked%s", runs.shown(archive), len(names), f" ({known})" if known else "")
    if known is None:
        log.warning("the server expects %s masks, these are %d", counts, len(names))
    return []


def _labels(run: Path) -> LabelSpace:
    return label_space(_config(run)["data"]["labels"])


def _config(run: Path) -> dict[str, Any]:
    return runs.plain(runs.read_config(run))


def _predictor(settings: Mapping[str, Any], run: Path) -> Predictor:
    size = settings["size"]
    if size == "run":
        size = _config(run)["data"]["size"]
    device = _device(settings["device"])
    predictor = Predictor(
        build.load(run, checkpoint=f"{settings['checkpoint']}.ckpt").to(device),
        size=None if size == "image" else (size[0], size[1]),
        scales=settings["scales"],
        flip=settings["flip"],
        tile=settings["tile"],
        overlap=settings["overlap"],
    )
    seen = "the size of each image" if size == "image" else f"{size[0]}x{size[1]}"
    log.info("%s of %s, on %s, at %s", settings["checkpoint"], runs.shown(run), device, seen)
    return predictor


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise SeglabError(
            f"expected a device that is there (auto, cpu, cuda, cuda:1); device={name!r}: {str(error).splitlines()[0]}"
        ) from error
    return torch.device(name)
