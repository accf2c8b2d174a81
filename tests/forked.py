"""A command in a fork of tests/command_server.py, as `subprocess.Popen` has it: started, watched, killed, read."""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
import weakref
from collections.abc import Sequence
from pathlib import Path

from tests.waiting import wait_for


class Forked:
    """`python -m MODULE ...`, begun; a process of its own that nobody but a signal or its end stops.

    Args:
        typed: the whole command line, `python -m MODULE ARGUMENTS`.
        stderr_apart: else what it says there is in its standard output.
        new_session: as of a shell that starts it: Ctrl-C reaches its whole group.
    """

    def __init__(
        self,
        server: subprocess.Popen[str],
        typed: Sequence[str],
        *,
        folder: Path,
        environment: dict[str, str],
        stderr_apart: bool = False,
        new_session: bool = False,
    ) -> None:
        self.args = list(typed)
        self.returncode: int | None = None
        place = Path(tempfile.mkdtemp(prefix="seglab-forked-"))
        weakref.finalize(self, shutil.rmtree, place)
        self._stdout = place / "stdout"
        self._stderr = place / "stderr" if stderr_apart else self._stdout
        self._stdout.touch()
        self._stderr.touch()
        os.mkfifo(place / "answers")
        _, _, module, *arguments = typed
        request = {
            "module": module, "arguments": arguments, "folder": str(folder), "environment": environment,
            "stdout": str(self._stdout), "stderr": str(self._stderr), "answers": str(place / "answers"),
            "new_session": new_session,
        }  # fmt: skip
        self._answers = os.open(place / "answers", os.O_RDONLY | os.O_NONBLOCK)
        self._said = b""
        print(json.dumps(request), file=server.stdin, flush=True)
        wait_for(lambda: self._answered(0.1, lines=1), server)  # its first answer comes after half a minute of imports
        self.pid = int(self._said.splitlines()[0])

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.returncode is None and self._answered(0, lines=2):
            self.returncode = int(self._said.splitlines()[1])
            os.close(self._answers)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired, and the process runs on."""
        if self.returncode is None and not self._answered(timeout, lines=2):
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout, *self._read())
        code = self.poll()
        assert code is not None
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, str | None]:
        """What it has printed, at its end. Raises subprocess.TimeoutExpired, and the process runs on."""
        self.wait(timeout)
        return self._read()

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _read(self) -> tuple[str, str | None]:
        apart = self._stderr != self._stdout
        return self._stdout.read_text(), self._stderr.read_text() if apart else None

    def _answered(self, timeout: float | None, *, lines: int) -> bool:
        """Whether so many lines have come, at the latest after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._said.count(b"\n") < lines:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._answers], [], [], left)[0]:
                return False
            part = os.read(self._answers, 1 << 10)
            assert part, "the process that waits for the command is gone"
            self._said += part
        return True
