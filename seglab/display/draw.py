"""Label maps as pictures: colours, overlays, comparison sheets; and the figure of a confusion matrix.

Images are uint8 (H,W,3) RGB and label maps (H,W) train ids with IGNORE_INDEX, everywhere in this file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from seglab.labels import IGNORE_INDEX, LabelSpace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LEAST_HEIGHT, _MOST_HEIGHT = 240, 320  # of one column: smaller pictures are enlarged, larger ones reduced
_GAP = 6  # pixels between columns
_STRIP = 32  # height of a line of text
_TEXT_SCALE = 0.6
_SWATCH = 18
_LEGEND_WIDTH = 1024  # pixels: below a picture twice as wide, letters are twice as large
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_INK, _PAPER, _FAINT = (30, 30, 30), (255, 255, 255), (110, 110, 110)
_RIGHT, _WRONG, _NOT_COUNTED = (226, 226, 226), (213, 43, 30), (0, 0, 0)  # colours of the column "errors"
_COLUMNS = ("image", "ground truth", "prediction", "overlay", "errors")


class Sample(NamedTuple):
    """One picture with its two label maps."""

    name: str
    image: np.ndarray  # uint8 (H,W,3) RGB
    truth: np.ndarray  # (H,W) train ids, IGNORE_INDEX where nothing is counted
    prediction: np.ndarray  # (H,W) train ids


def colourise(mask: np.ndarray, label_space: LabelSpace) -> np.ndarray:
    """uint8 (H,W,3): each pixel in the colour of its class; IGNORE_INDEX and anything else outside 0..K-1 is black."""
    colours = np.zeros((256, 3), dtype=np.uint8)
    colours[: label_space.num_classes] = label_space.colors
    return colours[mask]


def overlay(image: np.ndarray, mask: np.ndarray, label_space: LabelSpace, *, opacity: float = 0.6) -> np.ndarray:
    """uint8 (H,W,3): the image seen through the colours of its classes; ignored pixels show the bare image."""
    mixed = cv2.addWeighted(colourise(mask, label_space), opacity, image, 1.0 - opacity, 0.0)
    counted = (mask < label_space.num_classes)[..., None]
    return np.where(counted, mixed, image)


def side_by_side(image: np.ndarray, mask: np.ndarray, label_space: LabelSpace) -> np.ndarray:
    """uint8 (H,2W+gap,3): the image and, to its right, the colours of its classes, both at their own size."""
    gap = np.full((image.shape[0], _GAP, 3), _PAPER, dtype=np.uint8)
    return np.concatenate([image, gap, colourise(mask, label_space)], axis=1)


def with_legend(picture: np.ndarray, label_space: LabelSpace, *, present: Iterable[int]) -> np.ndarray:
    """uint8 picture: this one, pixel for pixel, above a legend of the train ids `present`; white fills what is left.

    The letters of the legend grow with the picture, so that they can be read when it is shown reduced.
    """
    size = max(1, round(picture.shape[1] / _LEGEND_WIDTH))
    present = set(present)
    shown = [name for k, name in enumerate(label_space.names) if k in present]
    widest = max((_text_width(name) for name in shown), default=0) + _SWATCH + 2 * _GAP
    width = max(picture.shape[1], size * widest)
    legend = _legend(present, label_space, width=-(-width // size))
    legend = cv2.resize(legend, None, fx=size, fy=size, interpolation=cv2.INTER_CUBIC)[:, :width]
    return np.concatenate([_padded(picture, width), legend])


def errors(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """uint8 (H,W,3): grey where the prediction is right, red where it is wrong, black where nothing is counted."""
    picture = np.empty((*truth.shape, 3), dtype=np.uint8)
    picture[:] = _RIGHT
    picture[truth != prediction] = _WRONG
    picture[truth == IGNORE_INDEX] = _NOT_COUNTED
    return picture


def panel(image: np.ndarray, truth: np.ndarray, prediction: np.ndarray, label_space: LabelSpace) -> np.ndarray:
    """uint8 picture: image | ground truth | prediction | overlay | errors under their titles, above a legend."""
    return stack([Sample("", image, truth, prediction)], label_space)


def stack(samples: Sequence[Sample], label_space: LabelSpace) -> np.ndarray:
    """uint8 picture: one row of five columns for each sample under its name, one legend of the classes present."""
    sheet = titled([_row(sample, label_space) for sample in samples], _COLUMNS)
    width = sheet.shape[1]
    present = {int(k) for sample in samples for labels in (sample.truth, sample.prediction) for k in np.unique(labels)}
    return np.concatenate([sheet, _legend(present, label_space, width=width)])


class Line(NamedTuple):
    """One row of pictures beside each other, and what is written below it."""

    picture: np.ndarray  # uint8 (H,W,3)
    caption: str


def titled(lines: Sequence[Line], titles: Sequence[str]) -> np.ndarray:
    """uint8 picture: the lines under the titles of their columns, each above its caption."""
    width = max(line.picture.shape[1] for line in lines)
    column = (lines[0].picture.shape[1] - _GAP * (len(titles) + 1)) // len(titles)
    parts = [_titles(titles, column, width)]
    for line in lines:
        parts.append(_padded(line.picture, width))
        parts.append(_caption(line.caption, width) if line.caption else _blank(_GAP, width))
    return np.concatenate(parts)


def captioned(pictures: Sequence[tuple[np.ndarray, int]], caption: str) -> Line:
    """The pictures, of one size, beside each other.

    Args:
        pictures: uint8 (H,W,3), each with OpenCV's number for how it is enlarged to a readable height.
    """
    columns = [_resized(picture, enlarging) for picture, enlarging in pictures]
    gap = np.full((columns[0].shape[0], _GAP, 3), _PAPER, dtype=np.uint8)
    return Line(np.concatenate([gap, *(part for column in columns for part in (column, gap))], axis=1), caption)


def _row(sample: Sample, label_space: LabelSpace) -> Line:
    """The five columns beside each other, brought to a readable height."""
    image = _resized(sample.image, cv2.INTER_CUBIC)
    truth = _resized(sample.truth.astype(np.uint8), cv2.INTER_NEAREST)
    prediction = _resized(sample.prediction.astype(np.uint8), cv2.INTER_NEAREST)
    columns = (
        image,
        colourise(truth, label_space),
        colourise(prediction, label_space),
        overlay(image, prediction, label_space),
        errors(truth, prediction),
    )
    gap = np.full((image.shape[0], _GAP, 3), _PAPER, dtype=np.uint8)
    row = np.concatenate([gap, *(part for column in columns for part in (column, gap))], axis=1)
    return Line(row, sample.name)


def _resized(picture: np.ndarray, enlarging: int) -> np.ndarray:
    """The picture at least 240 and at most 320 pixels high; label maps keep their values (nearest neighbour)."""
    height, width = picture.shape[:2]
    if _LEAST_HEIGHT <= height <= _MOST_HEIGHT:
        return picture
    # Small label maps are enlarged by a whole number, so that every pixel stays a square of one size.
    scale = -(-_LEAST_HEIGHT // height) if height < _LEAST_HEIGHT else _MOST_HEIGHT / height
    method = cv2.INTER_AREA if scale < 1 and enlarging != cv2.INTER_NEAREST else enlarging
    return cv2.resize(picture, (max(1, round(width * scale)), round(height * scale)), interpolation=method)


def _titles(titles: Sequence[str], column: int, width: int) -> np.ndarray:
    strip = _blank(_STRIP, width)
    for index, title in enumerate(titles):
        left = _GAP + index * (column + _GAP)
        _write(strip, title, left=left + (column - _text_width(title)) // 2)
    return strip


def _caption(name: str, width: int) -> np.ndarray:
    strip = _blank(_STRIP, width)
    _write(strip, name, left=_GAP, colour=_FAINT)
    return strip


def _legend(present: Set[int], label_space: LabelSpace, *, width: int) -> np.ndarray:
    """Swatch and name of each class that occurs, in as many lines as the width asks for."""
    entries = [(label_space.names[k], label_space.colors[k]) for k in sorted(present) if k < label_space.num_classes]
    if IGNORE_INDEX in present:
        entries.append(("void, not counted", _NOT_COUNTED))
    lines = [_blank(_STRIP, width)]
    left = _GAP
    for name, colour in entries:
        right = left + _SWATCH + _GAP + _text_width(name)
        if right > width and left > _GAP:
            lines.append(_blank(_STRIP, width))
            left, right = _GAP, _GAP + right - left
        top = (_STRIP - _SWATCH) // 2
        cv2.rectangle(lines[-1], (left, top), (left + _SWATCH - 1, top + _SWATCH - 1), colour, cv2.FILLED)
        _write(lines[-1], name, left=left + _SWATCH + _GAP)
        left = right + _SWATCH
    return np.concatenate(lines)


def _write(strip: np.ndarray, text: str, *, left: int, colour: tuple[int, int, int] = _INK) -> None:
    baseline = (strip.shape[0] + 12) // 2
    cv2.putText(strip, text, (max(left, 0), baseline), _FONT, _TEXT_SCALE, colour, 1, cv2.LINE_AA)


def _text_width(text: str) -> int:
    return int(cv2.getTextSize(text, _FONT, _TEXT_SCALE, 1)[0][0])


def _blank(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), _PAPER, dtype=np.uint8)


def _padded(row: np.ndarray, width: int) -> np.ndarray:
    return cv2.copyMakeBorder(row, 0, 0, 0, width - row.shape[1], cv2.BORDER_CONSTANT, value=_PAPER)


def confusion_figure(matrix: np.ndarray, names: Sequence[str]) -> Figure:
    """A heat map of a confusion matrix (K, K) [truth, prediction]: each row in percent of the truth's pixels.

    A column more, of a matrix (K, K + 1), is of pixels that are given to none of the classes.

    A class without pixels in the truth has no row to show and is left grey.
    """
    from matplotlib.figure import Figure

    pixels = np.asarray(matrix, dtype=np.float64)
    total = pixels.sum(axis=1, keepdims=True)
    percent = np.divide(100 * pixels, total, out=np.full_like(pixels, np.nan), where=total > 0)
    count = len(names)
    cell = 0.42 if count <= 24 else 0.26  # inches
    figure = Figure(figsize=(cell * count + 3.2, cell * count + 1.9), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.set_facecolor("0.85")
    heat = axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    size = 8 if count <= 24 else 6.5
    columns = [*names, *["none of them"] * (pixels.shape[1] - count)]
    axes.set_xticks(range(len(columns)), columns, rotation=90, fontsize=size)
    axes.set_yticks(range(count), names, fontsize=size)
    axes.set_xlabel("prediction")
    axes.set_ylabel("ground truth")
    axes.set_title("percent of the pixels of each true class", fontsize=10)
    axes.tick_params(length=0)
    least = 0.5 if count <= 24 else 10  # a smaller share is a colour without a number
    for row, column in zip(*np.nonzero(np.nan_to_num(percent) >= least), strict=True):
        value = percent[row, column]
        ink = "white" if value > 55 else "0.2"
        axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=size - 1.5, color=ink)
    figure.colorbar(heat, ax=axes, fraction=0.046, pad=0.02).outline.set_visible(False)
    return figure


def rendered(figure: Figure) -> np.ndarray:
    """The figure as a uint8 picture (H,W,3)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
