"""Masks of Cityscapes label ids as masks of the 19 train ids, or of foreground against the rest."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from seglab import runs
from seglab.data.image_files import read_ids
from seglab.data.progress import progress_bar
from seglab.data.source import to_train_ids
from seglab.inference.file_loop import Job, for_each, what_is_left
from seglab.inference.inputs import Input, find
from seglab.labels import IGNORE_INDEX, label_space
from seglab.runs.png import write_png

Kind = Literal["train_ids", "foreground"]
log = logging.getLogger("seglab")

FOREGROUND = 255  # a pixel of one of the 19 classes; the others are 0
_LABEL_IDS = "_labelIds"
_ENDINGS = {"train_ids": "_labelTrainIds", "foreground": "_foreground"}  # the first is the official one


def find_masks(given: str, *, output: Path) -> list[Input]:
    """The masks that `given` stands for; where some are called *_labelIds.png, as in gtFine, only those."""
    masks = find(given, suffixes=(".png",), output=output)
    return [mask for mask in masks if mask.path.stem.endswith(_LABEL_IDS)] or masks


def convert(inputs: Sequence[Input], *, folder: Path, to: Kind, overwrite: bool) -> list[str]:
    """Writes every mask converted into `folder`; one message for each that could not be read."""
    targets = {mask: folder / output_name(mask, to=to) for mask in inputs}
    paths = {mask: [target] for mask, target in targets.items()}
    job = Job(folder, decisive=["masks", to])
    left = what_is_left(job, paths, overwrite=overwrite)
    with job, progress_bar() as progress:
        problems = for_each(left, lambda mask: write_png(targets[mask], converted(mask.path, to=to)), progress=progress)
    log.info("%d of %d masks converted, in %s", len(inputs) - len(problems), len(inputs), runs.shown(folder))
    return problems


def converted(path: Path, *, to: Kind) -> np.ndarray:
    """uint8 (H, W): train ids 0..18 and 255, or FOREGROUND where the label is one of the 19 classes and 0 elsewhere.

    Raises:
        SeglabError: the file is unreadable, or holds other values than label ids.
    """
    mask = to_train_ids(read_ids(path), label_space("cityscapes_19"), path)
    if to == "train_ids":
        return mask
    return np.where(mask == IGNORE_INDEX, 0, FOREGROUND).astype(np.uint8)


def output_name(mask: Input, *, to: Kind) -> str:
    """'aachen/aachen_000000_000019_gtFine_labelTrainIds.png' for '..._labelIds'."""
    return f"{mask.name.removesuffix(_LABEL_IDS)}{_ENDINGS[to]}.png"
