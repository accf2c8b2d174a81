"""The sheets of a run, one for each epoch, with a slider; the best and the worst images of an evaluation."""

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from seglab.errors import SeglabError
from seglab.pages.html import text
from seglab.pages.pictures import Embedded, embedded

log = logging.getLogger("seglab")

_WIDTH = 1100  # pixels at most, of an embedded sheet
_QUALITY = 68  # of its JPEG
_COLUMNS = "image, ground truth, prediction, overlay and errors"
_THREADS = 4  # Pillow decodes and encodes beside the interpreter


def panels(sheets: Mapping[int, Path], *, key: str, most: int, scores: Mapping[int, float], best: int | None) -> str:
    """The sheets below a slider; "" where there is none.

    Args:
        sheets: {epoch: picture}, in their order.
        most: sheets that are embedded; the first, the last and that of the best epoch are.
        scores: {epoch: mIoU}, fractions.
        best: epoch of the best checkpoint.
    """
    chosen = chosen_epochs(list(sheets), most=most, best=best)
    pictures = read_pictures({str(epoch): sheets[epoch] for epoch in chosen})
    shown = [epoch for epoch in chosen if str(epoch) in pictures]
    if not shown:
        return ""
    words = {epoch: _epoch_words(epoch, scores.get(epoch), is_best=epoch == best) for epoch in shown}
    images = "".join(
        pictures[str(epoch)].tag(
            f"{words[epoch]}: {_COLUMNS} of validation images",
            attributes=f' data-told="{text(words[epoch])}"',
        )
        for epoch in shown
    )
    left = len(sheets) - len(shown)
    note = (
        f'<p class="note small">{len(shown)} of {len(sheets)} sheets; the others are in pictures/</p>' if left else ""
    )
    slider = (
        f'<div class="slider"><label for="{key}-epoch">epoch</label>'
        f'<input type="range" id="{key}-epoch" min="0" max="{len(shown) - 1}" value="{len(shown) - 1}" step="1">'
        f'<output for="{key}-epoch"></output></div>'
    )
    frame = f'<div class="scroll sheet" role="region" tabindex="0" aria-label="pictures of the epoch">{images}</div>'
    return f'<div class="panels">{slider if len(shown) > 1 else ""}{frame}{note}</div>'


def extremes(pictures: Mapping[str, Path], *, of: str) -> str:
    """The best and the worst images of an evaluation.

    Args:
        pictures: {"best": file, "worst": file}.
        of: name of the evaluation.
    """
    read = read_pictures(pictures)
    return "".join(
        f'<figure class="extreme"><figcaption>{name} images, by their own mIoU</figcaption>'
        f'<div class="scroll sheet" role="region" tabindex="0" aria-label="{name} images">'
        f"{read[name].tag(f'{name} images of {of}: {_COLUMNS}')}</div></figure>"
        for name in pictures
        if name in read
    )


def read_pictures(pictures: Mapping[str, Path]) -> dict[str, Embedded]:
    """The pictures as they are embedded, in their order, without those that cannot be read."""

    def read(path: Path) -> Embedded | None:
        try:
            return embedded(path, width=_WIDTH, encoding="JPEG", quality=_QUALITY)
        except (OSError, SeglabError) as error:
            log.warning("%s is left out of the page: %s", path, error)
            return None

    with ThreadPoolExecutor(_THREADS) as threads:
        read_all = list(threads.map(read, pictures.values()))
    return {name: picture for name, picture in zip(pictures, read_all, strict=True) if picture is not None}


def chosen_epochs(epochs: list[int], *, most: int, best: int | None) -> list[int]:
    """At most so many epochs, evenly spread from the first to the last, with the best among them; below 3 only that."""
    if len(epochs) <= most:
        return epochs
    if most < 3:
        return [best if best in epochs else epochs[-1]]
    spread = {epochs[round(index * (len(epochs) - 1) / (most - 1))] for index in range(most)}
    if best in epochs and best not in spread:
        inner = spread - {epochs[0], epochs[-1]}
        spread = spread - {min(inner, key=lambda epoch: abs(epoch - best))} | {best}
    return sorted(spread)


def _epoch_words(epoch: int, miou: float | None, *, is_best: bool) -> str:
    score = f", mIoU {100 * miou:.1f} %" if miou is not None and miou == miou else ""
    return f"epoch {epoch}{score}{', the best' if is_best else ''}"
