"""Rows told by the plus signs of their factors."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from seglab.tables.render.latex import latex
from seglab.tables.render.plus_signs import has_signs
from seglab.tables.render.sheets import markdown
from tests.tables.analysis.experiments import THREE, TWO, compared, plan
from tests.waiting import PATIENCE

OTHERS = [{"label": "Others", "source": "a paper", "split": "val", "values": {"miou": 0.6}}]


def test_markdown_has_a_column_for_each_factor_beside_the_label() -> None:
    text = markdown(compared(plan(TWO, design="add_one", published=OTHERS)))
    assert "| row | loss | augment | activation | mIoU % |" in text
    assert "| nothing |  |  |  | 4" in text.replace("**", "")
    assert re.search(r"\| \\?\+ augment \| \+ \| \+ \|  \| ", text.replace("**", ""))
    assert "| Others \\[1] |" in text or "| Others [1] |  |  |  | 60.0" in text
    assert "- + is loss: dice instead of ce; augment: default instead of none; activation: silu instead of relu" in text


def test_latex_has_the_signs_in_place_of_the_labels() -> None:
    text = latex(compared(plan(TWO, design="leave_one_out", published=OTHERS)))
    head = text.partition(r"\bottomrule")[0]
    assert r"\begin{tabular}{cccrrrr}" in head
    assert r"loss & augment & activation & mIoU \%" in head
    rows = [line.removeprefix("    ") for line in head.splitlines() if line.endswith(r"\\")]
    assert [row.split(" & ")[:3] for row in rows[1:5]] == [
        ["$+$", "$+$", "$+$"], ["", "$+$", "$+$"], ["$+$", "", "$+$"], ["$+$", "$+$", ""],
    ]  # fmt: skip
    assert "without loss" not in head
    assert any(row.startswith(r"\multicolumn{3}{l}{Others {[}1{]}} & 60.0") for row in rows)


def test_rows_of_other_factors_keep_their_labels() -> None:
    assert not has_signs(plan(THREE))
    assert "| row | mIoU %" in markdown(compared(plan(THREE)))
    assert not has_signs(plan(TWO, tested_on={"day": {"data": "synthetic"}}))
    assert not has_signs(plan(TWO, transposed=True))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_it_compiles(tmp_path: Path) -> None:
    (tmp_path / "one.tex").write_text(latex(compared(plan(TWO, design="add_one", published=OTHERS))))
    columns = ["miou", "accuracy", *(f"iou/{name}" for name in ("road", "pole", "sign", "train")), "parameters"]
    many = plan(TWO, columns=columns, evaluation={"split": ["val", "test"]})
    (tmp_path / "two.tex").write_text(latex(compared(many)))
    (tmp_path / "paper.tex").write_text(
        "\\documentclass{article}\n\\usepackage{booktabs,longtable}\n\\begin{document}\n\\input{one}\n\\input{two}\n"
        "\\end{document}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout[-2000:]
    assert not re.search(r"Overfull", done.stdout)
