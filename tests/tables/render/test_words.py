"""How tables write numbers."""

import math

import pytest

from seglab.tables.render.words import number, points, sentence
from tests.tables.render.html import difference


@pytest.mark.parametrize(
    ("column", "value", "shown"),
    [("ensemble_miou", 0.3, "30.0"), ("miou", 0.46349, "46.3"), ("miou", None, "–"), ("iou/tram", math.nan, "NaN"),
     ("parameters", 7_760_000, "7.76"), ("flops", 1.234e10, "12.3"),
     ("seconds", 185.0, "3 min 05 s")],
)  # fmt: skip
def test_numbers_in_their_units(column, value, shown):
    assert number(column, value) == shown


@pytest.mark.parametrize(("value", "shown"), [(0.0123, "+1.2"), (-0.003, "−0.3"), (-0.0004, "0.0"), (None, "–")])
def test_points(value, shown):
    assert points(value) == shown


def test_sentence_of_a_difference():
    known = difference(0.012, 0.003, 0.021, p=0.0004, effect=-1.234, p_wilcoxon=0.031)
    assert sentence(known) == (
        "+1.2 points, 95 % +0.3 to +2.1, Holm p = 0.030 (alone p < 0.001), Wilcoxon p = 0.031, g = −1.23, "
        "paired t over 3 seeds"
    )
    unknown = difference(0.01, None, None, p=None, p_holm=None, over=None, test="none: the differences do not vary")
    assert sentence(unknown) == "+1.0 points, no test: the differences do not vary"
