"""What a table may say of margins, ranks, published runs among ours, and seeds of each source of chance."""

from dataclasses import replace

import pytest

from seglab.errors import SeglabError
from seglab.tables.plan.margins import margins_of
from seglab.tables.plan.read import plan_of
from tests.tables.plan.losses import changed


def noisy(**seeds: object) -> dict:
    return {**changed(seeds=seeds), "baseline": None}


def test_a_margin_is_of_all_scores_or_of_those_named() -> None:
    plan = plan_of(changed(margin=0.5), name="t")
    assert margins_of(plan) == {"miou": 0.005, "iou/pole": 0.005, "iou/small": 0.005}
    assert margins_of(plan_of(changed(margin={"miou": 1}), name="t")) == {"miou": 0.01}
    assert margins_of(plan_of(changed(), name="t")) == {}
    classes = plan_of(changed(columns=["miou", "iou/*"], margin={"iou/*": 2}), name="t")
    assert classes.margin == {"iou/*": 2.0}


def test_a_margin_of_all_classes_is_of_each() -> None:
    plan = plan_of(changed(columns=["miou", "iou/*"], margin={"iou/*": 2}), name="t")
    expanded = replace(plan, columns=("miou", "iou/road", "iou/pole"))
    assert margins_of(expanded) == {"iou/road": 0.02, "iou/pole": 0.02}


FACTORS = {"loss": ["ce", "dice"], "activation": ["relu", "silu"]}
TUNED = {"optimizer.lr": [1e-4, 1e-3]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed(margin=0), "margin: expected percentage points above 0 and at most 50; came 0"),
        (changed(margin=True), "margin: expected percentage points above 0 .*; came True"),
        (changed(margin={"miou": "0.5"}), r"margin\.miou: expected percentage points .*; came '0\.5'"),
        (changed(margin={"miuo": 0.5}), r"margin: expected columns of scores .*; came 'miuo' - did you mean 'miou'"),
        (changed(margin={"parameters": 1}), r"expected columns of scores in the table \(miou, .*; came 'parameters'"),
        (changed(margin=0.5, baseline=None), "margin: expected a baseline, .*; came none - name one, or leave it out"),
        (changed(ranks="yes"), "ranks: expected true or false; came 'yes'"),
        (
            changed(published=[{"label": "T", "source": "s", "values": {"miou": 0.5}, "of": "dic"}]),
            "published 'T': of: expected the label of a row .*; came 'dic' - did you mean 'dice'",
        ),
        (noisy(init=[1, 2], oder=[1]), "seeds: expected some of init, order, augment, vary, repeat; came 'oder'"),
        (noisy(init=[1], order=[1]), r"seeds: expected two seeds or more of a source, .*; came \{'init': \[1\]"),
        (noisy(init=[1, 1]), r"seeds\.init: expected different seeds; came 1 twice"),
        (noisy(init=[1, 2], order=[]), r"seeds\.order: expected one seed or more; came none"),
        (noisy(init=[1, "2"]), r"seeds: init: expected whole numbers >= 0; came '2'"),
        (noisy(init=[1, 2], vary="one"), r"seeds\.vary: expected crossed or one_at_a_time; came 'one'"),
        (noisy(init=[1, 2], repeat=2), "seeds: repeat: expected true or false; came 2"),
        (
            changed(seeds={"init": [1, 2]}),
            "baseline: expected none beside seeds of sources; came 'ce' - runs that share seeds are not independent",
        ),
        ({**noisy(init=[1, 2]), "ranks": True}, "ranks: expected none beside seeds of sources; came True"),
        (
            {key: value for key, value in noisy(init=[1, 2]).items() if key != "rows"} | {"factors": FACTORS},
            "factors: expected none beside seeds of sources; came",
        ),
        ({**noisy(init=[1, 2]), "tune": TUNED}, "tune: expected none beside seeds of sources; came"),
        (
            {**noisy(init=[1, 2]), "rows": [{"label": "ce", "overrides": ["loss=ce"], "tune": TUNED}]},
            "tune: expected none beside seeds of sources; came that of ce",
        ),
        (
            {**noisy(init=[1, 2]), "budgets": {"short": {"overrides": [], "seeds": [1, 3]}}},
            r"budgets\.short: seeds: expected numbers of runs, 1 to 2, beside seeds of sources; came \[1, 3\]",
        ),
        (
            {**noisy(init=[1, 2]), "published": [{"label": "T", "source": "s", "values": {"miou": 0.5}, "of": "ce"}]},
            "published: of: expected none beside seeds of sources; came ce",
        ),
        (
            {**noisy(init=[1, 2]), "common": ["seeds.order=3"]},
            r"common: seeds\.order is decided by the table; came 'seeds\.order=3' - leave it out",
        ),
        (
            {**noisy(init=[1, 2]), "rows": [{"label": "ce", "overrides": ["seeds.init=3"]}]},
            r"rows\[0\]: overrides: seeds\.init is decided by the table; came 'seeds\.init=3' - leave it out",
        ),
    ],
)
def test_mistakes_are_named(content: object, message: str) -> None:
    with pytest.raises(SeglabError, match=message):
        plan_of(content, name="t")
