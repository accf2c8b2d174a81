"""The official Cityscapes evaluation of folders of PNG files, on all cores."""

import io
import re
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from seglab.data.parallel import map_samples
from seglab.errors import SeglabError
from seglab.metrics.cityscapes import CityscapesScores, PairCounts, count_pair
from seglab.runs import archive
from seglab.runs.picture_size import require_room

_TRUTH = "_gtFine_labelIds.png"
_PREDICTION = re.compile(r"(.+?_\d{6}_\d{6}).*\.png")  # <city>_<sequence>_<frame>*.png
_END = b"IEND\xaeB`\x82"  # type and checksum of the last chunk


class Pair(NamedTuple):
    """Files of one image."""

    prediction: Path
    label_ids: Path
    instance_ids: Path


class Pairs(NamedTuple):
    """All images that are scored together."""

    samples: list[Pair]


def evaluate_pairs(pairs: Pairs, *, processes: int | None = None) -> CityscapesScores:
    """The scores of what `find_pairs` found, equal to those of the official program to the last bit.

    Whatever the number of processes, images are added up in the order of their names, so the result does not change.
    A progress bar is shown on a terminal.

    Args:
        pairs: the files of all images.
        processes: how many work at once, None for one a CPU; few images are left to this process.

    Raises:
        SeglabError: a file is unreadable, of another size, or holds what is no label id.
    """
    scores = CityscapesScores()
    for counts in map_samples(_count_files, pairs, title="scoring", processes=processes):
        scores.add(counts)
    return scores


def find_pairs(predictions: Path, ground_truth: Path) -> Pairs:
    """The files of every image of the ground truth, sorted by name, each with its one prediction.

    Args:
        predictions: folder with exactly one `<city>_<sequence>_<frame>*.png` of label ids an image, at any depth.
        ground_truth: folder with `*_gtFine_labelIds.png` and `*_gtFine_instanceIds.png` at any depth, as `gtFine/val`,
            or `gtFine_trainvaltest.zip/gtFine/val`.

    Raises:
        SeglabError: there is no ground truth, or not exactly one prediction for an image.
    """
    truths = sorted(archive.matching(Path(ground_truth), f"**/*{_TRUTH}"), key=lambda path: path.name)
    if not truths:
        raise SeglabError(f"expected *{_TRUTH} in {ground_truth}; found none - give the folder gtFine/val")
    written: dict[str, list[Path]] = {}
    for path in sorted(Path(predictions).rglob("*.png")):
        if match := _PREDICTION.fullmatch(path.name):
            written.setdefault(match[1], []).append(path)
    return Pairs([_pair(truth, written, predictions) for truth in truths])


def read_png(path: Path) -> np.ndarray:
    """The values (H, W) that a PNG file stores, of a palette-mode file the indices, not the colours.

    Raises:
        SeglabError: the file cannot be read or has several channels.
    """
    try:
        data = archive.read_bytes(path)
        require_room(data, path)
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


def _pair(truth: Path, written: dict[str, list[Path]], predictions: Path) -> Pair:
    name = truth.name.removesuffix(_TRUTH)
    matches = written.get(name, [])
    if len(matches) != 1:
        came = ", ".join(str(path) for path in matches) or "none"
        raise SeglabError(
            f"expected exactly one prediction {name}*.png in {predictions}; found {came} - keep one for each of "
            f"the images of the ground truth ({truth.name})"
        )
    return Pair(matches[0], truth, truth.with_name(truth.name.replace("labelIds", "instanceIds")))


def _count_files(pairs: Pairs, index: int) -> PairCounts:
    pair = pairs.samples[index]
    prediction, label_ids, instance_ids = (read_png(path) for path in pair)
    try:
        return count_pair(prediction, label_ids, instance_ids)
    except SeglabError as error:
        raise SeglabError(f"{pair.prediction}: {error}") from error


def _is_plain_grey(data: bytes) -> bool:
    """Whether this is a whole PNG file of 8 or 16 bits of grey."""
    return data[:4] == b"\x89PNG" and data[24] in (8, 16) and data[25] == 0 and data.endswith(_END)
