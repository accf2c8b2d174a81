"""What is said of a table's factors."""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seglab.display import draw
from seglab.display.sheet import Sheet
from seglab.tables.analysis.effects import effects
from seglab.tables.analysis.finding import Finding
from seglab.tables.comparison.comparison import compare
from seglab.tables.render.page import write_page
from seglab.tables.render.sheets import markdown
from tests.tables.analysis.experiments import TWO, compared, plan, trainings
from tests.tables.comparison import losses

EFFECTS = {"dice": 0.05, "dice & default": 0.04}


def found(*args: object, **changes: object) -> Finding:
    finding = effects(compared(*args, **changes))  # type: ignore[arg-type]
    assert finding is not None
    return finding


def lines(sheet: Sheet) -> dict[str, list[str]]:
    return {row[0].text: [cell.text for cell in row[1:]] for row in sheet.rows}


def notes(finding: Finding) -> str:
    return "\n".join(note for sheet in finding.sheets for note in sheet.notes)


def test_two_factors_are_shown_as_cells_effects_and_shares() -> None:
    table = plan()
    cells, changes, shares = found(table, effects=EFFECTS).sheets
    assert cells.header == ["loss (down), augment (across)", "none", "default", "mean"]
    runs = trainings(table, effects=EFFECTS)
    mean = np.mean([run.metrics["miou"] for run in runs if run.row == "dice / none"])
    assert lines(cells)["dice"][0] == f"{100 * mean:.1f}"
    everywhere = np.mean([run.metrics["miou"] for run in runs])
    assert lines(cells)["mean"][2] == f"{100 * everywhere:.1f}"

    assert changes.header == ["effect", "mIoU", "95 % interval", "p", "pixel accuracy"]
    dice = np.mean([run.metrics["miou"] for run in runs if run.row.startswith("dice")])
    ce = np.mean([run.metrics["miou"] for run in runs if run.row.startswith("ce")])
    assert [*lines(changes)] == [
        "loss: dice instead of ce", "loss: focal instead of ce", "augment: default instead of none",
        "loss × augment: dice, default", "loss × augment: focal, default",
    ]  # fmt: skip
    row = lines(changes)["loss: dice instead of ce"]
    assert row[0] == f"{100 * (dice - ce):+.1f}"
    assert row[1].startswith("+")
    assert row[2] == "< 0.001"
    assert float(lines(changes)["loss × augment: dice, default"][0]) == pytest.approx(4, abs=2)
    assert lines(changes)["augment: default instead of none"][3].strip("†+− 0123456789.") == ""

    assert [*lines(shares)] == ["loss", "augment", "loss × augment", "seed", "residual"]
    assert sum(float(row[1]) for row in lines(shares).values()) == pytest.approx(100, abs=0.3)
    assert [row[0] for row in lines(shares).values()] == ["2", "1", "2", "3", "15"]


def test_a_mark_stands_where_the_interval_excludes_zero_in_other_scores_too() -> None:
    changes = found(plan(columns=["accuracy", "miou"]), effects=EFFECTS).sheets[1]
    assert changes.header[1] == "pixel accuracy"
    assert "†" in lines(changes)["loss: dice instead of ce"][-1]
    assert "†" not in lines(changes)["loss: focal instead of ce"][-1]


def test_missing_trainings_are_named_and_not_averaged_over() -> None:
    table = plan()
    lost = [("focal / default", 2), ("ce / none", 1), ("ce / none", 3)]
    finding = found(table, without=lost)
    assert "not measured: 3 of 24 trainings: ce / none (seed 1, 3); focal / default (seed 2) - the model" in notes(
        finding
    )
    cells = finding.sheets[0]
    assert lines(cells)["ce"][0].endswith(" (2)")
    means = {
        label: cells.rows[index][3].exact for index, label in enumerate(["ce", "dice", "focal", "mean"])
    }  # fmt: skip
    of_cells = [float(cell.exact) for cell in cells.rows[0][1:3]]
    assert float(means["ce"]) == pytest.approx(np.mean(of_cells))
    raw = [run.metrics["miou"] for run in trainings(table) if run.row.startswith("ce") and run.key not in lost]
    assert float(means["ce"]) != pytest.approx(np.mean(raw), abs=1e-6)
    assert "the shares do not add up to 100 %" in notes(finding)
    assert "type III" in notes(finding)


def test_an_empty_cell_takes_its_interaction_away_and_says_so() -> None:
    lost = [("dice / default", seed) for seed in (1, 2, 3, 4)]
    finding = found(plan(), without=lost)
    said = notes(finding)
    assert "dice / default (all)" in said
    assert "cannot be estimated, as combinations of levels are not measured: loss × augment; the effects" in said
    assert [*lines(finding.sheets[1])] == [
        "loss: dice instead of ce", "loss: focal instead of ce", "augment: default instead of none",
    ]  # fmt: skip
    assert lines(finding.sheets[0])["dice"][1] == "–"
    assert "type II, as a combination was never measured" in said
    assert finding.figure is None


def test_a_level_that_is_not_measured_is_said() -> None:
    lost = [(f"focal / {augment}", seed) for augment in ("none", "default") for seed in (1, 2, 3, 4)]
    finding = found(plan(), without=lost)
    assert "loss: focal not measured at all" in notes(finding)
    assert lines(finding.sheets[0])["focal"] == ["–"] * 3
    assert "loss × augment: dice, default" in lines(finding.sheets[1])


def test_one_seed_and_seeds_apart_test_nothing() -> None:
    finding = found(plan(seeds=[1]))
    assert "one seed: whether another training would differ alike is not known, and nothing can be" in notes(finding)
    assert {tuple(row[1:3]) for row in lines(finding.sheets[1]).values()} == {("–", "–")}
    assert len(finding.sheets) == 2

    table = plan({"loss": ["ce", "dice"], "augment": ["none", "default"]}, seeds=[1, 2, 3, 4])
    own = {row.label: seed for row, seed in zip(table.rows, table.seeds, strict=True)}
    runs = [run for run in trainings(table) if own[run.row] == run.seed]
    apart = effects(compare(table, runs))
    assert apart is not None
    assert "no two settings share a seed: they cannot be told from what the seeds differ by" in notes(apart)
    assert "and are not shown: loss: dice instead of ce; augment: default instead of none" in notes(apart)
    assert [*lines(apart.sheets[1])] == ["none can be estimated"]


@pytest.mark.parametrize(
    ("design", "held"),
    [
        ("one_at_a_time", "with all other factors at their first level"),
        ("leave_one_out", "with all other factors on"),
        ("add_one", "with all factors before it on, and those after it off"),
    ],
)
def test_other_designs_compare_rows_with_their_reference(design: str, held: str) -> None:
    table = plan(TWO, design=design)
    (changes, shares) = found(table, effects={"dice": 0.05}).sheets
    means = {row.label: np.mean([run.metrics["miou"] for run in trainings(table, effects={"dice": 0.05})
                                 if run.row == row.label]) for row in table.rows}  # fmt: skip
    first, *others = means.values()
    before = [first, *others[:-1]] if design == "add_one" else [first] * 3
    sign = -1 if design == "leave_one_out" else 1
    expected = [100 * sign * (mean - other) for mean, other in zip(others, before, strict=True)]
    assert [float(row[0].replace("−", "-")) for row in lines(changes).values()] == pytest.approx(expected, abs=0.051)
    assert held in "\n".join(changes.notes)
    assert "is not seen by this design" in "\n".join(changes.notes)
    assert [*lines(shares)] == ["loss", "augment", "activation", "seed", "residual"]


def test_a_fraction_says_its_resolution_and_what_it_mixes() -> None:
    third = found(plan(TWO, design={"fraction": "1/2"}))
    assert "1/2 of all combinations, resolution III: the same in all rows is loss × augment × activation" in notes(
        third
    )
    assert (
        "cannot be told apart, and are shown as the first of each: loss and augment × activation; "
        "augment and loss × activation; activation and loss × augment"
    ) in notes(third)
    assert [*lines(third.sheets[0])][-1] == "activation: silu instead of relu"
    four = {**TWO, "lr": {"low": [], "high": ["optimizer.lr=0.1"]}}
    fourth = found(plan(four, design={"fraction": "1/2"}))
    assert "resolution IV" in notes(fourth)
    assert "loss × augment and activation × lr" in notes(fourth)
    assert "loss × augment: dice, default" in lines(fourth.sheets[0])
    assert "activation × lr: silu, high" not in lines(fourth.sheets[0])
    fifth = plan({**four, "w": {"no": [], "yes": ["loss.x=1"]}}, design={"fraction": "1/2"})
    assert "no main effect or interaction of two is mixed with another" in notes(found(fifth))


def test_tables_of_rows_and_tables_that_are_not_measured_have_no_effects() -> None:
    assert effects(compare(losses.plan(), losses.all_measured())) is None
    table = plan()
    assert effects(compare(table, [])) is None
    assert effects(compare(table, [run for run in trainings(table) if run.row == "ce / none"])) is None


def test_each_block_has_sheets_of_its_own() -> None:
    table = plan(evaluation={"split": ["val", "test"]})
    runs = trainings(table)
    both = [losses.with_protocol(run, split=split) for run in runs for split in ("val", "test")]
    finding = effects(compare(table, both))
    assert finding is not None
    assert len(finding.sheets) == 6
    assert finding.sheets[0].caption.startswith("Factors (split val): mIoU")


def test_a_score_that_a_run_has_not_is_missing_for_that_score_alone() -> None:
    table = plan(columns=["miou", "iou/pole"])
    runs = trainings(table)
    runs = [losses.measured(run.row, run.seed, run.metrics["miou"], metrics=run.metrics,
                            class_iou={"road": 0.5, "pole": math.nan, "sign": 0.1, "train": math.nan})
            if run.row == "focal / none" else run for run in runs]  # fmt: skip
    changes = effects(compare(table, runs)).sheets[1]  # type: ignore[union-attr]
    assert "–" not in [row[0] for row in lines(changes).values()]
    assert lines(changes)["loss × augment: focal, default"][-1] == "–"


def test_they_stand_in_markdown_and_their_figure_on_the_page(tmp_path: Path) -> None:
    comparison = compared(plan(), effects=EFFECTS)
    assert "| loss: dice instead of ce | +" in markdown(comparison)
    finding = effects(comparison)
    assert finding is not None
    assert finding.figure is not None
    figure = finding.figure()
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["none", "default"]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["ce", "dice", "focal"]
    mean = np.mean([run.metrics["miou"] for run in trainings(plan(), effects=EFFECTS) if run.row == "dice / default"])
    assert axes.containers[1][0].get_ydata()[1] == pytest.approx(100 * mean)
    Image.fromarray(draw.rendered(figure)).save(tmp_path / "effects.png")
    write_page(comparison, tmp_path / "table.html", figures={"effects": tmp_path / "effects.png"})
    assert "what each factor changes" in (tmp_path / "table.html").read_text()
