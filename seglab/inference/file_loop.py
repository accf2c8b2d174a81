"""A task for every input file: read ahead, a progress bar, failures collected, nothing replaced unasked."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from seglab.errors import SeglabError
from seglab.inference.inputs import Input

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")


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


def refuse_existing(paths: Sequence[Path], *, overwrite: bool) -> None:
    """Raises SeglabError when one of the files to be written exists, unless it may be replaced."""
    existing = [path for path in paths if path.exists()]
    if existing and not overwrite:
        raise SeglabError(
            f"expected to write new files; {len(existing)} of {len(paths)} exist, the first is '{existing[0]}' - "
            "choose another output, or set overwrite=true to replace them"
        )
