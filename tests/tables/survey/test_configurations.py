"""The configurations of a table's runs and of their evaluation."""

from dataclasses import replace

import pytest

from seglab import runs
from seglab.errors import SeglabError
from seglab.tables.plan.model import Plan, Row
from seglab.tables.survey.configurations import configurations, evaluation_overrides, evaluation_settings, in_order

PLAN = Plan(
    name="t",
    title="T",
    source="s",
    rows=(
        Row(label="second", overrides=("replace_head=true",), starts_from="first"),
        Row(label="third", starts_from="second"),
        Row(label="first", overrides=("loss=dice",)),
        Row(label="half", downsample=2),
    ),
    columns=("miou", "iou/*"),
    seeds=(1, 2),
    common=("data=synthetic",),
)


def test_a_row_names_the_run_that_it_starts_from_by_fingerprint() -> None:
    found = configurations(PLAN, overrides=["trainer.max_epochs=2"])
    assert list(found)[:3] == [("second", 1), ("second", 2), ("third", 1)]
    prints = {key: runs.fingerprint(runs.plain(cfg)) for key, cfg in found.items()}
    for seed in (1, 2):
        assert found["second", seed].init_from == f"run:{prints['first', seed]}"
        assert found["third", seed].init_from == f"run:{prints['second', seed]}"
        assert found["first", seed].init_from is None
    assert len(set(prints.values())) == 7
    # The same on every machine, and another one for another start
    moved = configurations(PLAN, overrides=["trainer.max_epochs=2", "data.root=/elsewhere", "output=there"])
    assert moved["third", 1].init_from == found["third", 1].init_from
    longer = configurations(PLAN, overrides=["trainer.max_epochs=3"])
    assert longer["third", 1].init_from != found["third", 1].init_from


def test_ground_truth_has_no_seeds() -> None:
    assert [seed for label, seed in configurations(PLAN) if label == "half"] == [1]


def test_rows_are_ordered_by_what_they_start_from_alone() -> None:
    assert [row.label for row in in_order(PLAN.rows)] == ["first", "second", "third", "half"]
    rows = tuple(Row(label=label) for label in "cab")
    assert in_order(rows) == list(rows)


def test_an_evaluation_is_of_one_split_at_a_time() -> None:
    plan = replace(PLAN, evaluation={"split": ["train", "test"], "flip": True})
    assert evaluation_overrides(plan) == ["split=train", "flip=true"]
    assert evaluation_overrides(plan, split="test") == ["split=test", "flip=true"]
    assert evaluation_overrides(PLAN, split="val") == ["split=val"]
    assert evaluation_settings(plan).split == "train"


def test_a_class_that_the_data_do_not_have_is_told() -> None:
    with pytest.raises(SeglabError, match=r"columns: iou/rod: expected a class of cityscapes_19.*did you mean 'road'"):
        configurations(replace(PLAN, columns=("iou/rod",)))
