"""Which files a run was trained on, and whether they are still the same: names and sizes, not a byte is read.

Times of change and folders are left out: a data set that was copied, moved or drawn again is the same one. A file that
was replaced by another of exactly its size passes; compressed images hardly ever have that.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from seglab.errors import SeglabError
from seglab.runs import archive
from seglab.runs.files import shown, write_atomically
from seglab.runs.json_file import read_object
from seglab.runs.record import read_record

FOLDER = "statistics"  # in the output folder; one list of files serves all runs that read them


def sizes(paths: Iterable[Path]) -> dict[Path, int]:
    """{absolute path: bytes}, in their order; -1 for a file that is not there."""
    return {path.absolute(): _size(path) for path in paths}


def fingerprint(files: Mapping[Path, int]) -> str:
    """16 hexadecimal digits of the names and sizes, in their order."""
    listed = json.dumps([(path.name, size) for path, size in files.items()])
    return hashlib.sha256(listed.encode()).hexdigest()[:16]


def keep(files: Mapping[Path, int], output: Path) -> str:
    """The fingerprint of `files`, whose list is written below `output` for `difference`, if it is not there yet."""
    path = _list(output, key := fingerprint(files))
    listed = {str(file): size for file, size in files.items()}
    if _read(path) != listed:  # the same files may have been moved
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(listed, indent=0, ensure_ascii=False) + "\n")
    return key


@cache
def difference(key: str, output: Path) -> str | None:
    """What has become of the files with this fingerprint: "3 of 12 files differ, ..."; None for nothing.

    None as well where nothing can be said: no list was kept, or the whole data set is elsewhere now.
    """
    before = _read(_list(output, key))
    now = {path: _size(Path(path)) for path in before}
    changed = [path for path, size in before.items() if now[path] != size]
    if not changed or all(size == -1 for size in now.values()):
        return None
    first = changed[0]
    fate = "is gone" if now[first] == -1 else f"had {before[first]} bytes and has {now[first]}"
    return f"{len(changed)} of {len(before)} files differ; '{first}' {fate}"


def check(folder: Path, *, output: Path, now: str | None = None) -> None:
    """Nothing, if the run in `folder` was trained on the files that are there today.

    Args:
        now: fingerprint of today's files, where it is known; else the files that the run was trained on are looked at.

    Raises:
        SeglabError: some have changed. Two data sets in one run, or one table, would be neither's result.
    """
    before = (read_record(folder) or {}).get("data_fingerprint")
    if before is None or before == now:
        return
    changed = difference(before, output)
    if changed is None and now is not None:
        changed = f"other files, or other samples (fingerprint {before}, now {now})"
    if changed is not None:
        raise SeglabError(
            f"{shown(folder)} was trained on other data: expected the same files, came a change: {changed} - "
            "restore them, choose another name for the sweep, or delete the folder to train on what is there now"
        )


def _list(output: Path, key: str) -> Path:
    return output / FOLDER / f"files-{key}.json"


def _read(path: Path) -> dict[str, int]:
    with suppress(SeglabError):
        return read_object(path, what="a list of files", cure="delete it", values=int) or {}
    return {}


def _size(path: Path) -> int:
    try:
        return archive.status(path).size
    except OSError:
        return -1
