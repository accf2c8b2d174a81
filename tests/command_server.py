"""A process that has imported the heavy libraries, once: the commands of the tests are forked from it.

A command is a process with everything of its own: seglab's modules, arguments, folder, environment, standard streams,
exit code. Only what is not ours was imported before, which takes 4 s of the 5 of a small training. The same holds for
the server that a sweep's jobs are forked from. The fixtures `command` and `started` of tests/conftest.py start
commands; `command(..., fresh=True)` is an interpreter that has imported nothing.
"""

import atexit
import fcntl
import gc
import json
import multiprocessing.util
import os
import runpy
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from typing import NoReturn

FORK_SERVER = "from multiprocessing.forkserver import main;"  # how the code begins that multiprocessing starts


def import_libraries() -> None:
    """In the order of a training: lightning and torchmetrics are told first what they may leave out."""
    import seglab.lean_imports  # noqa: F401

    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    import albumentations  # noqa: F401
    import hydra  # noqa: F401
    import lightning  # noqa: F401
    import torchmetrics  # noqa: F401

    for name in [name for name in sys.modules if name.partition(".")[0] == "seglab"]:
        del sys.modules[name]
    gc.collect()
    gc.freeze()  # or each fork would write into what the server has collected, and so copy all of its pages


def requested() -> dict | None:
    """In a process forked for it: the request. In the server: None, once no more requests come.

    A request is a line of JSON on standard input. It is answered with two in the file it names: the number of its
    process, and the exit code when it has ended, negative for a signal. A process beside it waits for that.
    """
    requests = os.fdopen(os.dup(0))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait
    for line in requests:
        if os.fork():
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            requests.close()
            return request
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with open(request["answers"], "w") as answers:
            print(child, file=answers, flush=True)
            _, status = os.waitpid(child, 0)
            print(os.waitstatus_to_exitcode(status), file=answers)
        os._exit(0)
    return None


def become(request: dict) -> None:
    """What the operating system gives a process that `python -m seglab.train ...` starts."""
    for descriptor, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, request["stdout"], os.O_WRONLY | os.O_APPEND),
        (2, request["stderr"], os.O_WRONLY | os.O_APPEND),
    ):
        file = os.open(path, flags)
        os.dup2(file, descriptor)
        os.close(file)
    if request["new_session"]:
        os.setsid()
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = [request["module"], *request["arguments"]]
    sys.orig_argv = [sys.executable, "-m", request["module"], *request["arguments"]]
    sys.path[0] = request["folder"]


def fork_server_wanted() -> str | None:
    """In a process beside the command, once multiprocessing starts its fork server there: the code of that server.

    In the command: None. The server has imported what the command had at its beginning, so nothing of seglab.
    """
    ours, theirs = socket.socketpair()
    process = os.fork()
    if process == 0:
        ours.close()
        return _received(theirs)
    theirs.close()
    start_program = multiprocessing.util.spawnv_passfds

    def start(path: bytes, arguments: Sequence[str], descriptors: Sequence[int]) -> int:
        if not arguments[-1].startswith(FORK_SERVER) or ours.fileno() < 0:
            return start_program(path, arguments, descriptors)
        wanted = {
            "code": arguments[-1], "descriptors": list(descriptors), "environment": dict(os.environ),
            "folder": os.getcwd(),
        }  # fmt: skip
        with ours:
            socket.send_fds(ours, [json.dumps(wanted).encode()], descriptors)
        return process

    multiprocessing.util.spawnv_passfds = start
    return None


def _received(theirs: socket.socket) -> str:
    """The code to run, in the folder and with the environment and files that were sent; ends here if none comes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with theirs:
        message, received, _, _ = socket.recv_fds(theirs, 1 << 16, 8)
        while part := theirs.recv(1 << 16):
            message += part
    if not message:
        os._exit(0)
    wanted = json.loads(message)
    for number, descriptor in zip(wanted["descriptors"], _out_of_the_way(received), strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(wanted["folder"])
    os.environ.clear()
    os.environ.update(wanted["environment"])
    sys.argv = ["-c"]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return wanted["code"]


def _out_of_the_way(descriptors: Sequence[int]) -> list[int]:
    """The same files under numbers that no other process has given them."""
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 500) for descriptor in descriptors]
    for descriptor in descriptors:
        os.close(descriptor)
    return moved


def run_and_exit(function: Callable[[], object]) -> NoReturn:
    """Ends as an interpreter does, but leaves it to the system to free the memory: taking all modules apart lasts
    longer than many a command. Errors are printed, threads waited for, what is registered to run at exit runs."""
    code: object = 0
    try:
        function()
    except SystemExit as end:
        code = end.code
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        code = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    if not isinstance(code, int | None):
        print(code, file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    if code == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit((code or 0) & 0xFF)


def main() -> None:
    import_libraries()
    request = requested()
    if request is None:
        return
    become(request)
    code = fork_server_wanted()
    if code is None:
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    else:
        exec(code, {"__name__": "__main__"})


if __name__ == "__main__":
    run_and_exit(main)
