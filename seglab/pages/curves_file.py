"""curves.png: loss, Dice and IoU over the epochs as one picture. The only file of this room that matplotlib draws."""

from collections.abc import Sequence
from pathlib import Path

from seglab.display import draw
from seglab.display.curves import curves_figure
from seglab.errors import SeglabError
from seglab.pages.run_files import read_run
from seglab.pages.run_page import labels
from seglab.runs.png import write_png


def write_curves(folders: Sequence[Path], path: Path) -> Path:
    """Draws the runs in `folders` into one picture, and returns its path.

    Raises:
        SeglabError: none of them has logged a value.
    """
    named = labels([read_run(folder) for folder in folders])
    histories = {label: run.history for label, run in named.items() if run.history}
    if not histories:
        raise SeglabError("curves=true: expected runs with a metrics.csv; came none with a whole row - leave it out")
    write_png(path, draw.rendered(curves_figure(histories)))
    return path
