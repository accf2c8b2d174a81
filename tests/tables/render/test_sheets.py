"""A comparison on the terminal and as Markdown: the marks, the notes, the warnings, and what is not there."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from seglab.tables.comparison.comparison import Comparison, compare
from seglab.tables.plan.model import Measurement, Plan, Published, Row
from seglab.tables.render.csv_file import to_csv
from seglab.tables.render.latex import latex
from seglab.tables.render.sheets import best_rows, markdown, protocol_words, score_text, sheets, show
from tests.tables.render.many import CLOSE, FAR, TRAINED, many_classes
from tests.waiting import PATIENCE


def test_the_best_is_marked_and_a_missing_cell_is_a_dash(comparison: Comparison) -> None:
    (block,) = comparison.blocks
    assert best_rows(block, "miou") == ["dice"]
    assert best_rows(block, "parameters") == []  # costs are not ranked
    (scores, differences) = sheets(comparison)
    assert list(scores.header) == ["row", "mIoU %", "mean Dice %", "IoU pole %", "M params", "seeds"]
    dice = scores.rows[1]
    mean = block.rows[1].columns["miou"].mean
    assert mean is not None
    assert dice[1].best
    assert dice[1].text.startswith(f"{100 * mean:.1f} ± ")
    assert dice[1].exact == repr(mean)
    theirs = scores.rows[-1]
    assert [cell.text for cell in theirs] == ["DeepLab of others [1]", "70.3", "–", "–", "–", "–"]
    assert [row[-1].text for row in scores.rows[:5]] == ["3", "3", "3", "2 of 3", "3"]
    assert [row[0].text for row in differences.rows] == [row.label for row in block.rows[1:]]


def test_what_differs_significantly_is_marked_with_the_test(comparison: Comparison) -> None:
    (block,) = comparison.blocks
    text = markdown(comparison)
    marked = [row.label for row in block.rows for each in row.differences.values() if each.significant]
    assert marked  # the row of nothing at all
    assert "† differs from ce (p < 0.05, paired t over 3 seeds" in text
    assert "Holm-corrected over the rows of a column" in text
    for line in text.splitlines():
        if line.startswith("| focal |"):
            assert "†" not in line


def test_without_a_significant_row_it_is_said(compared: Callable[..., Comparison]) -> None:
    text = markdown(compared({"ce": 0.46, "dice": 0.46}))
    assert "no row differs significantly from ce (p < 0.05, paired t over 3 seeds, Holm-corrected" in text
    assert "†" not in text


def test_warnings_notes_source_and_what_is_missing_stand_below(comparison: Comparison) -> None:
    text = markdown(comparison)
    assert "– not measured: row 10 seed 3" in text
    shown = [
        warning.replace("<script", "&lt;script").replace("</script", "&lt;/script") for warning in comparison.warnings
    ]
    assert all(f"- warning: {warning}" in text for warning in shown)
    assert "<script" not in text
    assert comparison.warnings
    assert "- These numbers were invented." in text
    assert "- source: invented for a test" in text
    assert text.index("not measured") > text.index("in percentage points")


def test_published_rows_say_where_they_are_from(compared: Callable[..., Comparison]) -> None:
    text = markdown(compared({"ce": 0.46, "dice": 0.49}, published=[CLOSE, FAR]))
    beside, apart = text.split("published under another protocol, not comparable with the rows above")
    assert "| published: |  |  |" in beside
    assert "| Theirs & Co [1] | 47.0 | – | – | – | – |" in beside
    assert "- [1] arXiv 1_2; split test; resolution original; pre-training ImageNet; verified\n" in beside
    assert "- Theirs & Co: 100 % theirs\n" in beside
    assert "| On val [1] | 50.0 |" in apart
    assert "[1] a blog; split val; resolution not stated; pre-training not stated; not verified; " in apart
    assert "not comparable: split: val, here test" in apart


def test_the_caption_says_what_came_behind_the_network(compared: Callable[..., Comparison]) -> None:
    block = compared({"ce": 0.46, "dice": 0.49}).blocks[0]
    assert "CRF" not in protocol_words(block)
    post = {"name": "crf", "iterations": 5, "spatial_weight": 3.0}
    refined = replace(block, protocol={**block.protocol, "flip": True, "post": post})
    assert protocol_words(refined).endswith("best checkpoint, flipped, CRF (iterations 5, spatial weight 3)")


def test_blocks_of_unequal_protocol_are_separate_and_the_reason_is_said(compared: Callable[..., Comparison]) -> None:
    comparison = compared({"ce": 0.46, "dice": 0.49, "wide": 0.6}, other_size=["wide"])
    first, _, second = sheets(comparison)
    assert [row[0].text for row in first.rows] == ["ce", "dice"]
    assert [row[0].text for row in second.rows] == ["wide"]
    assert "network sees 64x128" in first.caption
    assert "network sees 128x256" in second.caption
    assert any("measured differently and are not compared: size seen by the network: 64x128 (ce, dice); 128x256 (wide)"
               in note for note in second.notes)  # fmt: skip
    text = latex(comparison)
    assert text.count(r"\begin{tabular}") == 2
    assert text.index("network sees 64x128") < text.index("network sees 128x256") < text.index("wide & ")


def test_a_column_with_fewer_seeds_than_its_row_says_how_many(compared: Callable[..., Comparison]) -> None:
    comparison = compared({"ce": 0.46, "dice": 0.49}, columns=("miou", "iou/tram"))
    row = comparison.blocks[0].rows[0]
    assert score_text(row, "iou/tram") == "NaN"
    assert "- NaN: the class is neither in the ground truth nor predicted" in markdown(comparison)
    run = row.measurements[0]
    run.class_iou["tram"] = 0.25  # type: ignore[index]
    runs = [each for row in comparison.blocks[0].rows for each in row.measurements]
    again = compare(comparison.plan, runs)
    assert score_text(again.blocks[0].rows[0], "iou/tram") == "25.0 (1)"


def test_the_terminal_shows_it_all(
    comparison: Comparison, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    show(comparison)
    printed = capsys.readouterr().out
    assert "Losses on the generated scenes: synthetic test, 48 images, scored at original size" in printed
    assert "DeepLab of others [1]" in printed
    assert "<script>window.broken = 1</script>" in printed
    assert "warning: " in printed


def test_a_table_without_measurements_is_a_table_of_dashes() -> None:
    plan = Plan(name="t", title="T", source="s", rows=(Row(label="a", overrides=()), Row(label="b", overrides=())),
                columns=("miou",), seeds=(1, 2), baseline=("a",))  # fmt: skip
    comparison = compare(plan, [])
    text = markdown(comparison)
    assert text.startswith("T: nothing is measured yet\n")
    assert "| a | – | 0 |" in text
    assert "not measured:" not in text  # the caption has said it
    assert "a & -- & 0" in latex(comparison)
    assert to_csv(comparison).splitlines()[0].startswith("block,row,kind")


def test_rendering_imports_no_torch() -> None:
    code = "import sys, seglab.table, seglab.tables.table, seglab.tables.launch.launch, seglab.tables.costs.estimate; "
    code += "import seglab.tables.render.page, seglab.tables.render.readme; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=PATIENCE).returncode == 0


def test_many_classes_are_lines_where_the_plan_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    comparison = many_classes()
    (scores,) = sheets(comparison)
    assert list(scores.header) == ["score", "ours", "theirs, published [1]"]
    texts = [[cell.text for cell in row] for row in scores.rows]
    assert texts[:3] == [["mIoU %", "25.0", "–"], ["IoU class 0 %", "25.0", "50.0"], ["IoU class 1 %", "NaN", "NaN"]]
    assert texts[-1] == ["seeds", "1", "–"]
    assert len(texts) == 43
    assert "| IoU class 0 % | 25.0 | 50.0 |" in markdown(comparison)
    text = latex(comparison)
    assert r"\begin{longtable}{lrr}" in text
    assert r"IoU class 1 \% & NaN & NaN \\" in text
    monkeypatch.setenv("COLUMNS", "80")
    show(comparison)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_many_columns_are_printed_in_parts_that_fit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    comparison = many_classes(transposed=False)
    show(comparison)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    parts = [line.split() for line in lines if line.strip().startswith("ours")]
    assert len(parts) > 2
    assert sum(len(part) - 1 for part in parts) == 43  # each value once
    text = latex(comparison)
    assert text.count(r"\begin{tabular}") == text.count("ours & ") > 2


def test_what_the_source_leaves_unsaid_is_said() -> None:
    comparison = many_classes()
    assert "- left unsaid by the source: the learning rate\n" in markdown(comparison)
    assert r"left unsaid by the source: the learning rate\par" in latex(comparison)


def test_published_rows_stand_by_their_split_before_anything_is_measured() -> None:
    published = [Published(label=f"on {split}", values={"miou": 0.5}, source="a paper", split=split)
                 for split in ("val", "train", "elsewhere")]  # fmt: skip
    plan = Plan(name="t", title="T", source="s", rows=(Row(label="a", note="once"),), columns=("miou",), seeds=(1,),
                evaluation={"split": ["train", "val"]}, published=tuple(published))  # fmt: skip
    train, val, apart = sheets(compare(plan, []))
    assert train.caption == "T: split train: nothing is measured yet"
    assert [row[0].text for row in train.rows] == ["a", "published:", "on train [1]"]
    assert val.caption == "T: split val: nothing is measured yet"
    assert [row[0].text for row in val.rows] == ["a", "published:", "on val [1]"]
    assert [row[0].text for row in apart.rows] == ["on elsewhere [1]"]
    assert "not comparable: split: elsewhere, here train" in apart.notes[0]
    assert [note for note in train.notes if note == "a: once"] == ["a: once"]


def test_a_row_without_training_has_neither_costs_nor_seeds() -> None:
    plan = Plan(name="t", title="T", source="s", rows=(Row(label="x2", downsample=2),),
                columns=("miou", "parameters", "seconds"), seeds=(1, 2))  # fmt: skip
    free = {**TRAINED, "curve": (), "parameters": 0, "flops": None, "seconds": 0.0, "threads": 0,
            "protocol": {"split": "val", "prediction": "ground truth"}}  # fmt: skip
    comparison = compare(plan, [Measurement(row="x2", seed=1, metrics={"miou": 0.9}, class_iou={"road": 0.9}, **free)])
    (scores,) = sheets(comparison)
    assert [cell.text for cell in scores.rows[0]] == ["x2", "90.0", "–", "–", "–"]
    assert comparison.missing == ()
    assert "network sees" not in scores.caption
    assert "ground truth" in scores.caption
