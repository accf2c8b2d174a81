"""What libjpeg says of a file: it fills what is damaged with grey, and tells nobody but standard error."""

import os
import re
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

_PADDING = 16  # bytes too many before a marker that cameras and programs leave, and that are no damage
_SAID = re.compile(r"^(?:Corrupt JPEG data|Premature end of JPEG|Invalid SOS parameters).*\n?", re.MULTILINE)
_TOO_MANY = re.compile(r"Corrupt JPEG data: (\d+) extraneous bytes")
_one_at_a_time = threading.Lock()  # standard error is the whole process's
if hasattr(os, "register_at_fork"):  # a child would be left without its standard error, and without the lock
    os.register_at_fork(
        before=_one_at_a_time.acquire, after_in_parent=_one_at_a_time.release, after_in_child=_one_at_a_time.release
    )


def decoded(decode: Callable[[], T]) -> tuple[T, str | None]:
    """What `decode` returns, and the first damage that libjpeg tells of meanwhile, if any."""
    with _one_at_a_time, _memory() as heard:
        try:
            before = os.dup(2)
        except OSError:  # closed, as a daemon's is
            before = None
        os.dup2(heard.fileno(), 2)
        try:
            result = decode()
        finally:
            if before is None:
                os.close(2)
            else:
                os.dup2(before, 2)
                os.close(before)
        if not heard.tell() and not os.fstat(heard.fileno()).st_size:
            return result, None
        heard.seek(0)
        said = heard.read().decode(errors="replace")
    if others := _SAID.sub("", said):  # what another thread wrote meanwhile
        with suppress(OSError):
            os.write(2, others.encode(errors="replace"))
    return result, next((line for line in said.splitlines() if _is_damage(line)), None)


def _is_damage(line: str) -> bool:
    if (too_many := _TOO_MANY.match(line)) is not None:
        return int(too_many[1]) > _PADDING
    return line.startswith(("Corrupt JPEG data", "Premature end of JPEG"))


def _memory() -> "tempfile._TemporaryFileWrapper[bytes]":
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("libjpeg"), "w+b")  # type: ignore[return-value]
    return tempfile.TemporaryFile()  # type: ignore[return-value]
