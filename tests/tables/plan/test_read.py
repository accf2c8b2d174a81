"""What a table's YAML may say."""

import math
from pathlib import Path

import pytest
import yaml

from seglab.errors import SeglabError
from seglab.tables.plan.read import plan_of, read_plan
from tests.tables.plan.losses import GOOD, changed, with_rows


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
                {"label": "mirrored", "overrides": [], "evaluation": {"flip": True}},
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
        ((), None, None), ((), "ce", None), ((), None, 2), ((), None, 4), ((), None, None),
    ]  # fmt: skip
    assert plan.evaluation_of(plan.rows[-1]) == {"split": ["train", "val"], "flip": True}
    assert math.isnan(plan.published[0].values["iou/pole"])
    assert plan.evaluation["split"] == ["train", "val"]
    short = plan.budgets["short"]
    assert (short.overrides, short.seeds, short.evaluation) == (("trainer.max_epochs=2",), (1,), {"limit": 3})
    assert (plan.unsaid, plan.transposed, plan.budget) == (("the seed",), True, "full")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed(rows=[]), "rows: expected one row or more; came none"),
        (
            changed(rows=GOOD["rows"] + [{"label": "x", "overrides": ["loss=ce"]}]),
            "the same overrides for 'ce' and 'x'",
        ),
        (changed(baseline="CE"), r"expected the label of a row \(ce, dice\); came 'CE'"),
        (changed(baseline="dic"), "came 'dic' - did you mean 'dice'?"),
        (changed(columns=[]), "columns: expected one column or more"),
        (changed(columns=["mIoU"]), "columns: expected one of miou, .*; came 'mIoU' - did you mean 'miou'?"),
        (changed(columns=["boundary_f1"]), r"boundary_f1 is measured with evaluation.extra=\[boundary\]"),
        (changed(columns=["miou/rain"]), "miou/rain is measured with evaluation.corruption=all, or some; came none"),
        (
            changed(columns=["mce"], evaluation={"corruption": "all"}, baseline=None),
            "mce is relative to the errors of a baseline; came none - name one",
        ),
        (changed(seeds=[]), "seeds: expected one seed or more"),
        (changed(groups={"small": []}), "groups.small: expected one class or more"),
        (
            changed(published=[{"label": "T", "source": "s", "values": {"miou": 46.3}}]),
            r"published\[0\]: values.miou: expected a fraction from 0 to 1; came 46.3 - is it in per cent\?",
        ),
        (changed(published=[{"label": "T", "source": "s", "values": {"miou": True}}]), "came True"),
        (changed(published=[{"label": "T", "source": "s", "values": {"miou": float("nan")}}]), "came nan"),
        (changed(published=[{"label": "T", "source": "s", "values": {"iou/*": 0.3}}]), r"a class; came 'iou/\*'"),
        (changed(published=[{"label": "T", "source": "s", "values": {"iu": 0.3}}]), "'T': values: .*came 'iu'"),
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
        (with_rows({"learns_from": "cee"}), r"row 'x': learns_from: expected the label .*; came 'cee' - did you"),
        (with_rows({"learns_from": "ce", "starts_from": "ce"}), "expected learns_from, starts_from or an override"),
        (
            with_rows({"starts_from": "ce", "overrides": ["init_from=a"]}),
            "starts_from or an override init_from; came both",
        ),
        (with_rows({"downsample": 1}), "downsample: expected a whole number >= 2; came 1"),
        (
            with_rows({"downsample": 2, "overrides": ["loss=ce"]}),
            "no overrides and no starts_from beside it; came loss=ce",
        ),
        (with_rows({"overrides": ["loss=ce"], "evaluation": {}}), "the same overrides for 'ce' and 'x'"),
        (with_rows({"overrides": ["loss=ce"], "evaluation": {"flp": True}}), r"rows\[2\]: no key 'flp' in evaluation"),
        (with_rows({"downsample": 2, "evaluation": {"flip": True}}), "no evaluation beside it; came {'flip': True}"),
        (changed(budgets={"full": {"overrides": []}}), "no budget 'full' - full is the table itself"),
        (changed(budgets={"shrt": {"overrides": []}}), "no budget 'shrt' - did you mean 'short'?"),
        (changed(budgets={"short": {"seeds": [1]}}), "budgets.short: expected the key 'overrides'; it is not there"),
        (changed(budgets={"short": {"overrides": [], "seeds": []}}), "budgets.short: seeds: expected one seed or more"),
        (
            changed(budgets={"short": {"overrides": ["seed=3"]}}),
            "budgets.short: overrides: seed is decided by the table",
        ),
        (changed(budgets={"short": {"overrides": [], "evaluation": {"splt": "a"}}}), "budgets.short: no key 'splt'"),
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
