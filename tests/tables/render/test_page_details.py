"""What a page tells of a row when it is chosen."""

import json
from dataclasses import replace

from seglab.tables.comparison.comparison import compare
from tests.pages.html import Page
from tests.tables.render.html import written


def test_origin_of_every_run_is_in_the_data(comparison, tmp_path):
    data = json.loads(Page(written(comparison, tmp_path)).find("script", id="data")[0]["text"])
    details = data["b0-r1"]
    assert [run["title"] for run in details["runs"]] == ["Seed 1", "Seed 2", "Seed 3", "Protocol"]
    facts = dict(details["runs"][1]["facts"])
    run = comparison.blocks[0].rows[1].measurements[1]
    assert facts["folder"] == run.folder
    assert facts["commit"] == run.commit
    assert facts["command"] == run.command
    assert facts["fingerprint"] == run.fingerprint
    assert facts["device"] == "cpu, 1 thread"
    assert facts["training took"] == "11 min 40 s"
    assert facts["protocol: epoch"] == "12"
    assert dict(details["runs"][-1]["facts"])["size seen by the network"] == "64x128"


def test_what_was_not_trained_has_no_costs(comparison, tmp_path):
    run = replace(comparison.blocks[0].rows[0].measurements[0], curve=(), parameters=0, flops=None, seconds=0.0,
                  threads=0, device="no network", command="")  # fmt: skip
    page = Page(written(compare(comparison.plan, [run]), tmp_path))
    facts = json.loads(page.find("script", id="data")[0]["text"])["b0-r0"]["runs"][0]
    assert facts["title"] == "Origin"
    assert not {"training took", "parameters", "FLOPs of one image", "command"} & set(dict(facts["facts"]))
    assert dict(facts["facts"])["device"] == "no network"
    assert page.find("td", **{"data-column": "parameters"})[0]["text"] == "–"
    assert page.find("figure") == []
