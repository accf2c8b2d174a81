"""What a table says of its rows: blocks of equal protocol, differences paired by seed, corrections, and warnings."""

import math
import time
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from seglab.errors import SeglabError
from seglab.tables.comparison.comparison import compare
from seglab.tables.comparison.per_image import PerImage, class_iou, scores
from seglab.tables.comparison.significance import holm
from seglab.tables.plan.model import Measurement, Plan, Published, Row

PROTOCOL = {
    "dataset": "synthetic", "split": "val", "labels": "cityscapes_19", "images": 48, "limit": None,
    "resolution": "original", "resolutions": ["original", "network"], "size": [64, 128], "scales": [1.0],
    "flip": False, "tile": None, "overlap": None, "reading": "dataset", "void": "removed", "checkpoint": "best",
    "epoch": 3, "step": 36, "fingerprint": "0123456789abcdef",
}  # fmt: skip
CE, DICE, FOCAL = (0.50, 0.52, 0.51), (0.53, 0.56, 0.53), (0.50, 0.53, 0.50)


def plan(**changes):
    found = Plan(
        name="losses",
        title="Losses",
        source="measured here",
        rows=tuple(Row(label=label, overrides=(f"loss={label}",)) for label in ("ce", "dice", "focal")),
        columns=("miou", "iou/road", "iou/thin things", "parameters", "seconds"),
        seeds=(1, 2, 3),
        baseline=("ce",),
        groups={"thin things": ("pole", "sign")},
    )
    return replace(found, **changes)


def measured(row, seed, miou, **changes):
    found = Measurement(
        row=row, seed=seed, metrics={"miou": miou, "accuracy": 0.9},
        class_iou={"road": miou + 0.3, "pole": miou - 0.3, "sign": miou - 0.1, "train": math.nan},
        protocol=PROTOCOL, curve=(0.1, miou), fingerprint=f"{row}{seed}", folder=f"sweeps/losses/{row}-{seed}",
        commit="4f1c2a9b00", command="python -m seglab.train", parameters=1000, flops=None, seconds=10.0 + seed,
        threads=2, device="cpu",
    )  # fmt: skip
    return replace(found, **changes)


def all_measured(**changes):
    scores_of = {"ce": CE, "dice": DICE, "focal": FOCAL}
    return [
        measured(row, seed, miou, **changes) for row, mious in scores_of.items() for seed, miou in enumerate(mious, 1)
    ]


def with_protocol(measurement, **changes):
    return replace(measurement, protocol={**measurement.protocol, **changes})


def test_rows_over_seeds():
    (block,) = compare(plan(), all_measured()[::-1]).blocks  # in whatever order they come
    assert [(row.label, row.seeds, row.n) for row in block.rows] == [
        (name, (1, 2, 3), 3) for name in ("ce", "dice", "focal")
    ]
    ce, dice, _ = block.rows
    assert ce.is_baseline
    assert ce.columns["miou"].values == CE
    assert (ce.columns["miou"].mean, ce.columns["miou"].std) == pytest.approx((0.51, 0.01))
    assert dice.columns["miou"].interval == pytest.approx(stats.t.interval(0.95, 2, np.mean(DICE), stats.sem(DICE)))
    assert dice.columns["iou/thin things"].mean == pytest.approx(np.mean(DICE) - 0.2)
    assert dice.columns["parameters"].mean == 1000
    assert dice.columns["parameters"].interval is None
    assert list(dice.columns) == list(plan().columns)


def test_what_is_not_known_is_none():
    (block,) = compare(plan(columns=("miou", "flops")), all_measured()[:1]).blocks
    (ce,) = block.rows
    assert ce.columns["miou"].std is None
    assert ce.columns["miou"].interval is None
    assert ce.columns["flops"].mean is None
    assert ce.classes["train"].values == (None,)
    assert ce.classes["train"].n == 0


def test_differences_to_the_baseline():
    (block,) = compare(plan(), all_measured()).blocks
    ce, dice, focal = block.rows
    assert ce.differences == {}
    found, expected = dice.differences["miou"], stats.ttest_rel(DICE, CE)
    assert found.mean == pytest.approx(0.03)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.interval == pytest.approx(tuple(expected.confidence_interval()))
    assert (found.n, found.over, found.test) == (3, "seeds", "paired t over 3 seeds")
    assert found.effect == pytest.approx(0.03 / 0.01 / math.sqrt(math.pi))
    assert found.p_wilcoxon is None
    assert "parameters" not in dice.differences
    assert [row.differences["miou"].p_holm for row in (dice, focal)] == pytest.approx(
        holm([expected.pvalue, stats.ttest_rel(FOCAL, CE).pvalue])
    )


def test_significance_is_that_of_the_corrected_p():
    (block,) = compare(plan(), all_measured()).blocks
    found = block.rows[1].differences["miou"]
    assert found.p < 0.05 < found.p_holm
    assert not found.significant
    alone = plan(rows=plan().rows[:2])
    (block,) = compare(alone, all_measured()[:6]).blocks
    assert block.rows[1].differences["miou"].p_holm == block.rows[1].differences["miou"].p
    assert block.rows[1].differences["miou"].significant


def test_class_deltas_are_corrected_for_rows_and_classes():
    (block,) = compare(plan(), all_measured()).blocks
    dice, focal = block.rows[1:]
    assert block.class_names == ("road", "pole", "sign", "train")
    assert dice.class_deltas["pole"].mean == pytest.approx(0.03)
    assert dice.class_deltas["pole"].interval == pytest.approx(dice.differences["miou"].interval)
    assert dice.class_deltas["pole"].p_holm == pytest.approx(min(1, 6 * dice.class_deltas["pole"].p), rel=1e-6)
    assert dice.class_deltas["train"].mean is None
    assert dice.class_deltas["train"].test == "none: no seed for which both are known"
    assert focal.class_deltas["pole"].p_holm == 1


def test_six_seeds_allow_the_signed_ranks():
    seeds = range(1, 7)
    rows = [measured("ce", seed, 0.5 + 0.01 * seed) for seed in seeds]
    rows += [measured("dice", seed, 0.52 + 0.011 * seed) for seed in seeds]
    comparison = compare(plan(seeds=tuple(seeds), rows=plan().rows[:2]), rows)
    assert comparison.blocks[0].rows[1].differences["miou"].p_wilcoxon == pytest.approx(2 / 64)
    assert comparison.warnings == ()


def test_few_seeds_are_said_once_for_all_rows():
    warnings = compare(plan(columns=("miou",)), all_measured()).warnings
    assert len(warnings) == 1
    assert warnings[0].startswith("dice, focal: 3 seeds: a 95 % interval reaches ±2.5")


def test_seeds_without_a_partner_are_left_out_and_named():
    rows = [each for each in all_measured() if (each.row, each.seed) not in {("ce", 3), ("dice", 1)}]
    comparison = compare(plan(), rows)
    dice = comparison.blocks[0].rows[1]
    assert dice.n == 2
    assert dice.differences["miou"].n == 1
    assert dice.differences["miou"].mean == pytest.approx(DICE[1] - CE[1])
    assert dice.differences["miou"].p is None
    assert dice.differences["miou"].test == "none: one seed in common"
    assert comparison.missing == (("ce", 3), ("dice", 1))
    assert "dice minus ce: without seed 3 of dice, which ce lacks" in comparison.warnings
    assert "dice minus ce: without seed 1 of ce, which dice lacks" in comparison.warnings
    assert "focal minus ce: without seed 3 of focal, which ce lacks" in comparison.warnings


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"size": [128, 256]}, "size seen by the network: 64x128 (ce, dice); 128x256 (focal)"),
        ({"size": None}, "size seen by the network: 64x128 (ce, dice); that of the image (focal)"),
        ({"flip": True}, "test-time flip: no (ce, dice); yes (focal)"),
        ({"scales": [0.5, 1.0]}, "test-time scales: 1 (ce, dice); 0.5, 1 (focal)"),
        ({"tile": [64, 64]}, "tiles: none (ce, dice); 64x64 (focal)"),
        ({"dataset": "camvid", "images": 9, "fingerprint": "ff"}, "data set: synthetic (ce, dice); camvid (focal)"),
        ({"split": "test", "images": 9, "fingerprint": "ff"}, "split: val (ce, dice); test (focal)"),
        ({"labels": "camvid_11"}, "label space: cityscapes_19 (ce, dice); camvid_11 (focal)"),
        ({"fingerprint": "ff"}, "content of the data: 0123456789abcdef (ce, dice); ff (focal)"),
        ({"resolution": "network"}, "resolution: original (ce, dice); network (focal)"),
        ({"reading": "image"}, "reading: dataset (ce, dice); image (focal)"),
        ({"void": "kept"}, "void: removed (ce, dice); kept (focal)"),
        ({"limit": 8}, "limit of images: none (ce, dice); 8 (focal)"),
        ({"checkpoint": "last"}, "checkpoint: best (ce, dice); last (focal)"),
        ({"new": 1}, "new: not stated (ce, dice); 1 (focal)"),
    ],
)
def test_rows_of_other_protocols_stand_apart_and_are_not_compared(changes, reason):
    rows = [with_protocol(each, **changes) if each.row == "focal" else each for each in all_measured()]
    comparison = compare(plan(), rows)
    assert comparison.split_because == (reason,)
    first, second = comparison.blocks
    assert [row.label for row in first.rows] == ["ce", "dice"]
    assert [row.label for row in second.rows] == ["focal"]
    assert second.rows[0].differences == {}
    assert second.rows[0].class_deltas == {}
    dice = first.rows[1].differences["miou"]
    assert dice.p_holm == dice.p, "a row of another block was counted among the tests"
    assert any(line.startswith("focal (") and "not compared" in line for line in comparison.warnings)


def test_three_protocols_name_every_key_that_tells_them_apart():
    by_row = {"ce": {}, "dice": {"split": "test", "fingerprint": "aa"}, "focal": {"split": "test", "fingerprint": "bb"}}
    comparison = compare(plan(), [with_protocol(each, **by_row[each.row]) for each in all_measured()])
    assert [each.title for each in comparison.blocks] == [
        "split val, content of the data 0123456789abcdef",
        "split test, content of the data aa",
        "split test, content of the data bb",
    ]


def test_epochs_and_spellings_of_numbers_are_no_difference():
    changes = {"epoch": 9, "step": 108, "resolutions": ["original"], "scales": (1,), "size": (64, 128)}
    rows = [with_protocol(each, **changes) if each.row == "focal" else each for each in all_measured()]
    comparison = compare(plan(), rows)
    assert len(comparison.blocks) == 1
    assert comparison.split_because == ()
    assert "epoch" not in comparison.blocks[0].protocol


def test_the_block_of_the_baseline_comes_first():
    rows = [with_protocol(each, split="test") if each.row == "ce" else each for each in all_measured()]
    first, second = compare(plan(), rows).blocks
    assert [row.label for row in first.rows] == ["ce"]
    assert [row.label for row in second.rows] == ["dice", "focal"]


def test_each_block_has_its_own_baseline():
    rows = [with_protocol(each, split="test") if each.row != "ce" else each for each in all_measured()]
    test, val = compare(plan(baseline=("ce", "dice")), rows).blocks
    assert [(row.label, row.is_baseline) for row in test.rows] == [("dice", True), ("focal", False)]
    assert test.rows[1].differences["miou"].mean is not None
    assert [(row.label, row.is_baseline) for row in val.rows] == [("ce", True)]


def test_one_row_may_be_measured_under_two_protocols():
    rows = [*all_measured(), with_protocol(measured("dice", 1, 0.4), split="test")]
    comparison = compare(plan(), rows)
    assert [[row.label for row in block.rows] for block in comparison.blocks] == [["ce", "dice", "focal"], ["dice"]]
    assert comparison.missing == ()


def test_published_rows_stand_beside_what_they_do_not_contradict():
    def row(label, **stated):
        return Published(label=label, values={"miou": 0.6}, source="a paper", **stated)

    published = (
        row("silent"),
        row("alike", split="val", resolution="Original"),
        row("test", split="test"),
        row("train", split="train"),
        row("sized", split="val", resolution="360 × 480"),
    )
    rows = [with_protocol(each, split="test") if each.row == "focal" else each for each in all_measured()]
    comparison = compare(plan(published=published), rows)
    first, second = comparison.blocks
    assert [(each.published.label, each.unchecked) for each in first.published] == [
        ("silent", ("split (not stated)", "resolution (not stated)")),
        ("alike", ()),
        ("sized", ("resolution (360 × 480)",)),
    ]
    assert [each.published.label for each in second.published] == ["test"]
    assert [(each.published.label, each.differs) for each in comparison.published_apart] == [
        ("train", ("split: train, here val",))
    ]


def test_a_published_size_is_compared_with_that_of_the_network():
    published = (Published(label="p", values={}, source="a paper", resolution="128x256"),)
    rows = [with_protocol(each, resolution="network") for each in all_measured()]
    comparison = compare(plan(published=published), rows)
    assert comparison.published_apart[0].differs == ("resolution: 128x256, here 64x128",)
    rows = [with_protocol(each, size=[128, 256]) for each in rows]
    assert compare(plan(published=published), rows).published_apart == ()


def test_nothing_measured_is_a_block_of_what_is_published():
    comparison = compare(plan(published=(Published(label="p", values={}, source="a paper", split="test"),)), [])
    (block,) = comparison.blocks
    assert (block.rows, block.title, block.class_names) == ((), "", ())
    assert len(comparison.missing) == 9
    assert block.published[0].differs == ()  # the plan leaves the split to the evaluation
    assert comparison.published_apart == ()


def test_a_published_row_of_another_split_than_the_plans_stands_apart_before_anything_is_measured():
    published = tuple(Published(label=each, values={}, source="a paper", split=each) for each in ("test", "val"))
    comparison = compare(plan(evaluation={"split": "val"}, published=published), [])
    assert [each.published.label for each in comparison.blocks[0].published] == ["val"]
    assert comparison.published_apart[0].differs == ("split: test, here val",)


def test_splits_that_the_plan_asks_for_are_blocks_in_its_order_and_no_surprise():
    published = (Published(label="p", values={}, source="a paper", split="val"),)
    asked = plan(evaluation={"split": ["train", "val", "test"]}, published=published)
    rows = [with_protocol(each, split=split) for split in ("test", "val", "train") for each in all_measured()]
    comparison = compare(asked, rows)
    assert [block.title for block in comparison.blocks] == ["split train", "split val", "split test"]
    assert [len(block.rows) for block in comparison.blocks] == [3, 3, 3]
    assert [len(block.published) for block in comparison.blocks] == [0, 1, 0]
    assert comparison.split_because == ()
    assert len(comparison.warnings) == len(set(comparison.warnings))


def test_all_classes_are_those_that_were_measured_else_those_that_were_published():
    published = (Published(label="p", values={"iou/sky": 0.5, "iou/thin things": 0.1}, source="a paper"),)
    asked = plan(columns=("miou", "iou/pole", "iou/*"), published=published)
    assert compare(asked, []).plan.columns == ("miou", "iou/pole", "iou/sky")
    assert compare(asked, all_measured()).plan.columns == ("miou", "iou/pole", "iou/road", "iou/sign", "iou/train")


def test_a_row_without_training_is_missing_once():
    rows = (Row(label="x2", downsample=2), Row(label="ce"))
    comparison = compare(plan(rows=rows, baseline=()), [])
    assert comparison.missing == (("x2", 1), ("ce", 1), ("ce", 2), ("ce", 3))


def test_without_a_baseline_nothing_is_compared():
    comparison = compare(plan(baseline=(), columns=("miou",)), all_measured())
    assert all(row.differences == {} and not row.is_baseline for row in comparison.blocks[0].rows)
    assert comparison.warnings == ()


def test_strangers_are_left_out_and_named():
    rows = [*all_measured(), measured("dice", 9, 0.9), measured("lovasz", 1, 0.9)]
    comparison = compare(plan(), rows)
    assert "not in the table's plan, left out: dice (seed 9), lovasz (seed 1)" in comparison.warnings
    assert [row.n for row in comparison.blocks[0].rows] == [3, 3, 3]


def test_other_commits_and_devices_are_said():
    rows = [replace(each, commit="99887766aa and changes", device="cuda") if each.row == "dice" else each
            for each in all_measured()]  # fmt: skip
    warnings = compare(plan(), rows).warnings
    assert "the rows were measured at different commits: 4f1c2a9b, 99887766 and changes" in warnings
    assert any(line.startswith("seconds were taken on different devices") for line in warnings)
    assert not any("seconds" in line for line in compare(plan(columns=("miou",)), rows).warnings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": ("miuo",)}, r"table losses, columns: expected some of miou, .*came 'miuo' - did you mean 'miou'"),
        ({"columns": ("iou/raod",)}, r"came 'iou/raod' - did you mean 'iou/road'"),
        ({"groups": {"thin things": ("pol",)}}, r"groups: expected some of road, .*came 'pol' - did you mean 'pole'"),
    ],
)
def test_unknown_columns_are_refused(changes, message):
    with pytest.raises(SeglabError, match=message):
        compare(plan(**changes), all_measured())


def test_a_column_that_only_some_runs_have_is_empty_for_the_others():
    rows = all_measured()
    rows[0] = replace(rows[0], metrics={**rows[0].metrics, "ece": 0.1})
    ce, dice, _ = compare(plan(columns=("miou", "ece")), rows).blocks[0].rows
    assert ce.columns["ece"].values == (0.1, None, None)
    assert dice.differences["ece"].mean is None


def test_two_measurements_of_one_run_are_refused():
    with pytest.raises(SeglabError, match=r"one measurement of ce with seed 1 .*sweeps/losses/ce-1 and runs/again"):
        compare(plan(), [*all_measured(), measured("ce", 1, 0.5, folder="runs/again")])


# --- one seed: over images ---------------------------------------------------------------------------------------

CLASSES = ("road", "pole", "sign", "train")


def counted(*, better=0.0, images=24, seed=0):
    """Counts of a network that finds the same share, and `better`, of the same images; nothing of the last class."""
    generator = np.random.default_rng(seed)
    truth = np.random.default_rng(7).integers(200, 1000, (images, 4))
    truth[:, 3] = 0
    right = np.round(truth * np.clip(generator.normal(0.6, 0.1, (images, 4)) + better, 0, 1)).astype(np.int64)
    counts = np.stack([right, truth, truth], axis=-1)
    return PerImage(names=tuple(f"{index}" for index in range(images)), classes=CLASSES, counts=counts)


def of_images(row, images, **changes):
    sums = images.counts.sum(0)
    iou = dict(zip(CLASSES, class_iou(sums).tolist(), strict=True))
    return measured(row, 1, 0.0, metrics={"miou": float(scores(sums)["miou"])}, class_iou=iou, **changes)


def test_one_seed_is_compared_over_images_and_claims_nothing():
    images = {("ce", 1): counted(), ("dice", 1): counted(seed=1), ("focal", 1): counted(better=0.2, seed=2)}
    rows = [of_images(row, counts) for (row, _), counts in images.items()]
    comparison = compare(plan(seeds=(1,)), rows, images)
    _, dice, focal = comparison.blocks[0].rows
    found = focal.differences["miou"]
    assert found.over == "images"
    assert found.test == "bootstrap over 24 images, one seed"
    assert found.p_holm < 0.05
    assert found.interval.low > 0
    assert found.mean == pytest.approx(rows[2].metrics["miou"] - rows[0].metrics["miou"])
    assert not found.significant
    assert dice.differences["miou"].interval.low < 0 < dice.differences["miou"].interval.high
    thin = focal.differences["iou/thin things"]
    assert thin.interval.low < thin.mean < thin.interval.high
    assert focal.class_deltas["road"].over == "images"
    assert focal.class_deltas["train"].mean is None
    assert any("one seed: no test over seeds" in line for line in comparison.warnings)
    assert any("intervals over images are of these trained networks" in line for line in comparison.warnings)


def test_without_images_one_seed_has_a_difference_and_no_interval():
    rows = [of_images("ce", counted()), of_images("dice", counted(better=0.2))]
    found = compare(plan(seeds=(1,)), rows, {("ce", 1): counted()}).blocks[0].rows[1].differences["miou"]
    assert found.mean > 0.1
    assert found.interval is None
    assert found.over is None


def test_counts_of_another_evaluation_are_left_out():
    images = {("ce", 1): counted(), ("dice", 1): counted(seed=1)}
    rows = [of_images("ce", images["ce", 1]), of_images("dice", counted(better=0.1, seed=1))]
    comparison = compare(plan(seeds=(1,)), rows, images)
    assert comparison.blocks[0].rows[1].differences["miou"].over is None
    assert any(line.startswith("dice, seed 1: the counts of its images give mIoU") for line in comparison.warnings)


def test_other_images_are_refused():
    images = {("ce", 1): counted(), ("dice", 1): replace(counted(), names=tuple("abcdefghijklmnopqrstuvwx"))}
    rows = [of_images(row, counts) for (row, _), counts in images.items()]
    with pytest.raises(SeglabError, match="expected the images of dice, seed 1 in ce, seed 1 as well"):
        compare(plan(seeds=(1,)), rows, images)


def test_the_same_table_twice_is_the_same():
    images = {("ce", 1): counted(), ("dice", 1): counted(seed=1)}
    rows = [of_images(row, counts) for (row, _), counts in images.items()]
    one, two = (compare(plan(seeds=(1,)), rows, images).blocks[0].rows[1].differences for _ in range(2))
    assert one == two


def test_a_large_table_is_compared_at_once():
    rows = [measured(f"row {index}", seed, 0.5 + 0.01 * math.sin(index * seed + seed)) for index in range(30)
            for seed in range(1, 4)]  # fmt: skip
    wide = plan(rows=tuple(Row(label=f"row {index}", overrides=()) for index in range(30)), baseline=("row 0",))
    compare(wide, rows[:3])  # scipy is imported
    started = time.perf_counter()
    compare(wide, rows)
    assert time.perf_counter() - started < 2
