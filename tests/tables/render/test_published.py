"""The published rows of conf/table: what can be computed again from them, is."""

import math
import re

import pytest

from seglab import config, runs
from seglab.labels import label_space
from seglab.tables.comparison.comparison import compare
from seglab.tables.plan.model import Plan, Published, Row
from seglab.tables.plan.read import names, read_plan
from seglab.tables.render.sheets import sheets
from seglab.tables.survey.configurations import configurations

PLANS = {name: read_plan(name) for name in names()}
PUBLISHED = [(name, row) for name, plan in PLANS.items() for row in plan.published]
SPACES = {"bdd41": "bdd_41", "bdd19": "bdd_19", "camvid": "camvid_11", "cityscapes": "cityscapes_19"}


def class_values(row):
    """{class: IoU}, NaN for those that are absent in the source."""
    return {column.removeprefix("iou/"): value for column, value in row.values.items() if column.startswith("iou/")}


def mean_of_present(values):
    present = [value for value in values if not math.isnan(value)]
    return sum(present) / len(present)


def header(experiment):
    """The comments that an experiment opens with."""
    return (config.FOLDER / "experiment" / f"{experiment}.yaml").read_text(encoding="utf-8").partition("\ndefaults:")[0]


def test_the_mean_of_the_classes_is_the_published_mean():
    """Both are rounded to a tenth of a per cent, so they may lie a tenth apart."""
    checked = 0
    for table, row in PUBLISHED:
        classes = class_values(row)
        mean = row.values.get("miou", row.values.get("official_iou"))
        if classes and mean is not None:
            assert mean_of_present(classes.values()) == pytest.approx(mean, abs=1.01e-3), (table, row.label)
            checked += 1
    assert checked >= 36


def test_a_row_with_classes_has_all_of_its_label_space():
    for table, row in PUBLISHED:
        classes = class_values(row)
        if classes:
            (space,) = (label_space(key) for part, key in SPACES.items() if part in table)
            assert set(classes) == set(space.names), (table, row.label)


def test_what_is_known_from_memory_alone_is_not_called_verified():
    from_memory = [row for _, row in PUBLISHED if "memory alone: look it up" in (row.note or "")]
    assert len(from_memory) >= 2
    assert not any(row.verified for row in from_memory)


def study():
    """{(decoder, natural or balanced): values} of the 16 published rows."""
    rows = PLANS["camvid_segnet_study"].published
    return {tuple(row.label.removesuffix(" (paper)").split(", ")): row.values for row in rows}


def test_segnets_study_says_what_its_experiments_say():
    plan, published = PLANS["camvid_segnet_study"], study()
    assert len(plan.rows) == len(published) == 16
    for row in plan.rows:
        (override,) = row.overrides
        text = header(override.removeprefix("experiment="))
        scores = re.search(r"boundary F1\): ([\d.]+) / ([\d.]+) / ([\d.]+) / ([\d.]+)", text)
        values = published[tuple(row.label.split(", "))]
        columns = ("accuracy", "mean_accuracy", "miou", "boundary_f1")
        assert [100 * values[column] for column in columns] == pytest.approx([float(each) for each in scores.groups()])
        assert 0.2 < values["boundary_f1"] < values["miou"] < values["mean_accuracy"] < values["accuracy"] < 0.85


def test_segnets_study_shows_what_the_table_notes():
    """Balancing raises the class average in 8 of 8 decoders, mIoU in 6, and lowers the global accuracy in 7."""
    published = study()
    decoders = {decoder for decoder, _ in published}
    raised = {
        column: sum(published[each, "balanced"][column] > published[each, "natural"][column] for each in decoders)
        for column in ("mean_accuracy", "miou", "accuracy")
    }
    assert raised == {"mean_accuracy": 8, "miou": 6, "accuracy": 1}


@pytest.mark.parametrize(
    ("table", "means"),
    [("s003_bdd41", [(32, 0.035), (33, 0.141)]), ("s003_bdd19", [(17, 0.064), (17, 0.227)])],
)
def test_bdds_means_are_those_of_the_notes(table, means):
    for row, (count, mean) in zip(PLANS[table].published, means, strict=True):
        present = [value for value in class_values(row).values() if not math.isnan(value)]
        assert len(present) == count
        assert round(sum(present) / count, 3) == mean
        assert f"{count}" in row.note
        assert f"{mean}" in row.note


def test_bdds_classes_of_a_colour_that_an_earlier_one_has_are_nan_in_both_columns():
    """Hence the note that its row parking sign is persons."""
    space, rows = label_space("bdd_41"), PLANS["s003_bdd41"].published
    hidden = {name for index, name in enumerate(space.names) if space.colors[index] in space.colors[:index]}
    assert hidden == {"ego vehicle", "static", "polegroup", "person"}
    absent = [{name for name, value in class_values(row).items() if math.isnan(value)} for row in rows]
    assert absent[0] & absent[1] == hidden | {"rail track"}


@pytest.mark.parametrize(
    ("table", "experiments"),
    [
        ("s004_baseline", ["s004_unet_sgd_128"]),
        ("s004_modern", ["s004_modern_unet"]),
        ("s004_leak", ["s004_modern_unet"]),
        ("s004_modern_pretrained", ["s004_modern_unet_pt"]),
        ("s004_external_test", ["s004_unet_sgd_128", "s004_modern_unet", "s004_modern_unet_pt"]),
    ],
)
def test_published_dice_is_that_of_the_experiments(table, experiments):
    stated = "".join(header(name) for name in experiments)
    for row in PLANS[table].published:
        assert f"{row.values['image_gt_present']:.5f}"[1:] in stated, row.label


def test_the_control_gets_worse_with_every_factor():
    plan = PLANS["cityscapes_control"]
    assert [row.downsample for row in plan.rows] == [2**power for power in range(1, 8)]
    assert [row.label for row in plan.published] == [f"{row.label} (paper)" for row in plan.rows]
    for column in plan.columns:
        scores = [row.values[column] for row in plan.published]
        assert scores == sorted(scores, reverse=True)
        assert len(set(scores)) == 7


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "label", "other", "its_label"),
    [
        ("s004_leak", "leak-free", "s004_modern", "100 epochs"),
        ("s004_external_test", "baseline, 60 epochs", "s004_baseline", "60 epochs"),
        ("s004_external_test", "modern, 100 epochs", "s004_modern", "100 epochs"),
        ("s004_external_test", "pre-trained, 180 epochs", "s004_modern_pretrained", "180 epochs"),
    ],
)
def test_tables_of_one_source_share_their_runs(table, label, other, its_label):
    fingerprints = [
        runs.fingerprint(runs.plain(configurations(PLANS[name])[row, 1]))
        for name, row in ((table, label), (other, its_label))
    ]
    assert fingerprints[0] == fingerprints[1]


def test_the_leaking_split_is_trained_on_in_its_own_table_alone():
    leaking = {
        (name, row.label)
        for name, plan in PLANS.items()
        for row in plan.rows
        if any("train_80_leaking" in override for override in (*plan.common, *row.overrides))
    }
    assert leaking == {("s004_leak", "leaking")}
    for path in sorted((config.FOLDER / "experiment").glob("*.yaml")):
        settings = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        assert "train_80_leaking" not in "\n".join(settings), path.name


def test_rows_of_one_origin_share_its_number_and_rows_of_one_note_its_line() -> None:
    same = [Published(label=label, values={"miou": 0.5}, source="a paper", note="alike") for label in "ab"]
    other = Published(label="c", values={"miou": 0.5}, source="another")
    plan = Plan(name="t", title="T", source="s", rows=(Row(label="r"),), columns=("miou",), seeds=(1,),
                published=(same[0], other, same[1]))  # fmt: skip
    (scores,) = sheets(compare(plan, []))
    assert [row[0].text for row in scores.rows[2:]] == ["a [1]", "c [2]", "b [1]"]
    assert [note[:13] for note in scores.notes[:3]] == ["[1] a paper; ", "[2] another; ", "a; b: alike"]
