"""A published run beside the row of ours that it belongs to."""

from seglab.tables.analysis.placed import published_among_ours
from seglab.tables.comparison.comparison import compare
from seglab.tables.comparison.prediction import placed
from seglab.tables.plan.model import Published
from seglab.tables.render.page import write_page
from seglab.tables.render.sheets import markdown
from tests.tables.comparison.losses import DICE, all_measured, plan


def theirs(miou, label="Theirs", **changes):
    return Published(label=label, values={"miou": miou, "parameters": 31e6}, source="arXiv", **changes)


def test_nothing_is_placed_unless_the_plan_names_the_row():
    comparison = compare(plan(published=(theirs(0.6),)), all_measured())
    assert published_among_ours(comparison) is None
    assert "among ours" not in markdown(comparison)


def test_a_published_run_is_placed_and_never_tested(tmp_path):
    rows = (theirs(0.56, of="dice"), theirs(0.70, "Far", of="dice"))
    comparison = compare(plan(published=rows), all_measured())
    (sheet,) = published_among_ours(comparison).sheets
    near, far = (placed(value, DICE) for value in (0.56, 0.70))
    shared, ours = ["dice", "mIoU %"], ["54.0 ± 1.7 (3)", f"{100 * near.low:.1f} to {100 * near.high:.1f}"]
    assert [[cell.text for cell in row] for row in sheet.rows] == [
        ["Theirs", *shared, "56.0", *ours, f"inside, {near.deviations:.1f} deviations above"],
        ["Far", *shared, "70.0", *ours, f"outside, {far.deviations:.1f} deviations above"],
    ]
    text = markdown(comparison)
    assert text.index("Published single runs among ours") > text.index("source: measured here")
    assert "p =" not in text[text.index("Published single runs among ours") :]
    write_page(comparison, tmp_path / "table.html")
    assert "outside, 8.0 deviations above" in (tmp_path / "table.html").read_text()


def test_one_run_of_ours_places_nothing_and_says_so():
    comparison = compare(plan(published=(theirs(0.56, of="dice"),)), [all_measured()[3]])
    (sheet,) = published_among_ours(comparison).sheets
    assert [cell.text for cell in sheet.rows[0]][4:] == ["53.0 (1)", "–", "–: too few runs, or runs that do not vary"]


def test_what_was_measured_in_another_way_is_not_placed():
    rows = (theirs(0.56, of="dice", split="test"), theirs(0.56, "Unsaid", of="dice"))
    (sheet,) = published_among_ours(compare(plan(published=rows), all_measured())).sheets
    assert [row[0].text for row in sheet.rows] == ["Unsaid"]
    assert any("Theirs: not placed, measured in another way (split: test, here val)" in note for note in sheet.notes)
    assert any(note.startswith("Unsaid: not known whether measured as ours: split") for note in sheet.notes)
