"""Scores with the columns as lines."""

import json
import math
from dataclasses import replace

from seglab.tables.comparison.comparison import compare
from seglab.tables.plan.model import Published
from tests.pages.html import Page
from tests.tables.render.html import written


def test_columns_are_lines_where_the_plan_says_so(comparison, tmp_path):
    values = {"miou": 0.7, "iou/pole": math.nan}
    published = (Published(label="others", values=values, source="a paper"),)
    measured = [run for row in comparison.blocks[0].rows for run in row.measurements if row.label != "row 10"]
    plan = replace(comparison.plan, transposed=True, published=published)
    page = Page(written(compare(plan, measured), tmp_path))
    assert len(page.find("table", class_="scores transposed")) == 1
    titles = [one["text"] for one in page.find("th", scope="row")]
    assert titles[:5] == ["mIoU %", "mean Dice %", "IoU pole %", "M params", "seeds"]
    heads = [one["text"] for one in page.find("th", scope="col")]
    assert heads[:4] == ["score", "ce baseline ", "dice ", "focal "]
    assert heads[5:] == ["row 10", "others published [1] ", *heads[7:]]
    cells = page.find("td", **{"data-column": "iou/pole"})
    assert [one["data-key"] for one in cells] == ["b0-r0", "b0-r1", "b0-r2", "b0-r3"]
    assert all("data-value" not in one for one in page.find("td", **{"data-column": "parameters"}))  # no score
    theirs = page.find("td", class_="published", **{"data-key": "b0-p0"})
    assert [(one["text"], one.get("data-value")) for one in theirs] == [
        ("70.0", "0.7"), ("–", None), ("NaN", None), ("–", None),
    ]  # fmt: skip
    data = json.loads(page.find("script", id="data")[0]["text"])
    assert data["b0-p0"]["scores"][1]["lines"] == ["NaN"]
