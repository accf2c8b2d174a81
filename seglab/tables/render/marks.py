"""The marks beside a score: how its row compares with the baseline, in this column."""

from collections.abc import Sequence

from seglab.tables.comparison.differences import Difference
from seglab.tables.comparison.rows import RowResult

SIGNIFICANT = "†"  # differs
EQUAL = "≈"  # equal within the margin that the table states
OPEN = "○"  # neither was shown
_ALL = SIGNIFICANT + EQUAL + OPEN


def marks(difference: Difference | None) -> str:
    """'†', '≈', both where a difference is significant and smaller than the margin, '○', or none."""
    if difference is None:
        return ""
    differs = SIGNIFICANT if difference.significant else ""
    if difference.equality is None:
        return differs
    return differs + (EQUAL if difference.equality.shown else "") or OPEN


def verdict(difference: Difference) -> str:
    """'differs', 'equal within 0.5 points', both, or 'not settled', where a margin was stated."""
    assert difference.equality is not None
    said = ["differs"] if difference.significant else []
    said += [f"equal within {margin(difference.equality.margin)}"] if difference.equality.shown else []
    return ", ".join(said) or "not settled"


def margin(fraction: float) -> str:
    """'0.5 points', '1 point'."""
    points = f"{100 * fraction:g}"
    return f"{points} point{'' if points == '1' else 's'}"


def marked(text: str, row: RowResult, column: str) -> str:
    """The text of a score and its marks behind a blank."""
    return f"{text} {marks(row.differences.get(column))}".rstrip()


def parted(text: str) -> tuple[str, str]:
    """The text of a score without its marks, and the marks."""
    score, blank, last = text.rpartition(" ")
    return (score, last) if blank and last and set(last) <= set(_ALL) else (text, "")


def equality_notes(differences: Sequence[Difference], *, baseline: str, family: str) -> list[str]:
    """What the marks of a table with a margin mean: those that it shows.

    Args:
        differences: of all columns with a margin.
        family: over which p was corrected, "rows of a column".
    """
    shown = {mark for difference in differences for mark in marks(difference)}
    margins = list(dict.fromkeys(margin(each.equality.margin) for each in differences if each.equality is not None))
    within = f"within {margins[0]}" if len(margins) == 1 else f"within the margin of its column ({', '.join(margins)})"
    tests = {each.n for each in differences if each.equality is not None and each.equality.p is not None}
    seeds = ", ".join(map(str, sorted(tests)))
    rule = f"TOST: two one-sided paired t tests over {seeds} seeds, p < 0.05, Holm-corrected over the {family}"
    start = f"{EQUAL} equal" if EQUAL in shown else "no row is shown to be equal"
    notes = [f"{start} to {baseline} {within} ({rule})"] if tests else []
    if any(marks(difference) == SIGNIFICANT + EQUAL for difference in differences):
        notes.append(f"{SIGNIFICANT}{EQUAL} both: there is a difference, and it is smaller than the margin")
    if OPEN in shown:
        notes.append(f"{OPEN} not settled: neither a difference nor equality {within} was shown")
    return notes
