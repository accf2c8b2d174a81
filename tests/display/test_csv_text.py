"""A cell of a CSV is never a formula, and gives back the text that it was made of."""

import pytest

from seglab.display.csv_text import as_cell, from_cell


@pytest.mark.parametrize(
    "text", ["=HYPERLINK(1)", "+cmd", "-m seed=1", "@SUM(A1)", "\t=1", "'=1", "''=1", "-", "+scSE"]
)
def test_a_formula_becomes_a_text(text):
    assert as_cell(text) == f"'{text}"
    assert from_cell(as_cell(text)) == text


@pytest.mark.parametrize("text", ["-0.5", "+3", "-inf", "1e-5", "nan", "", "road", "a=b", "'road'", "2 - 1", "–"])
def test_numbers_and_harmless_texts_stay(text):
    assert as_cell(text) == text
    assert from_cell(text) == text
