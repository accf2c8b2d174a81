"""Every score of a confusion matrix has a title."""

import torch

from seglab.metrics.readings import summary
from seglab.metrics.titles import FIRST, NARROW, TITLES, val_titles


def test_every_score_of_the_summary_has_one_and_nothing_else():
    assert list(TITLES) == list(summary(torch.eye(2, dtype=torch.int64)))
    assert list(NARROW) == list(TITLES)


def test_by_the_names_of_validations():
    assert list(val_titles()) == [f"val/{name}" for name in FIRST]
    assert val_titles(("fwiou",)) == {"val/fwiou": "frequency-weighted IoU"}
