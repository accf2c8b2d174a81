"""A table as LaTeX that compiles."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from seglab.display.sheet import Sheet, parts
from seglab.tables.analysis import analyses
from seglab.tables.analysis.finding import Finding
from seglab.tables.comparison.comparison import Comparison
from seglab.tables.render.latex import escaped, latex
from tests.tables.render.many import CLOSE, FAR, many_classes
from tests.waiting import PATIENCE


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


def test_a_finding_that_has_notes_alone_is_no_mistake(
    compared: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = Sheet(caption="Ours", header=["row", "a title of several words"], rows=[], notes=["nothing is placed"])
    monkeypatch.setattr(analyses, "ANALYSES", (lambda _: Finding(name="empty", sheets=[empty]),))
    text = latex(compared({"ce": 0.46}))
    assert "nothing is placed" in text
    assert parts(empty, width=20)


def test_every_sign_with_a_meaning_is_escaped() -> None:
    assert escaped(r"50% of $x_1 & {a}#~^\ <b>") == (
        r"50\% of \$x\_1 \& \{a\}\#\textasciitilde{}\textasciicircum{}\textbackslash{} \textless{}b\textgreater{}"
    )


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(compared: Callable[..., Comparison], tmp_path: Path) -> None:
    signs = '50% of $x_1 & {a}#~^\\ <b> |"[x] – — … ± × − † ≈ ○ ≥ ≤ Δ → µ °é'
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
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").is_file()
    assert not re.search(r"Overfull|too large", done.stdout[done.stdout.index("many.tex") :])


def test_a_reduced_form_names_itself_in_latex() -> None:
    text = latex(many_classes(budget="short"))
    assert text.startswith("% python -m seglab.table table=many budget=short\n")
    assert r"\label{tab:many-short}" in text
