"""A page as one HTML file: its frame, style and script, and a policy that lets nothing else run or be loaded."""

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

from seglab.pages.html import text

_FRAME = Path(__file__).with_name("shell.html")
_STYLE, _SCRIPT = Path(__file__).with_name("shell.css"), Path(__file__).with_name("shell.js")


def document(title: str, *, header: str, main: str, data: Any, parts: Sequence[Path], after: str = "") -> str:
    """The text of an HTML file.

    Args:
        header: HTML below the title.
        main: HTML of the sections.
        data: for the scripts, as JSON; holds neither NaN nor infinity.
        parts: .css and .js files of this kind of page, behind those that all pages share.
        after: HTML behind the sections.
    """
    style, script = (_joined([shared, *parts], shared.suffix) for shared in (_STYLE, _SCRIPT))
    page = Template(_FRAME.read_text(encoding="utf-8")).substitute(
        policy=_policy(style, script),
        style=style,
        script=script,
        title=text(title),
        header=header,
        main=main,
        after=after,
        data=_safe_json(data),
    )
    return page.encode(errors="replace").decode()  # a folder's name, or a text in JSON, may be no Unicode


def _joined(paths: Sequence[Path], suffix: str) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in paths if path.suffix == suffix)


def _policy(style: str, script: str) -> str:
    """Only this style and this script, known by their hashes: markup that slips in through a label stays dead."""
    style_hash, script_hash = (
        base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in (style, script)
    )
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{style_hash}'; script-src 'sha256-{script_hash}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _safe_json(value: Any) -> str:
    """JSON that can close no script element, whatever its strings hold."""
    written = json.dumps(value, allow_nan=False)
    return written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
