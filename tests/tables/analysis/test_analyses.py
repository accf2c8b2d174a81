"""What an analysis finds is shown wherever the table is."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from seglab.display import draw
from seglab.display.numbers import cell, word
from seglab.display.sheet import Sheet
from seglab.runs.png import write_png
from seglab.tables.analysis import analyses
from seglab.tables.analysis.finding import Finding
from seglab.tables.comparison.comparison import Comparison
from seglab.tables.render.page import write_page
from seglab.tables.render.sheets import markdown


def drawn() -> Figure:
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([0, 1], [1, 0])
    return figure


def test_a_finding_stands_below_the_table_in_markdown_and_on_the_page(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = markdown(comparison)
    found = Sheet(caption="Rows <counted>", header=["what", "n"], rows=[[word("rows"), cell(5.0, ".1f")]],
                  notes=["of & all"])  # fmt: skip
    finding = Finding(name="count", sheets=[found], figure=drawn)
    monkeypatch.setattr(analyses, "ANALYSES", (lambda _: None, lambda _: finding))
    text = markdown(comparison)
    assert text.startswith(before)
    assert "| rows | 5.0 |" in text[len(before) :]

    write_png(tmp_path / "form.count.png", draw.rendered(drawn()))
    write_page(comparison, tmp_path / "table.html", figures={"count": tmp_path / "form.count.png"})
    page = (tmp_path / "table.html").read_text()
    assert "<h3" in page
    assert "Rows &lt;counted&gt;" in page
    assert '<td data-value="5.0">5.0</td>' in page
    assert "<li>of &amp; all</li>" in page
    assert 'alt="sample predictions of' not in page.partition("Rows &lt;counted&gt;")[2]
    assert "data:image/webp" in page.partition("Rows &lt;counted&gt;")[2]
    picture = cv2.imread(str(tmp_path / "form.count.png"))
    assert picture is not None
    assert np.ptp(picture) > 0
