"""A page as a test reads it."""

from html.parser import HTMLParser

from seglab.tables.comparison.differences import Difference, Interval
from seglab.tables.render.page import write_page

VOID = {"meta", "link", "br", "img", "input"}


class Page(HTMLParser):
    """The elements of a page with their attributes and own text; fails where a tag is not closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self._open = [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "text": "", **dict(attrs)}
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.elements.append({"tag": tag, "text": "", **dict(attrs)})

    def handle_endtag(self, tag):
        assert self._open.pop()["tag"] == tag

    def handle_data(self, data):
        for element in self._open:
            element["text"] += data

    def find(self, tag, **attributes):
        return [
            one
            for one in self.elements
            if one["tag"] == tag and all(one.get(key.rstrip("_")) == value for key, value in attributes.items())
        ]


def written(comparison, folder, **options):
    path = folder / "page.html"
    write_page(comparison, path, **options)
    assert list(folder.glob(".*")) == []
    return path.read_text(encoding="utf-8")


def difference(mean, low, high, **changes):
    known = {"p": 0.01, "p_holm": 0.03, "p_wilcoxon": None, "effect": None, "n": 3, "over": "seeds",
             "test": "paired t over 3 seeds", "significant": True, **changes}  # fmt: skip
    return Difference(mean=mean, interval=None if low is None else Interval(low, high), **known)
