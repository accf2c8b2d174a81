"""An exported network beside its run, on the images of a split: what the export has changed, measured."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import seglab.lean_imports  # noqa: F401

import numpy as np
import torch

from seglab.data.progress import tracked
from seglab.data.source import Source
from seglab.data.transforms import resize
from seglab.display.numbers import percent, word
from seglab.display.sheet import Cell, Sheet
from seglab.errors import SeglabError
from seglab.evaluation.counts import Pixels
from seglab.inference.exported import LABELS, LOGITS, ExportedPredictor
from seglab.inference.predictor import Predictor, Size
from seglab.training.outputs import label_maps


@dataclass(frozen=True)
class Parity:
    """Both were given the same images, and are compared at the size of each.

    Attributes:
        images: how many.
        largest_difference: of two logits of a class and a pixel.
        equal_pixels: share of the pixels with the same label, of all pixels, void ones as well.
        run, exported: mIoU of each over the split, in 0..1.
        classes: {name: (IoU of the run, IoU of the exported)}; NaN where a class is nowhere.
        confusion: of the exported, pixels: a row for each class of the truth, a column for each that was predicted.
    """

    images: int
    largest_difference: float
    equal_pixels: float
    run: float
    exported: float
    classes: dict[str, tuple[float, float]]
    confusion: list[list[int]]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def compare(run: Predictor, exported: ExportedPredictor, source: Source, *, size: Size | None) -> Parity:
    """What the two make of all images of `source`.

    Args:
        exported: gives logits as well.
        size: (H, W) to which images are brought first, where the program takes no other; None for their own.
    """
    names = source.labels.names
    misses = run.has_other_outputs
    counts = Pixels(names, misses=misses), Pixels(names, misses=misses)
    largest, equal, total = 0.0, 0, 0
    pairs = (source.read(index) for index in range(len(source.samples)))
    for image, mask in tracked(pairs, count=len(source.samples), title="comparing"):
        image, mask = (image, mask) if size is None else resize(image, mask, size)
        logits = run.logits(image)  # (K, H, W)
        labels = label_maps(logits[None], num_classes=len(names))[0].cpu().numpy()
        outputs = exported.outputs(image[None])
        difference = (logits.cpu() - torch.from_numpy(np.asarray(outputs[LOGITS][0]))).abs().max()
        largest = max(largest, float(difference)) if difference == difference else float("nan")
        equal += int((labels == outputs[LABELS][0]).sum())
        total += labels.size
        counts[0].update(labels, mask)
        counts[1].update(outputs[LABELS][0], mask)
    of_run, of_exported = (part.compute() for part in counts)
    classes = {name: (of_run["classes"][name]["iou"], of_exported["classes"][name]["iou"]) for name in names}
    return Parity(
        images=len(source.samples),
        largest_difference=largest,
        equal_pixels=equal / max(1, total),
        run=of_run["metrics"]["miou"],
        exported=of_exported["metrics"]["miou"],
        classes=classes,
        confusion=counts[1].matrix.tolist(),
    )


def at_size(image: np.ndarray, size: Size | None) -> np.ndarray:
    """The image (H, W, C) at `size`, as a training reads it."""
    return image if size is None else resize(image, np.empty(size, dtype=np.uint8), size)[0]


def require(parity: Parity, bounds: Mapping[str, float | None], *, what: str) -> None:
    """Raises SeglabError where the exported network is further from its run than `bounds` allow.

    Args:
        bounds: {"logits": largest difference, "equal_pixels": least share, "miou": largest loss}; None for no bound.
        what: is exported, for the message.
    """
    lost = parity.run - parity.exported
    over = []
    if bounds["logits"] is not None and not parity.largest_difference <= bounds["logits"]:
        over.append(f"logits differ by {parity.largest_difference:.3g} (bounds.logits={bounds['logits']:g})")
    if bounds["equal_pixels"] is not None and not parity.equal_pixels >= bounds["equal_pixels"]:
        share = f"{100 * parity.equal_pixels:.3f} % of the pixels are equal"
        over.append(f"{share} (bounds.equal_pixels={bounds['equal_pixels']:g})")
    has_labels = not (math.isnan(parity.run) and math.isnan(parity.exported))
    if bounds["miou"] is not None and has_labels and not lost <= bounds["miou"]:
        over.append(f"{100 * lost:.2f} points of mIoU are lost (bounds.miou={bounds['miou']:g})")
    if over:
        raise SeglabError(
            f"{what} is not what the run is: {'; '.join(over)} - no file was left. Set the bounds if that is good "
            "enough, or choose precision=fp32"
        )


def parity_sheet(parity: Parity, *, caption: str) -> Sheet:
    """Class by class the IoU of both and what was lost; the bounds' numbers below."""
    rows = [
        [word(name), percent(run), percent(exported), _change(exported - run)]
        for name, (run, exported) in parity.classes.items()
    ]
    mean = [word("mean"), percent(parity.run), percent(parity.exported), _change(parity.exported - parity.run)]
    notes = [
        f"{100 * parity.equal_pixels:.3f} % of the pixels have the same label; logits differ by at most "
        f"{parity.largest_difference:.3g}"
    ]
    return Sheet(caption, ("class", "IoU %, run", "exported", "difference"), rows, mean=mean, notes=notes)


def _change(difference: float) -> Cell:
    """In percent; 0.0 and not -0.0 for what rounds to nothing."""
    cell = percent(difference)
    return cell._replace(text="0.0") if cell.text == "-0.0" else cell
