"""The frame of a page."""

import base64
import hashlib
import json
from pathlib import Path

import pytest

from seglab.pages import shell
from tests.pages.conftest import HOSTILE
from tests.pages.html import Page

PARTS = tuple(Path(shell.__file__).with_name(name) for name in ("run.css", "run.js"))


def written(**changes):
    return shell.document(**{"title": "T", "header": "", "main": "", "data": {}, "parts": PARTS, **changes})


def test_the_policy_allows_this_style_and_this_script_alone():
    page = Page(written())
    (policy,) = [one["content"] for one in page.find("meta") if "http-equiv" in one]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    for element, rule in ((page.find("style")[0], "style-src"), (page.find("script")[1], "script-src")):
        digest = hashlib.sha256(element["text"].encode()).digest()
        assert rules[rule] == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert (rules["default-src"], rules["img-src"], rules["form-action"]) == ("'none'", "data:", "'none'")


def test_shared_parts_stand_before_those_of_the_kind_of_page():
    page = Page(written())
    style, script = page.find("style")[0]["text"], page.find("script")[1]["text"]
    assert style.index(".curves") < style.index(".slider")
    assert script.startswith('"use strict"')
    assert script.index("function grid") < script.index("table.confusion")


def test_titles_and_data_are_no_markup():
    page = Page(written(title=HOSTILE, data={HOSTILE: [HOSTILE, "<!--<script>"]}))
    assert page.find("img") == []
    assert page.find("title")[0]["text"] == page.find("h1")[0]["text"] == HOSTILE
    assert json.loads(page.find("script", id="data")[0]["text"]) == {HOSTILE: [HOSTILE, "<!--<script>"]}


def test_a_text_that_is_no_unicode_is_written_all_the_same():
    page = Page(written(title="of \ud800", data=["\udcff"]))
    assert page.find("h1")[0]["text"] == "of ?"
    assert json.loads(page.find("script", id="data")[0]["text"]) == ["\udcff"]


def test_data_without_a_value_in_json_are_our_own_mistake():
    with pytest.raises(ValueError, match="not JSON compliant"):
        written(data=[float("nan")])
