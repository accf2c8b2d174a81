"""A process that has imported the heavy libraries, once: the commands of the tests are forked from it.

A command is a process with everything of its own: seglab's modules, arguments, folder, environment, standard streams,
exit code. Only what is not ours was imported before, which takes 4 s of the 5 of a small training. The same holds for
the interpreters that a command starts: the server that a sweep's jobs are forked from, a table's trainings and
evaluations, further processes of a training on several devices, joblib's workers. The fixtures `command` and `started`
of tests/conftest.py start commands; `command(..., fresh=True)` is an interpreter that has imported nothing.
"""

import _posixsubprocess
import ast
import atexit
import ctypes
import fcntl
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

FORK_SERVER = "from multiprocessing.forkserver import main;"  # how the code begins that multiprocessing starts
_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
_libc = ctypes.CDLL(None)
_fork_exec = _posixsubprocess.fork_exec


def import_libraries() -> None:
    """In the order of a training: lightning and torchmetrics are told first what they may leave out."""
    import seglab.lean_imports  # noqa: F401

    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    import albumentations  # noqa: F401
    import hydra  # noqa: F401
    import lightning  # noqa: F401
    import torchmetrics  # noqa: F401

    read_sources()
    for name in [name for name in sys.modules if name.partition(".")[0] == "seglab"]:
        del sys.modules[name]
    gc.collect()
    gc.freeze()  # or each fork would write into what the server has collected, and so copy all of its pages


def read_sources() -> None:
    """From here on `ast.parse` knows the sources of the libraries: checking a configuration reads some two hundred."""
    parse = ast.parse
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        child = os.fork()  # which ones is found there: seglab and Hydra leave something behind in their process
        if child == 0:
            run_and_exit(lambda: print(json.dumps(_sources_of_a_check()), file=file, flush=True))
        assert os.waitpid(child, 0)[1] == 0
        file.seek(0)
        parsed = {source: parse(source) for source in json.load(file)}

    def remembered(source: Any, *others: Any, **more: Any) -> Any:
        tree = None if others or more or not isinstance(source, str) else parsed.get(source)
        return parse(source, *others, **more) if tree is None else tree

    ast.parse = remembered


def _sources_of_a_check() -> list[str]:
    """What is parsed for the configuration of a training."""
    from hydra import compose, initialize_config_dir

    from seglab import config

    parse, sources = ast.parse, list[str]()

    def noted(source: Any, *others: Any, **more: Any) -> Any:
        if not others and not more:
            sources.append(source)
        return parse(source, *others, **more)

    ast.parse = noted
    config.register()
    with initialize_config_dir(version_base="1.3", config_dir=str(config.FOLDER)):
        for overrides in ([], ["model=deeplabv3plus", "callbacks=early_stopping"]):
            config.check(compose("train", overrides=overrides))
    return sources


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


def program_wanted() -> list[str] | None:
    """From here on the interpreters that this process starts are forked, too, from a process beside it.

    In this process: None. In each of those: what it has to run. It is a child of the process that starts it, has its
    folder, environment and files, and has imported what that one had at its beginning, so nothing of seglab.
    """
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        return _started(theirs)
    theirs.close()
    lock, owner = threading.Lock(), os.getpid()

    def fork_exec(arguments: Sequence[bytes], *others: Any) -> int:
        typed = [os.fsdecode(argument) for argument in arguments]
        pass_fds, folder, environment, stdin, _, _, stdout, _, stderr, _, errors, _, new_session = others[2:15]
        if os.getpid() != owner or not _is_program(typed[:3]):  # a fork is no parent of what is started beside it
            return _fork_exec(arguments, *others)
        inherited = {0: stdin, 1: stdout, 2: stderr} | {number: number for number in pass_fds if number != errors}
        wanted = {
            "arguments": typed, "parent": os.getpid(), "folder": os.fsdecode(folder or os.getcwd()),
            "environment": dict(os.environ) if environment is None else
                           dict(os.fsdecode(entry).split("=", 1) for entry in environment),
            "descriptors": list(inherited), "new_session": bool(new_session),
            "ignores_sigint": signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
        }  # fmt: skip
        message = json.dumps(wanted).encode()
        with lock:
            _adopt_orphans(True)
            socket.send_fds(ours, [len(message).to_bytes(8, "big")],
                            [number if of < 0 else of for number, of in inherited.items()])  # fmt: skip
            ours.sendall(message)
            process = int.from_bytes(ours.recv(8), "big")
            _adopt_orphans(False)
        return process

    subprocess._fork_exec = _posixsubprocess.fork_exec = fork_exec  # type: ignore[attr-defined]
    return None


def _is_program(typed: list[str]) -> bool:
    executable, flag, program = [*typed, "", ""][:3]
    return executable == sys.executable and (
        program.startswith(("seglab.", "joblib.")) if flag == "-m" else program.startswith(FORK_SERVER)
    )


def _adopt_orphans(wanted: bool) -> None:
    """Whether a grandchild whose parent ends becomes a child of this process, as one is that it starts itself."""
    assert _libc.prctl(_PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0) == 0


def _started(theirs: socket.socket) -> list[str]:
    """In the process beside: never returns. In one that is forked from it: its command line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        length, received, _, _ = socket.recv_fds(theirs, 8, 64)
        if not length:
            os._exit(0)
        message = b""
        while len(message) < int.from_bytes(length, "big"):
            message += theirs.recv(1 << 16)
        wanted = json.loads(message)
        between = os.fork()
        if between == 0:
            if os.fork():
                os._exit(0)
            break
        os.waitpid(between, 0)
        for descriptor in received:
            os.close(descriptor)
    while os.getppid() != wanted["parent"]:
        time.sleep(0.001)
    theirs.sendall(os.getpid().to_bytes(8, "big"))
    theirs.close()
    for number, descriptor in zip(wanted["descriptors"], _out_of_the_way(received), strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)
    if wanted["new_session"]:
        os.setsid()
    os.chdir(wanted["folder"])
    os.environ.clear()
    os.environ.update(wanted["environment"])
    if not wanted["ignores_sigint"]:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return wanted["arguments"]


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
    typed = [sys.executable, "-m", request["module"], *request["arguments"]]
    while (program := program_wanted()) is not None:
        typed = program
    _, flag, program_or_code, *arguments = sys.orig_argv = typed
    sys.argv = [flag, *arguments]
    if flag == "-m":
        sys.path[0] = os.getcwd()
        runpy.run_module(program_or_code, run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = ""
        exec(program_or_code, {"__name__": "__main__"})


if __name__ == "__main__":
    run_and_exit(main)
