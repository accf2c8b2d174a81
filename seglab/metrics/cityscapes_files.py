"""The official Cityscapes evaluation of folders of PNG files, on all cores."""

import io
import multiprocessing
import re
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from seglab.errors import SeglabError
from seglab.metrics.cityscapes import CityscapesScores, PairCounts, count_pair

_TRUTH = "_gtFine_labelIds.png"
_PREDICTION = re.compile(r"(.+?_\d{6}_\d{6}).*\.png")  # <city>_<sequence>_<frame>*.png
_END = b"IEND\xaeB`\x82"  # type and checksum of the last chunk
_CHUNK = 4  # images that a process is sent at once


class Pair(NamedTuple):
    """Files of one image."""

    prediction: Path
    label_ids: Path
    instance_ids: Path


def evaluate_folders(predictions: Path, ground_truth: Path, *, processes: int) -> CityscapesScores:
    """The scores of a folder of predictions, equal to those of the official program to the last bit.

    Whatever the number of processes, images are added up in the order of their names, so the result does not change.

    Args:
        predictions: folder with exactly one `<city>_<sequence>_<frame>*.png` of label ids an image, at any depth.
        ground_truth: folder with `*_gtFine_labelIds.png` and `*_gtFine_instanceIds.png` at any depth, as `gtFine/val`.
        processes: how many work at once; with 1, this process does it all.

    Raises:
        SeglabError: a file is missing, doubled, unreadable, of another size, or holds what is no label id.
    """
    pairs = find_pairs(predictions, ground_truth)
    scores = CityscapesScores()
    if processes == 1:
        _add_all(scores, map(_count_files, pairs))
        return scores
    # spawn, because a fork of a process with threads (PyTorch, OpenCV) may hang
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(pairs)), mp_context=context, initializer=_one_thread) as pool:
        _add_all(scores, pool.map(_count_files, pairs, chunksize=_CHUNK))
    return scores


def find_pairs(predictions: Path, ground_truth: Path) -> list[Pair]:
    """The files of every image of the ground truth, sorted by name, each with its one prediction.

    Raises:
        SeglabError: there is no ground truth, or not exactly one prediction for an image.
    """
    truths = sorted(Path(ground_truth).rglob(f"*{_TRUTH}"), key=lambda path: path.name)
    if not truths:
        raise SeglabError(f"expected *{_TRUTH} in {ground_truth}; found none - give the folder gtFine/val")
    found: dict[str, list[Path]] = {}
    for path in sorted(Path(predictions).rglob("*.png")):
        if match := _PREDICTION.fullmatch(path.name):
            found.setdefault(match[1], []).append(path)
    return [_pair(truth, found, predictions) for truth in truths]


def read_png(path: Path) -> np.ndarray:
    """The values (H, W) that a PNG file stores, of a palette-mode file the indices, not the colours.

    Raises:
        SeglabError: the file cannot be read or has several channels.
    """
    try:
        data = path.read_bytes()
        # OpenCV decodes faster than PIL, but it turns palettes to colours, and fills up a file that was cut off
        array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if _is_plain_grey(data) else None
        if array is None:
            with Image.open(io.BytesIO(data)) as image:
                array = np.array(image)
    except (OSError, SyntaxError) as error:  # PIL raises a SyntaxError for a damaged PNG
        raise SeglabError(f"expected a PNG file of ids; cannot read {path}: {error} - write it again") from error
    if array.ndim != 2:
        raise SeglabError(
            f"expected one channel of ids in {path}; got an array {array.shape} - write label ids, not colours"
        )
    return array


def _pair(truth: Path, found: dict[str, list[Path]], predictions: Path) -> Pair:
    name = truth.name.removesuffix(_TRUTH)
    matches = found.get(name, [])
    if len(matches) != 1:
        came = ", ".join(str(path) for path in matches) or "none"
        raise SeglabError(
            f"expected exactly one prediction {name}*.png in {predictions}; found {came} - keep one for each of "
            f"the images of the ground truth ({truth.name})"
        )
    return Pair(matches[0], truth, truth.with_name(truth.name.replace("labelIds", "instanceIds")))


def _count_files(pair: Pair) -> PairCounts:
    prediction, label_ids, instance_ids = (read_png(path) for path in pair)
    try:
        return count_pair(prediction, label_ids, instance_ids)
    except SeglabError as error:
        raise SeglabError(f"{pair.prediction}: {error}") from error


def _add_all(scores: CityscapesScores, counts: Iterable[PairCounts]) -> None:
    for item in counts:
        scores.add(item)


def _one_thread() -> None:
    """The processes take all cores already."""
    cv2.setNumThreads(1)


def _is_plain_grey(data: bytes) -> bool:
    """Whether this is a whole PNG file of 8 or 16 bits of grey."""
    return data[:4] == b"\x89PNG" and data[24] in (8, 16) and data[25] == 0 and data.endswith(_END)
