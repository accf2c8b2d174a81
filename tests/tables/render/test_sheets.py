"""A comparison on the terminal, as Markdown, LaTeX and CSV: the same numbers, the marks, the notes, the warnings."""

import csv
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seglab.errors import SeglabError
from seglab.tables.comparison.comparison import Comparison, compare
from seglab.tables.plan.model import Measurement, Plan, Published, Row
from seglab.tables.render import readme
from seglab.tables.render.csv_file import to_csv
from seglab.tables.render.latex import escaped, latex
from seglab.tables.render.sheets import best_rows, markdown, score_text, sheets, show

CLOSE = Published(label="Theirs & Co", values={"miou": 0.47, "fwiou": 0.8}, source="arXiv 1_2", split="test",
                  resolution="original", pretraining="ImageNet", verified=True, note="100 % theirs")  # fmt: skip
FAR = Published(label="On val", values={"miou": 0.5}, source="a blog", split="val")


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
    assert all(f"- warning: {warning}" in text for warning in comparison.warnings)
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


def test_the_csv_has_every_digit(compared: Callable[..., Comparison]) -> None:
    comparison = compared({"ce": 0.46, "dice": 0.49}, published=[CLOSE, FAR])
    lines = list(csv.DictReader(to_csv(comparison).splitlines()))
    assert [(line["row"], line["kind"]) for line in lines] == [
        ("ce", "measured"), ("dice", "measured"), ("Theirs & Co", "published"), ("On val", "published"),
    ]  # fmt: skip
    dice = comparison.blocks[0].rows[1]
    found, difference = dice.columns["miou"], dice.differences["miou"]
    assert float(lines[1]["miou"]) == found.mean
    assert float(lines[1]["miou std"]) == found.std
    assert lines[1]["miou n"] == "3"
    assert float(lines[1]["miou difference mean"]) == difference.mean
    assert float(lines[1]["miou difference p_holm"]) == difference.p_holm
    assert lines[1]["miou difference test"] == difference.test
    assert lines[0]["miou difference mean"] == ""
    assert float(lines[1]["iou/road"]) == dice.classes["road"].mean
    assert lines[1]["iou/tram"] == ""
    assert "parameters difference mean" not in lines[0]
    assert (lines[2]["fwiou"], lines[2]["verified"], lines[2]["pretraining"]) == ("0.8", "true", "ImageNet")
    assert (lines[3]["block"], lines[3]["split"], lines[3]["note"]) == ("apart", "val", "")


def test_latex_is_a_booktabs_table_with_as_many_cells_in_each_line(compared: Callable[..., Comparison]) -> None:
    comparison = compared({"ce": 0.46, "a_b & c": 0.49, "wide": 0.6}, other_size=["wide"], published=[CLOSE, FAR])
    text = latex(comparison)
    lines = [line for line in text.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
    assert [len(re.findall(r"(?<!\\)&", line)) for line in lines] == 6 * [5] + 2 * [4]
    headers = 3  # two blocks, and what was published under another protocol
    assert len(lines) == headers + 3 + 2
    assert r"a\_b \& c & \textbf{" in text
    assert r"\multicolumn{6}{l}{\textit{published}} \\" in text
    assert r"On val {[}1{]} & 50.0 & --" in text
    assert r"\begin{tabular}{lrrrrr}" in text
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 1
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == headers
    assert "best of its column: bold" in text
    without_escapes = re.sub(r"\\[{}]", "", text)
    assert without_escapes.count("{") == without_escapes.count("}")
    assert text.isascii()


def test_every_sign_with_a_meaning_is_escaped() -> None:
    assert escaped(r"50% of $x_1 & {a}#~^\ <b>") == (
        r"50\% of \$x\_1 \& \{a\}\#\textasciitilde{}\textasciicircum{}\textbackslash{} \textless{}b\textgreater{}"
    )


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(compared: Callable[..., Comparison], tmp_path: Path) -> None:
    signs = '50% of $x_1 & {a}#~^\\ <b> |"[x] – — … ± × − † ≥ ≤ Δ → µ °é'
    comparison = compared(
        {"ce": 0.46, signs: 0.49, "[wide]": 0.6}, other_size=["[wide]"], published=[CLOSE, FAR], title=signs
    )
    (tmp_path / "table.tex").write_text(latex(comparison), encoding="utf-8")
    (tmp_path / "many.tex").write_text(latex(many_classes()), encoding="utf-8")
    (tmp_path / "broad.tex").write_text(latex(many_classes(transposed=False)), encoding="utf-8")
    (tmp_path / "paper.tex").write_text(
        "\\documentclass{article}\n\\usepackage{booktabs,longtable}\n\\begin{document}\n\\input{table}\n\\input{many}\n"
        "\\input{broad}\n\\end{document}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").is_file()
    assert not re.search(r"Overfull|too large", done.stdout[done.stdout.index("many.tex") :])


def test_rendering_imports_no_torch() -> None:
    code = "import sys, seglab.table, seglab.tables.table, seglab.tables.launch.launch, seglab.tables.costs.estimate; "
    code += "import seglab.tables.render.page, seglab.tables.render.readme; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_a_text_has_its_tables_rendered_and_nothing_else_changed(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    measured = [each for block in comparison.blocks for row in block.rows for each in row.measurements]
    monkeypatch.setattr(readme, "read_plan", lambda name: replace(comparison.plan, name=name))
    monkeypatch.setattr(readme, "read_csv", lambda path: measured if path.name == "example.csv" else [])
    text = "before\n<!-- table example -->\nold\n<!-- end table -->\nafter\n"
    empty = "<!-- table nothing -->\n<!-- end table -->\n"
    new = readme.rendered(text + empty)
    assert new.startswith("before\n<!-- table example -->\n\nLosses on the generated scenes: ")
    assert new.endswith(f"\n<!-- end table -->\nafter\n{empty}")
    assert "in percentage points" not in new  # the differences are for the page
    assert readme.rendered(new) == new
    assert readme.table_names(new) == ["example", "nothing"]
    (tmp_path / "README.md").write_text(text)
    assert readme.update(tmp_path / "README.md")
    assert not readme.update(tmp_path / "README.md")


@pytest.mark.parametrize(
    "text", ["<!-- table a -->\n", "<!-- end table -->\n", "<!-- table a --> x <!-- end table -->"]
)
def test_markers_without_a_partner_are_told(text: str) -> None:
    with pytest.raises(SeglabError, match="expected each <!-- table NAME --> closed by <!-- end table -->"):
        readme.rendered(text)


# --- many classes, several splits, nothing measured yet ----------------------------------------------------------

CLASSES = [f"class {index}" for index in range(41)]
TRAINED: dict[str, Any] = {
    "protocol": {"split": "test", "resolution": "original"}, "curve": (0.1,), "fingerprint": "f", "folder": "runs/a",
    "commit": "c", "command": "python", "parameters": 10, "flops": 1.0, "seconds": 2.0, "threads": 1, "device": "cpu",
}  # fmt: skip
THEIRS = {"iou/class 0": 0.5, "iou/class 1": math.nan}


def many_classes(**changes: Any) -> Comparison:
    """41 classes of one row, the second of which is absent, beside a published one."""
    published = Published(label="theirs", values=THEIRS, source="a paper", split="test", resolution="original")
    plan = Plan(name="many", title="Many classes", source="s", rows=(Row(label="ours"),), columns=("miou", "iou/*"),
                seeds=(1,), published=(published,), transposed=True, unsaid=("the learning rate",))  # fmt: skip
    ious = {name: math.nan if name == "class 1" else 0.25 for name in CLASSES}
    run = Measurement(row="ours", seed=1, metrics={"miou": 0.25}, class_iou=ious, **TRAINED)
    return compare(replace(plan, **changes), [run])


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


def test_a_reduced_form_names_itself_in_latex() -> None:
    text = latex(many_classes(budget="short"))
    assert text.startswith("% python -m seglab.table table=many budget=short\n")
    assert r"\label{tab:many-short}" in text


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


def test_rows_of_one_origin_share_its_number_and_rows_of_one_note_its_line() -> None:
    same = [Published(label=label, values={"miou": 0.5}, source="a paper", note="alike") for label in "ab"]
    other = Published(label="c", values={"miou": 0.5}, source="another")
    plan = Plan(name="t", title="T", source="s", rows=(Row(label="r"),), columns=("miou",), seeds=(1,),
                published=(same[0], other, same[1]))  # fmt: skip
    (scores,) = sheets(compare(plan, []))
    assert [row[0].text for row in scores.rows[2:]] == ["a [1]", "c [2]", "b [1]"]
    assert [note[:13] for note in scores.notes[:3]] == ["[1] a paper; ", "[2] another; ", "a; b: alike"]


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
