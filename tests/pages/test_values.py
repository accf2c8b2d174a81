"""Values of a file that may hold anything."""

import math

import pytest

from seglab.pages.values import mapping, number, score_of, whole


@pytest.mark.parametrize(
    "odd", [None, 3, "x", [1], {"metrics": 3, "classes": {"a": 4, "b": {"iou": "x"}}, "epoch": "x"}]
)
def test_scores_of_any_shape_are_no_scores(odd):
    score = score_of(odd)
    assert score.epoch is None
    assert score.metrics == {}
    assert all(math.isnan(value) for classes in score.classes.values() for value in classes.values())
    assert math.isnan(number(True))
    assert whole(1.5) is None


def test_what_is_not_of_the_right_kind_counts_as_not_there():
    assert all(math.isnan(number(odd)) for odd in (True, None, "1", [1], math.inf, math.nan, 10**400))
    assert [whole(odd) for odd in (True, None, 1.0, "1", 10**400)] == [None] * 5
    assert (number(2), whole(2)) == (2.0, 2)
    assert mapping([1]) == mapping(None) == {}
