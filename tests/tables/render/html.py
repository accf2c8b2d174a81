"""A table's page as a test reads it."""

from seglab.tables.comparison.differences import Difference, Interval
from seglab.tables.render.page import write_page


def written(comparison, folder, **options):
    path = folder / "page.html"
    write_page(comparison, path, **options)
    assert list(folder.glob(".*")) == []
    return path.read_text(encoding="utf-8")


def difference(mean, low, high, **changes):
    known = {"p": 0.01, "p_holm": 0.03, "p_wilcoxon": None, "effect": None, "n": 3, "over": "seeds",
             "test": "paired t over 3 seeds", "significant": True, **changes}  # fmt: skip
    return Difference(mean=mean, interval=None if low is None else Interval(low, high), **known)
