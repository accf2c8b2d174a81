"""What a table's YAML may say, and the configurations of its rows."""

import copy
import math
from functools import cache
from pathlib import Path

import pytest
import yaml

from seglab import runs
from seglab.errors import SeglabError
from seglab.tables.plan.read import plan_of, read_plan
from seglab.tables.survey.configurations import configurations, evaluation_overrides, evaluation_settings

GOOD = {
    "title": "Losses", "source": "measured here", "seeds": [1, 2], "baseline": "ce",
    "common": ["data.size=[32,64]"],
    "rows": [
        {"label": "ce", "overrides": ["loss=ce"]},
        {"label": "dice", "overrides": ["loss=dice"], "note": "smooth"},
    ],
    "columns": ["miou", "iou/pole", "iou/small", "parameters"],
    "groups": {"small": ["pole", "traffic sign"]},
    "evaluation": {"split": "test", "scales": [0.75, 1.0], "flip": True},
    "published": [{"label": "Theirs", "values": {"miou": 0.46, "parameters": 31e6}, "source": "arXiv"}],
}  # fmt: skip


def changed(**changes: object) -> dict:
    return {**copy.deepcopy(GOOD), **changes}


def with_rows(row: dict, *others: dict) -> dict:
    """GOOD with a row 'x' and others behind its own."""
    return changed(rows=[*GOOD["rows"], {"label": "x", **row}, *others])


def test_a_plan_holds_what_its_yaml_says(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(GOOD))
    plan = read_plan(tmp_path / "mine.yaml")
    assert (plan.name, plan.title, plan.seeds, plan.baseline) == ("mine", "Losses", (1, 2), ("ce",))
    assert [(row.label, row.overrides, row.note) for row in plan.rows] == [
        ("ce", ("loss=ce",), None),
        ("dice", ("loss=dice",), "smooth"),
    ]
    assert plan.groups == {"small": ("pole", "traffic sign")}
    assert plan.published[0].values == {"miou": 0.46, "parameters": 31e6}
    assert plan.published[0].verified is False
    assert plan.notes == ()


def test_a_plan_holds_starts_controls_splits_and_budgets() -> None:
    plan = plan_of(
        changed(
            rows=[
                {"label": "ce", "overrides": []},
                {"label": "again", "starts_from": "ce"},
                {"label": "half", "downsample": 2},
                {"label": "quarter", "downsample": 4},
            ],
            columns=["miou", "iou/*"],
            evaluation={"split": ["train", "val"]},
            published=[{"label": "T", "source": "s", "values": {"iou/pole": float("nan")}}],
            budgets={"short": {"overrides": ["trainer.max_epochs=2"], "seeds": [1], "evaluation": {"limit": 3}}},
            unsaid=["the seed"],
            transposed=True,
        ),
        name="t",
    )
    assert [(row.overrides, row.starts_from, row.downsample) for row in plan.rows] == [
        ((), None, None), ((), "ce", None), ((), None, 2), ((), None, 4),
    ]  # fmt: skip
    assert math.isnan(plan.published[0].values["iou/pole"])
    assert plan.evaluation["split"] == ["train", "val"]
    short = plan.budgets["short"]
    assert (short.overrides, short.seeds, short.evaluation) == (("trainer.max_epochs=2",), (1,), {"limit": 3})
    assert (plan.unsaid, plan.transposed, plan.budget) == (("the seed",), True, "full")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1], r"table t: expected a mapping with title, .*; came \[1\]"),
        (changed(colums=["miou"]), "table t: no key 'colums' - did you mean 'columns'?"),
        (changed(title=None), "table t: expected the key 'title'; it is not there"),
        (changed(title=3), "table t: title: expected a text; came 3 - put it in quotes"),
        (changed(rows=[]), "rows: expected one row or more; came none"),
        (changed(rows=[{"label": "ce", "override": []}]), r"rows\[0\]: no key 'override' - did you mean 'overrides'?"),
        (changed(rows=[{"label": True, "overrides": []}]), r"rows\[0\]: label: expected a text; came True"),
        (
            changed(rows=GOOD["rows"] + [{"label": "ce", "overrides": ["loss=focal"]}]),
            "different labels; came ce twice",
        ),
        (changed(rows=GOOD["rows"] + [{"label": "Theirs", "overrides": ["loss=focal"]}]), "came Theirs twice"),
        (
            changed(rows=GOOD["rows"] + [{"label": "x", "overrides": ["loss=ce"]}]),
            "the same overrides for 'ce' and 'x'",
        ),
        (changed(rows=[{"label": "a", "overrides": ["loss"]}]), "expected KEY=VALUE .*; came 'loss'"),
        (
            changed(rows=[{"label": "a", "overrides": ["loss=ce,dice"]}]),
            "one value; came 'loss=ce,dice' - make a row of",
        ),
        (changed(common=["seed=3"]), "common: seed is decided by the table; came 'seed=3'"),
        (changed(common=["hydra.run.dir=x"]), r"hydra.run.dir is decided by the table"),
        (changed(baseline="CE"), r"expected the label of a row \(ce, dice\); came 'CE'"),
        (changed(baseline="dic"), "came 'dic' - did you mean 'dice'?"),
        (changed(columns=[]), "columns: expected one column or more"),
        (changed(columns=["mIoU"]), "columns: expected one of miou, .*; came 'mIoU' - did you mean 'miou'?"),
        (changed(columns=["miou", "miou"]), "different columns; came miou twice"),
        (changed(columns=["boundary_f1"]), r"boundary_f1 is measured with evaluation.extra=\[boundary\]"),
        (changed(seeds=[]), "seeds: expected one seed or more"),
        (changed(seeds=[1, -1]), "seeds: expected whole numbers >= 0; came -1"),
        (changed(seeds=[True]), "seeds: expected whole numbers >= 0; came True"),
        (changed(seeds=[1, 1]), "different seeds; came 1 twice"),
        (changed(seeds=3), "seeds: expected a list; came 3"),
        (changed(groups={"small": []}), "groups.small: expected one class or more"),
        (changed(groups={"small": ["pole", "pole"]}), "different classes; came pole twice"),
        (changed(evaluation={"splt": "val"}), "no key 'splt' in evaluation - did you mean 'split'?"),
        (changed(evaluation={"device": "cpu"}), "no key 'device' in evaluation"),
        (
            changed(published=[{"label": "T", "source": "s", "values": {"miou": 46.3}}]),
            r"published\[0\]: values.miou: expected a fraction from 0 to 1; came 46.3 - is it in per cent\?",
        ),
        (changed(published=[{"label": "T", "source": "s", "values": {"miou": True}}]), "came True"),
        (changed(published=[{"label": "T", "source": "s", "values": {"miou": float("nan")}}]), "came nan"),
        (changed(published=[{"label": "T", "source": "s", "values": {"iou/*": 0.3}}]), r"a class; came 'iou/\*'"),
        (changed(published=[{"label": "T", "source": "s", "values": {"iu": 0.3}}]), "'T': values: .*came 'iu'"),
        (
            changed(published=[{"label": "T", "source": "s", "values": {}, "verified": "yes"}]),
            "verified: expected true or false; came 'yes'",
        ),
        (
            with_rows({"starts_from": "cee"}),
            r"row 'x': starts_from: expected the label .*; came 'cee' - did you mean 'ce'",
        ),
        (with_rows({"starts_from": "x"}), r"a start of its own; came 'x' from 'x' - leave one out"),
        (
            with_rows({"starts_from": "y"}, {"label": "y", "starts_from": "x"}),
            "came 'x' from 'y' from 'x' - leave one out",
        ),
        (with_rows({"starts_from": "y"}, {"label": "y", "downsample": 2}), "a row that is trained; came 'y'"),
        (
            with_rows({"starts_from": "ce", "overrides": ["init_from=a"]}),
            "starts_from or an override init_from; came both",
        ),
        (with_rows({"downsample": 1}), "downsample: expected a whole number >= 2; came 1"),
        (
            with_rows({"downsample": 2, "overrides": ["loss=ce"]}),
            "no overrides and no starts_from beside it; came loss=ce",
        ),
        (changed(evaluation={"split": []}), "evaluation: split: expected one split or more; came none"),
        (changed(evaluation={"split": ["val", "val"]}), "different splits; came val twice"),
        (changed(budgets={"full": {"overrides": []}}), "no budget 'full' - full is the table itself"),
        (changed(budgets={"shrt": {"overrides": []}}), "no budget 'shrt' - did you mean 'short'?"),
        (changed(budgets={"short": {"seeds": [1]}}), "budgets.short: expected the key 'overrides'; it is not there"),
        (changed(budgets={"short": {"overrides": [], "seeds": []}}), "budgets.short: seeds: expected one seed or more"),
        (
            changed(budgets={"short": {"overrides": ["seed=3"]}}),
            "budgets.short: overrides: seed is decided by the table",
        ),
        (changed(budgets={"short": {"overrides": [], "evaluation": {"splt": "a"}}}), "budgets.short: no key 'splt'"),
        (changed(transposed="yes"), "transposed: expected true or false; came 'yes'"),
        (changed(budget="short"), "no key 'budget' - did you mean 'budgets'?"),
    ],
)
def test_mistakes_are_named(content: object, message: str) -> None:
    with pytest.raises(SeglabError, match=message):
        plan_of(content, name="t")


def test_an_unknown_table_is_told_with_all_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(SeglabError, match=r"no table 'synthetic_loses' .* - did you mean 'synthetic_losses'"):
        read_plan("synthetic_loses")
    with pytest.raises(SeglabError, match="nothing is there"):
        read_plan(tmp_path / "none.yaml")
    (tmp_path / "broken.yaml").write_text("a: [")
    with pytest.raises(SeglabError, match=r"broken\.yaml is not YAML"):
        read_plan(tmp_path / "broken.yaml")


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


def test_the_synthetic_tables_share_their_baseline() -> None:
    tables = [fingerprints(f"synthetic_{name}") for name in ("losses", "activations", "skips", "models")]
    assert len({fingerprint for table in tables for fingerprint in table}) == 30
