"""Which images a network should be believed on: a score and a flag of each, in a CSV beside the predictions."""

from collections.abc import Sequence
from pathlib import Path

import seglab.lean_imports  # noqa: F401

from seglab import runs
from seglab.data.image_files import read_image
from seglab.data.progress import tracked
from seglab.display.csv_text import as_cell
from seglab.errors import SeglabError
from seglab.inference.exported import ExportedPredictor
from seglab.inference.inputs import Input
from seglab.inference.ood.image import image_score
from seglab.inference.predictor import Predictor

NAME = "accepted.csv"  # in the folder of the predictions


def check(inputs: Sequence[Input], predictor: Predictor | ExportedPredictor) -> Predictor:
    """Raises SeglabError where images cannot be scored: a video among them, or an exported network."""
    video = next((source for source in inputs if source.is_video), None)
    if video is not None:
        raise SeglabError(f"reject: expected images, of which each is accepted or not; '{video.path}' is a video - "
                          "leave it out, or leave reject out")  # fmt: skip
    if isinstance(predictor, ExportedPredictor):
        raise SeglabError(f"reject: expected a run; came the exported '{predictor.path}' - give the run")
    return predictor


def write(
    folder: Path, inputs: Sequence[Input], predictor: Predictor, *, score: str, threshold: float
) -> tuple[int, int]:
    """How many images were accepted, and of how many; those that cannot be read are left out.

    Each is scored by itself, in another pass, so that the file is the same however often the command was interrupted.
    """
    lines, accepted = ["image,score,accepted"], 0
    for source in tracked(iter(inputs), count=len(inputs), title="accepting"):
        try:
            value = image_score(predictor, read_image(source.path, channels=predictor.channels), score=score)
        except SeglabError:  # it was reported when it was to be predicted
            continue
        accepted += value < threshold
        lines.append(f"{as_cell(source.name)},{value!r},{str(value < threshold).lower()}")
    runs.write_atomically(folder / NAME, "\n".join(lines) + "\n")
    return accepted, len(lines) - 1
