"""curves.png of runs."""

import pytest
from PIL import Image

from seglab.errors import SeglabError
from seglab.pages.curves_file import write_curves


def test_one_run_and_several(run_folder, tmp_path):
    folders = [run_folder("a"), run_folder("b", overrides=["loss=$ce"])]
    for count in (1, 2):
        path = write_curves(folders[:count], tmp_path / f"{count}.png")
        with Image.open(path) as picture:
            assert picture.size == (1560, 456)


def test_runs_without_a_row_have_no_curves(run_folder, tmp_path):
    folder = run_folder()
    (folder / "metrics.csv").unlink()
    with pytest.raises(SeglabError, match=r"expected runs with a metrics\.csv"):
        write_curves([folder], tmp_path / "curves.png")
