"""A submission to the Cityscapes benchmark: official names, label ids, checked as the server would, zipped.

Source: cityscapesscripts/evaluation/evalPixelLevelSemanticLabeling.py, which takes for each image the one PNG whose
name begins with <city>_<sequence>_<frame>, 8 bits, 2048 x 1024, holding label ids (not train ids).
"""

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seglab.data.image_files import read_ids
from seglab.errors import SeglabError
from seglab.inference.inputs import Input
from seglab.labels import CITYSCAPES_LABELS, LabelSpace
from seglab.runs.partial import written_beside

SIZE = (1024, 2048)  # (H, W) of every image and mask
IMAGES_OF = {500: "val", 1525: "test"}  # of the official splits that can be scored
_NAME = re.compile(r"([^/_]+_\d{6}_\d{6})_leftImg8bit")
_ENDING = "_pred_labelIds.png"


def label_ids(labels: LabelSpace) -> np.ndarray:
    """uint8 (256,): `label_ids(labels)[mask]` turns train ids into Cityscapes label ids by name; void becomes 0.

    Raises:
        SeglabError: a class is none of Cityscapes'.
    """
    ids = {label.name: max(label.id, 0) for label in CITYSCAPES_LABELS} | {"void": 0}
    unknown = [name for name in labels.names if name not in ids]
    if unknown:
        raise SeglabError(
            f"expected the classes of Cityscapes; {labels.name} has {', '.join(map(repr, unknown[:4]))}, which have no "
            "label id there - write train ids (ids=train_ids, format=files)"
        )
    table = np.zeros(256, dtype=np.uint8)
    table[: labels.num_classes] = [ids[name] for name in labels.names]
    return table


def file_names(inputs: Sequence[Input]) -> dict[Path, str]:
    """The name of the one PNG for each image: 'berlin_000000_000019_pred_labelIds.png'.

    Raises:
        SeglabError: an input is not named as Cityscapes names its images, or two are the same image.
    """
    names: dict[Path, str] = {}
    of_whom: dict[str, Path] = {}
    for image in inputs:
        match = _NAME.fullmatch(image.path.stem)
        if match is None or image.is_video:
            raise SeglabError(
                f"expected images named <city>_<sequence>_<frame>_leftImg8bit.png for format=cityscapes; came "
                f"'{image.path}' - choose them with a glob: input='leftImg8bit/test/*/*_leftImg8bit.png'"
            )
        name = match[1] + _ENDING
        if name in of_whom:
            raise SeglabError(
                f"expected every image once; '{of_whom[name]}' and '{image.path}' are both {match[1]} - leave one out"
            )
        names[image.path], of_whom[name] = name, image.path
    return names


def require_size(image: np.ndarray, path: Path) -> None:
    """Raises SeglabError for an image (H, W, 3) of another size than Cityscapes'."""
    if image.shape[:2] != SIZE:
        raise SeglabError(
            f"expected an image of {SIZE[1]}x{SIZE[0]} for a submission; '{path}' has {image.shape[1]}x{image.shape[0]}"
            " - predict the original images, not smaller copies of them"
        )


def check(folder: Path, names: Sequence[str]) -> None:
    """Nothing, if `folder` holds exactly the PNGs `names`, each as the server expects it.

    Raises:
        SeglabError: lists what is missing, too much or wrong.
    """
    present = {path.name for path in folder.rglob("*") if path.is_file()}
    problems = [f"{name} is missing" for name in sorted(set(names) - present)]
    problems += [f"{name} is not of this submission" for name in sorted(present - set(names))]
    allowed = np.zeros(256, dtype=bool)
    allowed[[label.id for label in CITYSCAPES_LABELS if label.id >= 0]] = True
    for name in sorted(set(names) & present):
        try:
            mask = read_ids(folder / name)  # (H, W), 8 bits
        except SeglabError as error:
            problems.append(str(error))
            continue
        if mask.shape != SIZE:
            problems.append(f"{name} has {mask.shape[1]}x{mask.shape[0]}; expected {SIZE[1]}x{SIZE[0]}")
        values = np.flatnonzero(np.bincount(mask.ravel(), minlength=256))
        if not allowed[values].all():
            problems.append(f"{name} holds {values[~allowed[values]].tolist()}; expected label ids 0..33")
    if problems:
        shown = "\n  ".join(problems[:10]) + ("\n  ..." if len(problems) > 10 else "")
        raise SeglabError(
            f"'{folder}' is no submission, {len(problems)} mistakes; expected one PNG an image:\n  {shown}\n"
            "Predict into an empty folder"
        )


def zipped(folder: Path, names: Sequence[str]) -> Path:
    """The zip file beside `folder` with the PNGs `names`, checked; it appears when it is complete."""
    check(folder, names)
    path = folder.with_suffix(".zip")
    stored = zipfile.ZIP_STORED  # PNGs are compressed already
    with written_beside(path) as partial, zipfile.ZipFile(partial, "w", stored) as archive:
        for name in sorted(names):
            archive.write(folder / name, arcname=name)
    return path
