"""A task for every input file: a progress bar on a terminal, failures collected, nothing replaced unasked."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from seglab.errors import SeglabError
from seglab.inputs import Input

if TYPE_CHECKING:
    from rich.progress import Progress


def for_each(inputs: Sequence[Input], task: Callable[[Input], None], *, progress: "Progress") -> list[str]:
    """`task(one)` for all inputs; the messages of those that raise SeglabError, while the others go on."""
    problems: list[str] = []
    for one in progress.track(inputs, description="all"):
        try:
            task(one)
        except SeglabError as error:
            problems.append(str(error))
    return problems


@contextmanager
def progress_bar() -> Iterator["Progress"]:
    """A progress bar on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        yield progress


def refuse_existing(paths: Sequence[Path], *, overwrite: bool) -> None:
    """Raises SeglabError when one of the files to be written exists, unless it may be replaced."""
    existing = [path for path in paths if path.exists()]
    if existing and not overwrite:
        raise SeglabError(
            f"expected to write new files; {len(existing)} of {len(paths)} exist, the first is '{existing[0]}' - "
            "choose another output, or set overwrite=true to replace them"
        )
