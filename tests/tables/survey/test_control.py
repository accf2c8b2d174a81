"""Scores of down-sampled ground truth are kept by what they depend on."""

from dataclasses import replace
from pathlib import Path

import pytest

from seglab.errors import SeglabError
from seglab.tables.plan.model import Plan
from seglab.tables.survey import control
from tests.tables.controls import measure


def test_other_images_are_another_measurement(controls: Plan, tmp_path: Path) -> None:
    plan = replace(controls, rows=controls.rows[:1])
    (whole,) = measure(plan, tmp_path).measurements()
    (limited,) = measure(replace(plan, evaluation={"split": "val", "limit": 2}), tmp_path).measurements()
    assert (whole.protocol["images"], limited.protocol["images"]) == (4, 2)
    other = replace(plan, common=(*plan.common, "data.labels=cityscapes_8"), columns=("miou",))
    (categories,) = measure(other, tmp_path).measurements()  # without the official scores, which are of 19 classes
    assert "official_iou" not in categories.metrics
    assert 0 < categories.metrics["miou"] < 1
    assert len({each.folder for each in (whole, limited, categories)}) == 3


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / control.RESULT).write_text("{")
    with pytest.raises(SeglabError, match=r"expected the scores of a control.*delete it"):
        control.read(tmp_path, official=False)
