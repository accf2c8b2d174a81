"""A process that has imported the heavy libraries, once: the commands of the tests are forked from it.

A command is a process with everything of its own: seglab's modules, arguments, folder, environment, standard streams,
exit code. Only what is not ours was imported before, which takes 4 s of the 5 of a small training. The fixture
`command` of tests/conftest.py starts it; `command(..., fresh=True)` is an interpreter that has imported nothing.
"""

import gc
import json
import os
import runpy
import sys


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


def requested() -> dict | None:
    """In a process forked for it: the request. In the server: None, once no more requests come.

    A request is a line of JSON on standard input. It is answered with two: the number of its process, and the exit
    code when it has ended, negative for a signal.
    """
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    for line in requests:
        child = os.fork()
        if child == 0:
            requests.close()
            answers.close()
            return json.loads(line)
        print(child, file=answers, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)
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
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = [request["module"], *request["arguments"]]
    sys.orig_argv = [sys.executable, "-m", request["module"], *request["arguments"]]
    sys.path[0] = request["folder"]


if __name__ == "__main__":
    import_libraries()
    gc.freeze()
    request = requested()
    if request is not None:
        become(request)
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
