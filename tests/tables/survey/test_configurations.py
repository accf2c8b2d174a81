"""The configurations of a table's runs and of their evaluation."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from seglab import runs
from seglab.errors import SeglabError
from seglab.tables.plan.model import Plan, Row, Until
from seglab.tables.plan.read import plan_of, read_plan
from seglab.tables.survey.configurations import (
    configurations,
    evaluation_overrides,
    evaluation_settings,
    in_order,
    own_evaluations,
)
from tests.tables.plan.losses import GOOD, changed

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


@pytest.mark.slow
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


def test_a_row_names_the_run_that_it_learns_from_by_fingerprint() -> None:
    rows = (Row(label="student", overrides=("loss=distill",), learns_from="teacher"), Row(label="teacher"))
    plan = replace(PLAN, rows=rows, seeds=(1, 2))
    found = configurations(plan)
    for seed in (1, 2):
        fingerprint = runs.fingerprint(runs.plain(found["teacher", seed]))
        assert runs.plain(found["student", seed])["teacher_run"] == fingerprint
        assert found["student", seed].teacher == f"run:{fingerprint}"
    assert [row.label for row in in_order(rows)] == ["teacher", "student"]


def test_where_rows_have_different_numbers_of_seeds_each_starts_from_a_run_of_its_own_seeds() -> None:
    rows = (Row(label="ce"), Row(label="further", starts_from="ce"), Row(label="longer"))
    rule = Until(column="miou", half_width=None, or_differs=True, first=2, step=1, at_most=3)
    reached = {"ce": 2, "further": 2, "longer": 3}
    found = configurations(replace(PLAN, rows=rows, seeds=(1, 2, 3), until=rule, reached=reached))
    assert [seed for label, seed in found if label == "further"] == [1, 2]
    for seed in (1, 2):
        assert found["further", seed].init_from == f"run:{runs.fingerprint(runs.plain(found['ce', seed]))}"


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


def test_a_table_may_ask_for_a_crf() -> None:
    plan = replace(PLAN, evaluation={"post": "crf", "crf.iterations": 10})
    settings = runs.plain(evaluation_settings(plan))
    assert settings["post"] == "crf"
    assert settings["crf"] == {
        "iterations": 10, "spatial_weight": 3.0, "spatial_sd": 3.0,
        "bilateral_weight": 10.0, "bilateral_sd_xy": 80.0, "bilateral_sd_rgb": 13.0,
    }  # fmt: skip


def test_a_class_that_the_data_do_not_have_is_told() -> None:
    with pytest.raises(SeglabError, match=r"columns: iou/rod: expected a class of cityscapes_19.*did you mean 'road'"):
        configurations(replace(PLAN, columns=("iou/rod",)))


def test_a_configuration_is_that_of_the_command(tiny_config) -> None:
    cfgs = configurations(plan_of(GOOD, name="t"))
    assert list(cfgs) == [("ce", 1), ("ce", 2), ("dice", 1), ("dice", 2)]
    plain = tiny_config("loss=dice", "seed=2")
    assert runs.plain(cfgs["dice", 2])["loss"] == runs.plain(plain)["loss"]
    assert runs.plain(cfgs["dice", 2])["data"]["seed"] == 2
    assert runs.plain(cfgs["dice", 2])["data"]["size"] == [32, 64]


def test_the_users_own_groups_and_further_overrides_are_composed(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "short.yaml").write_text("# @package _global_\ntrainer:\n  max_epochs: 3\n")
    plan = plan_of(changed(common=["experiment=short"]), name="t")
    cfgs = configurations(plan, overrides=["optimizer.lr=0.5"], search_path=[str(tmp_path)])
    assert (cfgs["ce", 1].trainer.max_epochs, cfgs["ce", 1].optimizer.lr) == (3, 0.5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"common": ["model.base=x"]}, "table t, row 'ce': model: base is 'x'; expected a whole number"),
        ({"common": ["model=unett"]}, "table t, row 'ce': no option 'unett' for 'model' - did you mean 'unet'"),
        ({"common": ["model.bas=3"]}, "table t, row 'ce': no key 'bas' in 'model' - did you mean 'bias'"),
        ({"columns": ["iou/poles"]}, "columns: iou/poles: expected a class of cityscapes_19 or a group; came 'poles'"),
        ({"groups": {"small": ["pol"]}}, "groups.small: expected a class of .*; came 'pol' - did you mean 'pole'"),
    ],
)
def test_mistakes_that_need_the_configuration(changes: dict, message: str) -> None:
    with pytest.raises(SeglabError, match=message):
        configurations(plan_of(changed(**changes), name="t"))


def test_the_evaluation_is_typed_as_hydra_reads_it() -> None:
    plan = plan_of(GOOD, name="t")
    assert evaluation_overrides(plan) == ["split=test", "scales=[0.75, 1.0]", "flip=true"]
    settings = runs.plain(evaluation_settings(plan))
    assert (settings["split"], settings["scales"], settings["flip"]) == ("test", [0.75, 1.0], True)


@cache
def fingerprints(name: str) -> tuple[str, ...]:
    return tuple(runs.fingerprint(runs.plain(cfg)) for cfg in configurations(read_plan(name)).values())


@pytest.mark.slow
def test_the_synthetic_tables_share_their_baseline() -> None:
    tables = [fingerprints(f"synthetic_{name}") for name in ("losses", "activations", "skips", "models")]
    assert len({fingerprint for table in tables for fingerprint in table}) == 30


def test_a_row_states_its_own_evaluation():
    row = Row(label="windows", evaluation={"split": "val", "tile": [32, 64]})
    plan = replace(PLAN, rows=(*PLAN.rows, row), evaluation={"split": ["train", "test"], "flip": True})
    assert evaluation_overrides(plan, row=row) == ["split=val", "flip=true", "tile=[32, 64]"]
    assert plan.splits_of(row) == ("val",)
    (settings,) = own_evaluations(plan).values()
    assert (settings["split"], settings["flip"], settings["tile"]) == ("val", True, [32, 64])
    wrong = replace(plan, rows=(Row(label="x", evaluation={"limit": "many"}),))
    with pytest.raises(SeglabError, match=r"row 'x': evaluation: .*limit"):
        own_evaluations(wrong)
