"""What an analysis adds to a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seglab.display.sheet import Sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Shown below the table: on the terminal, in Markdown, on its page; the figure beside them as FORM.NAME.png."""

    name: str
    sheets: Sequence[Sheet] = ()
    figure: Callable[[], Figure] | None = None  # called where it is written, and nowhere else
