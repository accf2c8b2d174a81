"""A comparison on the terminal, as Markdown, LaTeX and CSV: the same numbers, the marks, the notes, the warnings."""

import csv
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seglab.errors import SeglabError
from seglab.tables import readme
from seglab.tables.comparison import Comparison, compare
from seglab.tables.latex import escaped, latex
from seglab.tables.model import Plan, Published, Row
from seglab.tables.render import best_rows, markdown, score_text, sheets, show
from seglab.tables.spreadsheet import to_csv

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
    assert "[1] arXiv 1_2; split test; resolution original; pre-training ImageNet; verified; 100 % theirs" in beside
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
    assert "not comparable with the rows above: size seen by the network 128x256" in latex(comparison)


def test_a_column_with_fewer_seeds_than_its_row_says_how_many(compared: Callable[..., Comparison]) -> None:
    comparison = compared({"ce": 0.46, "dice": 0.49}, columns=("miou", "iou/tram"))
    row = comparison.blocks[0].rows[0]
    assert score_text(row, "iou/tram") == "–"
    run = row.measurements[0]
    run.class_iou["tram"] = 0.25  # type: ignore[index]
    runs = [each for row in comparison.blocks[0].rows for each in row.measurements]
    again = compare(comparison.plan, runs)
    assert score_text(again.blocks[0].rows[0], "iou/tram") == "25.0 (1)"


def test_the_terminal_shows_it_all(comparison: Comparison, capsys: pytest.CaptureFixture[str]) -> None:
    show(comparison)
    printed = capsys.readouterr().out
    assert "Losses on the generated scenes: synthetic test, 48 images, scored at original size" in printed
    assert "DeepLab of others [1]" in printed
    assert "<script>window.broken = 1</script>" in printed
    assert "warning: " in printed


def test_a_table_without_measurements_is_a_table_of_dashes() -> None:
    plan = Plan(name="t", title="T", source="s", rows=(Row(label="a", overrides=()), Row(label="b", overrides=())),
                columns=("miou",), seeds=(1, 2), baseline="a")  # fmt: skip
    comparison = compare(plan, [])
    text = markdown(comparison)
    assert text.startswith("T: nothing is measured yet\n")
    assert "| a | – | 0 |" in text
    assert "– not measured: a seeds 1, 2; b seeds 1, 2" in text
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
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    lines = [line for line in body.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in lines} == {5}
    assert len(lines) == 1 + 3 + 2
    assert r"a\_b \& c & \textbf{" in text
    assert r"\textit{On val\textsuperscript{2}}" in text
    assert r"\begin{tabular}{lrrrrr}" in text
    for environment in ("table", "tabular", "minipage"):
        assert text.count(rf"\begin{{{environment}}}") == text.count(rf"\end{{{environment}}}") == 1
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
    (tmp_path / "paper.tex").write_text(
        "\\documentclass{article}\n\\usepackage{booktabs}\n\\begin{document}\n\\input{table}\n\\end{document}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").is_file()


def test_rendering_imports_no_torch() -> None:
    modules = "comparison, latex, measurements, page, plan, readme, render, spreadsheet, state, configurations, launch"
    code = f"import sys; from seglab.tables import {modules}; import seglab.table; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_a_text_has_its_tables_rendered_and_nothing_else_changed(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    measured = [each for block in comparison.blocks for row in block.rows for each in row.measurements]
    monkeypatch.setattr(readme, "read_plan", lambda name: comparison.plan)
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
