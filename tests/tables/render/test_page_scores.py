"""Scores as a table of a page, differences as a heat map."""

from dataclasses import replace

from seglab.tables.plan.model import Published
from seglab.tables.render.page_scores import heat_map
from seglab.tables.render.words import estimate, interval, points, probability
from tests.pages.html import Page
from tests.tables.render.html import difference, written


def test_scores_stand_with_their_difference_to_the_baseline(comparison, tmp_path):
    page = Page(written(comparison, tmp_path))
    ce, dice = comparison.blocks[0].rows[:2]
    cells = page.find("td", **{"data-column": "miou"})
    assert cells[0]["text"] == estimate("miou", ce.columns["miou"])
    delta = dice.differences["miou"]
    shown = f"{points(delta.mean)} [{interval(delta.interval)}]{probability(delta.p_holm)}"
    assert cells[1]["text"] == estimate("miou", dice.columns["miou"]) + shown
    assert float(cells[1]["data-value"]) == dice.columns["miou"].mean
    heads = [one["text"] for one in page.find("th", **{"aria-sort": "none"})]
    assert heads == ["row", "mIoU %", "mean Dice %", "IoU pole %", "M params", "seeds"]


def test_best_of_a_column_is_bold(comparison, tmp_path):
    page = Page(written(comparison, tmp_path))
    best = max(comparison.blocks[0].rows, key=lambda row: row.columns["miou"].mean)
    assert page.find("strong")[0]["text"] == estimate("miou", best.columns["miou"])


def test_published_rows_are_set_off_and_say_what_they_are(compared, tmp_path):
    beside = Published(label="A", values={"miou": 0.7}, source="paper, Table 2", split="test", pretraining="ImageNet")
    apart = Published(label="B", values={"miou": 0.8}, source="blog", split="val", verified=True)
    page = Page(written(compared({"ce": 0.4, "dice": 0.5}, published=[beside, apart]), tmp_path))
    first, second = page.find("tr", class_="published")
    assert first["text"].startswith("A published [1]70.0")
    assert second["text"].startswith("B published [1]80.0")
    notes = [one["text"] for one in page.find("p", class_="note small")]
    assert notes[0].startswith(
        "[1] paper, Table 2; split test; resolution not stated; pre-training ImageNet; not verified"
    )
    assert notes[1].startswith("[1] blog; split val; ")
    assert "not comparable: split: val, here test" in notes[1]
    assert (first["data-key"], second["data-key"]) == ("b0-p0", "apart-p0")


def test_heat_map_shades_by_size_mutes_the_uncertain_and_marks_the_absent(comparison):
    block = comparison.blocks[0]
    deltas = {
        "road": difference(0.04, 0.03, 0.05),  # the largest: the scale ends at 4 points
        "pole": difference(-0.009, -0.012, -0.006),  # 2 of 5 shades
        "small <b>things</b>": difference(0.02, -0.01, 0.05),  # the interval contains 0
        "tram": difference(None, None, None, over=None, test="none: no pair is known", significant=False),
    }
    row = replace(block.rows[1], class_deltas=deltas)
    page = Page(heat_map(replace(block, rows=(block.rows[0], row))))
    road, pole, things, tram = page.find("td", tabindex="-1")
    assert (road["class"], road["text"]) == ("plus level5", "+4.0+3.0 to +5.0")
    assert (pole["class"], pole["text"]) == ("minus level2", "−0.9−1.2 to −0.6")
    assert things["class"] == "plus level3 unsure"
    assert (tram["class"], tram["text"]) == ("absent", "–")
    assert road["title"].startswith("dice, road: +4.0 points, 95 % +3.0 to +5.0, Holm p = 0.030")
    assert things["title"].endswith("uncertain")
    assert page.find("span", class_="swatch plus level5")[0]["text"] == "+4"


def test_heat_map_of_a_difference_that_was_never_tested_is_uncertain(comparison):
    block = comparison.blocks[0]
    row = replace(block.rows[1], class_deltas={"road": difference(0.04, None, None, over=None, test="none: one seed")})
    cells = Page(heat_map(replace(block, rows=(row,), class_names=("road",)))).find("td")
    assert [one["class"] for one in cells] == ["plus level5 unsure"]
