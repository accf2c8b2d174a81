"""Pieces of HTML. Whatever they contain, words of a user or of a stranger stay words."""

from collections.abc import Iterable, Sequence
from html import escape


def text(value: object) -> str:
    """The value where it is shown as text or stands in a quoted attribute, whatever it contains."""
    return escape(str(value), quote=True)


def bullets(lines: Sequence[str]) -> str:
    """A <ul>; nothing where it would be empty."""
    return f"<ul>{''.join(f'<li>{text(line)}</li>' for line in lines)}</ul>" if lines else ""


def listing(key: str, heading: str, lines: Sequence[str], *, attributes: str = "") -> str:
    """A section of bullets; nothing where it would be empty.

    Args:
        key: id of its heading.
    """
    head = f'<section{attributes} aria-labelledby="{key}"><h2 id="{key}">{heading}</h2>'
    return f"{head}{bullets(lines)}</section>" if lines else ""


def warnings(lines: Sequence[str], *, key: str = "w") -> str:
    """The box above all else; nothing where it would be empty."""
    return listing(key, "Read this first", lines, attributes=' class="warnings"')


def table(
    heads: Iterable[str], lines: Iterable[str], *, kind: str = "scores", foot: str = "", attributes: str = ""
) -> str:
    """A <table> of <th> and <tr>; the lines of one of the kind "scores" can be sorted.

    Args:
        foot: a <tr> that stays below.
    """
    body = f"<thead><tr>{''.join(heads)}</tr></thead><tbody>{''.join(lines)}</tbody>"
    return f'<table class="{kind}"{attributes}>{body}{f"<tfoot>{foot}</tfoot>" if foot else ""}</table>'


def sortable(heading: str) -> str:
    """A <th>; by a click on it the lines are sorted."""
    return f'<th scope="col" aria-sort="none"><button type="button" class="sort">{text(heading)}</button></th>'


def scrolling(table: str, *, label: str) -> str:
    """A <div> in which a broad table scrolls alone."""
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{text(label)}">{table}</div>'


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """A <dl> of names and values; a value that is None or "" is left out, and so is a list without any."""
    told = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in pairs if value not in (None, ""))
    return f"<dl>{told}</dl>" if told else ""


def folded(summary: str, content: str, *, is_open: bool = False, attributes: str = "") -> str:
    """A <details> that opens by a click; nothing where it would be empty."""
    opened = " open" if is_open else ""
    return f"<details{opened}{attributes}><summary>{text(summary)}</summary>{content}</details>" if content else ""


def section(key: str, heading: str, content: str) -> str:
    """A <section> with a heading of the second rank; nothing where it would be empty.

    Args:
        key: id of its heading.
    """
    head = f'<section aria-labelledby="{key}"><h2 id="{key}">{text(heading)}</h2>'
    return f"{head}{content}</section>" if content else ""
