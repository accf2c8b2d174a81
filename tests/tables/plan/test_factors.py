"""A table that states factors: the rows that they become."""

from dataclasses import replace

import pytest

from seglab import runs
from seglab.errors import SeglabError
from seglab.tables.plan.budgets import reduced
from seglab.tables.plan.model import Plan
from seglab.tables.plan.read import plan_of
from seglab.tables.survey.configurations import configurations
from tests.tables.plan.losses import GOOD

TWO = {"loss": ["ce", "dice"], "augment": ["none", "default"]}
WEIGHTS = {"none": [], "median": ["loss.class_weights=median_frequency", "loss.ignore_index=255"]}


def content(factors: object = TWO, **changes: object) -> dict:
    stated = {key: value for key, value in GOOD.items() if key not in ("rows", "baseline")}
    return {**stated, "factors": factors, **changes}


def plan(factors: object = TWO, **changes: object) -> Plan:
    return plan_of(content(factors, **changes), name="t")


def test_each_combination_is_a_row_and_that_of_the_first_levels_the_baseline() -> None:
    found = plan({**TWO, "weights": WEIGHTS})
    assert [row.label for row in found.rows][:3] == ["ce / none / none", "ce / none / median", "ce / default / none"]
    assert len(found.rows) == 8
    assert found.rows[5].overrides == ("loss=dice", "augment=none", *WEIGHTS["median"])
    assert found.rows[5].levels == ("dice", "none", "median")
    assert found.factors == {"loss": ("ce", "dice"), "augment": ("none", "default"), "weights": ("none", "median")}
    assert found.baseline == ("ce / none / none",)
    assert plan(baseline="dice / none").baseline == ("dice / none",)
    assert plan(baseline=[]).baseline == ()


def test_values_that_are_no_words_are_typed_and_told_with_their_key() -> None:
    found = plan({"optimizer.lr": [0.001, 1e-4], "model.norm": [True, None], "data.size": [[32, 64], [64, 128]]})
    assert found.rows[-1].overrides == ("optimizer.lr=0.0001", "model.norm=null", "data.size=[64,128]")
    assert found.rows[-1].label == "lr=0.0001 / norm=null / size=[64,128]"
    assert found.rows[0].overrides[1] == "model.norm=true"


def test_a_row_of_factors_is_the_same_run_as_a_row_of_its_overrides() -> None:
    found = plan({"loss": ["ce", "dice"], "lr": {"as it is": [], "high": ["optimizer.lr=0.01"]}})
    written = {"label": "x", "overrides": ["loss=dice", "optimizer.lr=0.01"]}
    rows = plan_of({**GOOD, "baseline": None, "rows": [written]}, name="u")
    last = replace(found, rows=found.rows[-1:])
    fingerprints = [
        [runs.fingerprint(runs.plain(cfg)) for cfg in configurations(each).values()] for each in (last, rows)
    ]
    assert fingerprints[0] == fingerprints[1]
    assert len(set(fingerprints[0])) == len(found.seeds)


def test_other_designs_have_fewer_rows_and_labels_of_their_own() -> None:
    three = {**TWO, "activation": ["relu", "silu"]}
    half = plan(three, design={"fraction": "1/2"})
    assert [row.levels for row in half.rows] == [
        ("ce", "none", "relu"), ("ce", "default", "silu"), ("dice", "none", "silu"), ("dice", "default", "relu"),
    ]  # fmt: skip
    assert half.design.generators == {"activation": ("loss", "augment")}
    named = plan(three, design={"fraction": "1/2", "generators": ["loss = augment*activation"]})
    assert named.design.generators == {"loss": ("augment", "activation")}
    assert [row.label for row in plan(three, design="leave_one_out").rows] == [
        "all", "without loss", "without augment", "without activation",
    ]  # fmt: skip
    assert plan(three, design="leave_one_out").baseline == ("all",)
    added = plan(three, design="add_one")
    assert [row.label for row in added.rows] == ["nothing", "+ loss", "+ augment", "+ activation"]
    assert added.rows[2].levels == ("dice", "default", "relu")
    assert len(plan({**three, "model.base": [4, 8, 16]}, design="one_at_a_time").rows) == 6


def test_forms_places_and_seeds_are_as_those_of_rows() -> None:
    found = reduced(plan(budgets={"short": {"overrides": ["trainer.max_epochs=2"], "seeds": [1]}}), "short")
    assert found.rows[-1].label == "dice / default (short)"
    assert found.rows[-1].overrides == ("loss=dice", "augment=default", "trainer.max_epochs=2")
    assert found.rows[-1].levels == ("dice", "default")
    assert (found.baseline, found.seeds) == (("ce / none (short)",), (1,))
    places = plan(tested_on={"day": {"data": "synthetic"}, "wet": {"data": "acdc"}}, evaluation={})
    assert places.rows[1].label == "ce / none on wet"
    assert places.rows[1].levels == ("ce", "none")
    assert places.baseline == ("ce / none on day", "ce / none on wet")


THREE = {"a": [1, 2], "b": [1, 2], "c": [1, 2]}


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        (content(rows=GOOD["rows"]), "table t: expected rows or factors; came both - leave one out"),
        ({**GOOD, "design": "full"}, "design: expected factors beside it; came none"),
        (content({}), r"factors: expected \{factor: \[level, ...\], ...\}; came \{\}"),
        (content({"loss": ["ce"]}), "factors.loss: expected two levels or more; came ce"),
        (content({"loss": "ce"}), r"factors.loss: expected \[value, ...\] or \{label: .*; came 'ce'"),
        (content({"loss": ["ce", "ce"]}), "factors.loss: expected different levels; came ce twice"),
        (content({"w": {"a": [], "b": []}}), "factors.w: expected different overrides; came none twice"),
        (content({"w": {False: [], "b": ["x=1"]}}), "expected labels of levels; came False - put it in quotes"),
        (content({True: [1, 2]}), "expected names of factors; came True - put it in quotes"),
        (content({"w": {"a": "loss=ce", "b": []}}), r"factors.w.a: expected \[override, ...\], or \[\] for none"),
        (content({"w": {"a": ["seed=1"], "b": []}}), "factors.w: a: seed is decided by the table; came 'seed=1'"),
        (content({"seed": [1, 2]}), "factors.seed: level: seed is decided by the table"),
        (content({"loss": [{"label": "ce"}, "dice"]}), "expected values, or one {label: .*; came {'label': 'ce'}"),
        (content({"my key": [1, 2]}), "factors.my key: level: expected KEY=VALUE"),
        (content({f"a{index}": [1, 2, 3] for index in range(6)}), "at most 256 rows; came 729 - leave out levels"),
        (content(design="ful"), "design: expected one of full, .*; came 'ful' - did you mean 'full'?"),
        (content({"a": [1, 2, 3]}, design="add_one"), "factors of two levels for add_one; came a with 3"),
        (content({**THREE, "d": [1, 2, 3]}, design={"fraction": "1/2"}), "two levels for fraction; came d with 3"),
        (content(design={"fraction": "1/2"}), r"a resolution of III or more, .*; came 2, as loss \* augment is the"),
        (content(THREE, design={"fraction": "1/3"}), "fraction: expected 1/2, 1/4, 1/8, ...; came '1/3'"),
        (content(THREE, design={"fraction": "2/4x"}), "fraction: expected 1/2, 1/4, 1/8, ...; came '2/4x'"),
        (content(THREE, design={"generators": ["c = a * b"]}), "fraction: expected 1/2, .*; came None"),
        (content(THREE, design={"fraction": "1/4"}), "one for each halving of 1/4: 2; came 0"),
        (content(THREE, design={"fraction": "1/2", "generators": ["c"]}), r"expected 'C = A \* B'; came 'c'"),
        (
            content(THREE, design={"fraction": "1/2", "generators": ["c = a * bb"]}),
            r"factors of the table \(a, b, c\); came 'bb'",
        ),
        (
            content(THREE, design={"fraction": "1/4", "generators": ["c = a * b", "c = b * a"]}),
            "one for a factor; came two for c",
        ),
        (
            content(THREE, design={"fraction": "1/4", "generators": ["c = a * b", "b = a * c"]}),
            r"products of factors without a generator; came c = a \* b, where b has one",
        ),
        (content(THREE, design={"fraction": "1/2", "generatrs": []}), "no key 'generatrs'; expected fraction and"),
        (content(baseline="ce"), "baseline: expected the label of a row .*; came 'ce'"),
    ],
)
def test_mistakes(stated: dict, message: str) -> None:
    with pytest.raises(SeglabError, match=message):
        plan_of(stated, name="t")
