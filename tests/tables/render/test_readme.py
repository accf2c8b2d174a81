"""The tables in a Markdown file."""

from dataclasses import replace
from pathlib import Path

import pytest

from seglab.display.sheet import Sheet
from seglab.errors import SeglabError
from seglab.tables.analysis import analyses
from seglab.tables.analysis.finding import Finding
from seglab.tables.comparison.comparison import Comparison
from seglab.tables.render import readme
from tests.tables.comparison.test_sequential import RULE, sequential, table


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

    found = Finding(name="found", sheets=[Sheet(caption="A finding", header=["row"], rows=[])])
    monkeypatch.setattr(analyses, "ANALYSES", (lambda _: found,))
    whole, scores = (
        readme.rendered(text.replace("example -->", f"example{only} -->")) for only in ("", " only=scores")
    )
    assert "A finding" in whole
    assert scores == new.removesuffix(empty).replace("table example -->", "table example only=scores -->")
    (tmp_path / "README.md").write_text(text)
    assert readme.update(tmp_path / "README.md")
    assert not readme.update(tmp_path / "README.md")


def test_other_looks_than_were_planned_are_warned_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By the committed files alone."""
    longer = sequential(until=replace(RULE, at_most=11), seeds=replace(RULE, at_most=11).seeds)
    monkeypatch.setattr(readme, "FOLDER", tmp_path)
    monkeypatch.setattr(readme, "read_plan", lambda _: longer)
    monkeypatch.setattr(readme, "read_csv", lambda _: table(ce=5, dice=5, focal=5))
    text = "<!-- table losses -->\n<!-- end table -->\n"
    assert "the looks were planned" not in readme.rendered(text)
    place = tmp_path / "losses.looks.json"
    place.write_text('{"planned": [[3, 5, 7, 9]]}')
    assert "the looks were planned at 3, 5, 7, 9 seeds when the first was made" in readme.rendered(text)
    assert place.read_text() == '{"planned": [[3, 5, 7, 9]]}'


@pytest.mark.parametrize(
    "text", ["<!-- table a -->\n", "<!-- end table -->\n", "<!-- table a --> x <!-- end table -->"]
)
def test_markers_without_a_partner_are_told(text: str) -> None:
    with pytest.raises(SeglabError, match="expected each <!-- table NAME --> closed by <!-- end table -->"):
        readme.rendered(text)
