"""A confusion matrix as a CSV file."""

import pytest

from seglab.display.confusion import Confusion, confusion_csv, read_confusion
from seglab.errors import SeglabError

NAMES = ("road", '=cmd "x", y', "a\nb")


@pytest.mark.parametrize("more", [(), (7,)], ids=["square", "with none of them"])
def test_a_matrix_is_read_as_it_was_written(tmp_path, more):
    matrix = [[10 * row + column for column in range(3)] + list(more) for row in range(3)]
    (tmp_path / "c.csv").write_text(confusion_csv(matrix, NAMES), encoding="utf-8")
    read = read_confusion(tmp_path / "c.csv")
    assert read == Confusion(NAMES, tuple(map(tuple, matrix)))
    assert read.columns == (*NAMES, *["none of them"] * len(more))


@pytest.mark.parametrize(
    "text",
    ["", "truth,a\n", "truth,a\na,one\n", "truth,a,b\na,1,2\nb,1\n", "truth,a\na,-1\n", "truth,a\na,1,2,3\n", "\xff"],
)
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / "c.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(SeglabError, match=r"c\.csv: expected a confusion matrix; came a file that is damaged"):
        read_confusion(tmp_path / "c.csv")
