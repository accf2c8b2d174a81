"""A task for every input file: read ahead, a progress bar, failures collected, nothing replaced unasked."""

import hashlib
import json
import logging
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from seglab import runs
from seglab.errors import SeglabError
from seglab.inference.inputs import Input
from seglab.runs.partial import remove_leftovers

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")
log = logging.getLogger("seglab")

_NOTE = ".unfinished"


def for_each(inputs: Sequence[Input], task: Callable[[Input], None], *, progress: "Progress") -> list[str]:
    """`task(input)` for all inputs; the messages of those that raise SeglabError, while the others go on."""
    problems: list[str] = []
    for source in progress.track(inputs, description="all"):
        try:
            task(source)
        except SeglabError as error:
            problems.append(str(error))
    return problems


def ahead(read: Callable[[int], T], *, count: int, threads: int) -> Generator[T, None, None]:
    """What `read` gives for 0..count-1, in order; `threads` of them are read while the consumer works."""
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[T]] = deque()
        try:
            for index in range(count):
                waiting.append(pool.submit(read, index))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of `size`; the last one may be shorter, also where a SeglabError of the items follows it."""
    batch: list[T] = []
    failure = None
    try:
        for item in items:
            batch.append(item)
            if len(batch) == size:
                yield batch
                batch = []
    except SeglabError as error:
        failure = error
    if batch:
        yield batch
    if failure:
        raise failure


def what_is_left(
    job: "Job", results: Mapping[Input, Sequence[Path]], *, overwrite: bool, growing: Collection[Input] = ()
) -> list[Input]:
    """The inputs whose results are still to be written: all, or after a kill of the same job those that it left.

    Args:
        results: the files of each input.
        growing: inputs whose results do not appear whole or not at all, and are written anew.

    Raises:
        SeglabError: one of the files exists, and neither may they be replaced nor were they written by this job.
    """
    if overwrite or not job.was_stopped():
        refuse_existing([path for paths in results.values() for path in paths], overwrite=overwrite)
        return list(results)
    left = [
        source for source, paths in results.items() if source in growing or not all(path.exists() for path in paths)
    ]
    done = len(results) - len(left)
    log.info("goes on where it was stopped: the results of %d of %d inputs are there", done, len(results))
    return left


class Job:
    """A note in the folder of the results, as long as they are not complete; a context manager.

    Args:
        decisive: on what the results depend: only the same job goes on.
    """

    def __init__(self, folder: Path, *, decisive: object) -> None:
        self._note = folder / _NOTE
        self._key = hashlib.sha256(json.dumps(decisive, sort_keys=True, default=str).encode()).hexdigest()

    def was_stopped(self) -> bool:
        return self._note.is_file() and self._note.read_text(encoding="utf-8").strip() == self._key

    def __enter__(self) -> "Job":
        self._note.parent.mkdir(parents=True, exist_ok=True)
        for place in (self._note.parent, *self._note.parent.rglob("*/")):
            remove_leftovers(place)
        runs.write_atomically(self._note, self._key + "\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._note.unlink(missing_ok=True)


def refuse_existing(paths: Sequence[Path], *, overwrite: bool) -> None:
    """Raises SeglabError when one of the files to be written exists, unless it may be replaced."""
    existing = [path for path in paths if path.exists()]
    if existing and not overwrite:
        raise SeglabError(
            f"expected to write new files; {len(existing)} of {len(paths)} exist, the first is '{existing[0]}' - "
            "choose another output, or set overwrite=true to replace them"
        )
