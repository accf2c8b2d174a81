"""Learning curves as a drawing."""

import math
from dataclasses import replace

import pytest

from seglab.tables.render.page_curves import learning_curves
from tests.pages.html import Page


def test_curves_are_drawn_to_scale_with_a_gap_where_nothing_was_validated(comparison):
    block = comparison.blocks[0]
    runs = [replace(block.rows[0].measurements[0], curve=(0.0, 0.25, math.nan, 1.0, 0.5))]
    page = Page(learning_curves(replace(block, rows=(replace(block.rows[0], measurements=runs),)), colours={"ce": 3}))
    (path,) = page.find("path")
    assert path["d"] == "M0.0000 1.0000h0L0.2500 0.7500M0.7500 0.0000h0L1.0000 0.5000"
    assert path["text"] == "ce, seed 1: best 100.0 %"
    assert [one["text"] for one in page.find("text", class_="tick")][:6] == ["0", "20", "40", "60", "80", "100"]
    assert page.find("g", **{"data-line": "3"})[0]["class"] == "line3"


@pytest.mark.parametrize("curve", [(), (math.nan, math.nan)])
def test_no_drawing_without_a_curve(comparison, curve):
    block = comparison.blocks[0]
    row = replace(block.rows[0], measurements=(replace(block.rows[0].measurements[0], curve=curve),))
    assert learning_curves(replace(block, rows=(row,)), colours={"ce": 0}) == ""


def test_curve_of_one_validation_is_a_dot(comparison):
    block = comparison.blocks[0]
    row = replace(block.rows[0], measurements=(replace(block.rows[0].measurements[0], curve=(0.5,)),))
    (path,) = Page(learning_curves(replace(block, rows=(row,)), colours={"ce": 0})).find("path")
    assert path["d"].startswith("M0.5000 ")
    assert path["d"].endswith("h0")
