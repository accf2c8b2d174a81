"""The schedule by which EoMT gives up its masks, against the steps that its authors configure."""

import pytest

from seglab.models.mask_annealing import mask_probabilities


def authors(step, start, end):
    """training/lightning_module.py of tue-mps/eomt, with its poly_power of 0.9."""
    if step < start:
        return 1.0
    return 0.0 if step >= end else (1.0 - (step - start) / (end - start)) ** 0.9


@pytest.mark.parametrize(
    ("total", "starts", "ends"),
    [
        (19_902, [3317, 8292, 13268], [6634, 11609, 16585]),  # Cityscapes, EoMT-B
        (88_692, [14782, 29564, 44346, 59128], [29564, 44346, 59128, 73910]),  # COCO's instances, EoMT-L
    ],
)
def test_it_is_the_authors(total, starts, ends):
    for step in range(0, total, 97):
        expected = [authors(step, *turn) for turn in zip(starts, ends, strict=True)]
        assert mask_probabilities(step / total, blocks=len(starts)) == pytest.approx(expected, abs=2e-3), step


def test_by_hand():
    assert mask_probabilities(0, blocks=2) == [1, 1]
    assert mask_probabilities(0.25, blocks=2) == pytest.approx([0.5**0.9, 1])
    assert mask_probabilities(0.75, blocks=2) == pytest.approx([0, 0.5**0.9])
    assert mask_probabilities(1, blocks=2) == [0, 0]
    assert mask_probabilities(0.25, blocks=1) == pytest.approx([0.5**0.9])
