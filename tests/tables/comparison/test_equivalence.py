"""Equality within a margin: against statsmodels, and by simulated tables; what a table says of it."""

import csv
import io
import math

import numpy as np
import pytest
from statsmodels.stats.weightstats import ttost_paired

from seglab.tables.comparison.comparison import compare
from seglab.tables.comparison.equivalence import equality, tost
from seglab.tables.plan.model import Published, Row
from seglab.tables.render.csv_file import to_csv
from seglab.tables.render.latex import latex
from seglab.tables.render.marks import marks, parted
from seglab.tables.render.page import write_page
from seglab.tables.render.sheets import markdown
from tests.benchmarks.equivalence import rates
from tests.tables.comparison.losses import measured, plan


@pytest.mark.parametrize("n", [2, 3, 5, 20])
@pytest.mark.parametrize("shift", [0.0, 0.004, -0.02])
def test_tost_as_statsmodels(n, shift):
    generator = np.random.default_rng(n)
    baseline = generator.normal(0.6, 0.02, n)
    values = baseline + generator.normal(shift, 0.003, n)
    expected, _, _ = ttost_paired(values, baseline, -0.005, 0.005)
    assert tost(values, baseline, margin=0.005) == pytest.approx(expected, rel=1e-9)


def test_pairs_with_an_unknown_value_are_left_out():
    known = tost([0.5, 0.61, 0.7], [0.5, 0.6, 0.71], margin=0.05)
    assert tost([0.5, math.nan, 0.61, 0.7], [0.5, 0.1, 0.6, 0.71], margin=0.05) == pytest.approx(known)


@pytest.mark.parametrize("values", [[], [0.5], [0.5, 0.6, 0.7]])
def test_without_two_differences_that_vary_there_is_no_test(values):
    assert math.isnan(tost(values, values, margin=0.005))
    assert equality(values, values, margin=0.005).p is None


def test_rows_that_differ_by_the_margin_are_seldom_called_equal():
    """The small form of tests/benchmarks/equivalence.py: 150 tables of either kind."""
    null = rates(150, seeds=5, difference=0.5)
    alternative = rates(150, seeds=5, difference=0.0)
    assert null.equal_anywhere <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 150)
    assert alternative.equal > 0.5
    assert alternative.differs_anywhere <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 150)


SEEDS = (1, 2, 3, 4, 5)
NOISE = (0.0010, -0.0012, 0.0004, -0.0008, 0.0006)
ROWS = {"ce": 0.0, "dice": 0.0, "focal": 0.05, "near": 0.003, "wild": 0.0}  # by which each lies above the first


def judged(**changes):
    """Equal, different, different by less than the margin, and unsettled."""
    noise = {"ce": 0.0, "wild": 40.0}
    runs = [
        measured(row, seed, 0.5 + above + noise.get(row, 1.0) * NOISE[seed - 1])
        for row, above in ROWS.items()
        for seed in SEEDS
    ]
    rows = tuple(Row(label=label, overrides=(f"loss={label}",)) for label in ROWS)
    stated = plan(rows=rows, seeds=SEEDS, columns=("miou", "accuracy", "parameters"), **changes)
    return compare(stated, runs)


def test_each_row_has_its_verdict():
    (block,) = judged(margin={"miou": 0.5}).blocks
    found = {row.label: marks(row.differences.get("miou")) for row in block.rows}
    assert found == {"ce": "", "dice": "≈", "focal": "†", "near": "†≈", "wild": "○"}
    dice, wild = (block.rows[index].differences["miou"].equality for index in (1, 4))
    alone = tost([0.5 + noise for noise in NOISE], [0.5] * 5, margin=0.005)
    assert (dice.margin, dice.p) == (0.005, pytest.approx(alone))
    assert dice.p_holm >= dice.p
    assert not wild.shown
    assert all(row.differences["accuracy"].equality is None for row in block.rows if row.differences)


def test_without_a_margin_nothing_is_said_of_equality():
    comparison = judged()
    assert all(each.equality is None for row in comparison.blocks[0].rows for each in row.differences.values())
    said = markdown(comparison) + latex(comparison) + to_csv(comparison)
    assert not any(word in said for word in ("TOST", "≈", "○", "approx", "verdict", "margin"))


def test_markdown_and_latex_have_a_mark_for_each_verdict():
    comparison = judged(margin={"miou": 0.5})
    text = markdown(comparison)
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ") and " ± " in line]
    scores = {label: score for label, score, *_ in lines}
    assert [parted(scores[row].removesuffix(" \\*").strip("*"))[1] for row in ROWS] == ["", "≈", "†", "†≈", "○"]
    assert (
        "- ≈ equal to ce within 0.5 points (TOST: two one-sided paired t tests over 5 seeds, p < 0.05, Holm-corrected "
        "over the rows of a column)\n"
    ) in text
    assert "- †≈ both: there is a difference, and it is smaller than the margin\n" in text
    assert "- ○ not settled: neither a difference nor equality within 0.5 points was shown\n" in text
    assert "| p (TOST) | verdict |" in text
    assert "| differs, equal within 0.5 points |" in text
    printed = latex(comparison)
    for mark in (r"\dag", r"$\approx$", r"\dag{}$\approx$", r"$\circ$"):
        assert rf"\textsuperscript{{{mark}}}" in printed
    assert printed.isascii()


def test_the_page_and_the_csv_say_the_verdict(tmp_path):
    comparison = judged(margin={"miou": 0.5})
    write_page(comparison, tmp_path / "table.html")
    page = (tmp_path / "table.html").read_text()
    for said in ("≈ equal within 0.5 points</span>", "○ not settled</span>", "†≈ differs, equal within 0.5 points<"):
        assert said in page
    assert "○ not settled: neither a difference" in page
    assert "TOST within 0.5: Holm p" in page
    lines = list(csv.DictReader(io.StringIO(to_csv(comparison))))
    assert [line["miou difference verdict"] for line in lines] == [
        "", "equal within 0.5 points", "differs", "differs, equal within 0.5 points", "not settled",
    ]  # fmt: skip
    assert float(lines[1]["miou difference margin"]) == 0.005
    assert "accuracy difference verdict" not in lines[0]


def test_margins_by_column_are_named():
    text = markdown(judged(margin={"miou": 0.5, "accuracy": 1.0}))
    assert "≈ equal to ce within the margin of its column (0.5 points, 1 point) (TOST" in text


def test_one_seed_settles_nothing():
    runs = [measured(row, 1, 0.5) for row in ("ce", "dice")]
    stated = plan(rows=plan().rows[:2], seeds=(1,), columns=("miou",), margin={"miou": 0.5})
    (block,) = compare(stated, runs).blocks
    assert marks(block.rows[1].differences["miou"]) == "○"
    assert "TOST:" not in markdown(compare(stated, runs))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("46.3 ± 0.4", ("46.3 ± 0.4", "")),
        ("46.3 ± 0.4 †≈", ("46.3 ± 0.4", "†≈")),
        ("46.3 ± 0.4 (2) ○", ("46.3 ± 0.4 (2)", "○")),
        ("–", ("–", "")),
        ("", ("", "")),
    ],
)
def test_marks_stand_apart_from_the_score(text, found):
    assert parted(text) == found


def test_published_rows_have_no_mark():
    theirs = Published(label="Theirs", values={"miou": 0.5}, source="arXiv", split="val")
    text = markdown(judged(margin={"miou": 0.5}, published=(theirs,)))
    (line,) = [line for line in text.splitlines() if line.startswith("| Theirs")]
    assert not any(mark in line for mark in "†≈○")
