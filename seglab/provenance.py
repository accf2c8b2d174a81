"""Where a result comes from: command, commit, versions, machine."""

import importlib.metadata
import os
import platform
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PACKAGES = ("seglab", "torch", "torchvision", "lightning", "torchmetrics", "hydra-core", "albumentations", "numpy",
            "opencv-python-headless", "segmentation-models-pytorch", "timm")  # fmt: skip


def provenance() -> dict[str, Any]:
    """Where and with what: command, commit, versions, host. Device and threads are added by whoever knows them."""
    return {
        "command": _command(),
        "working_folder": os.getcwd(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": dict(_versions()),
        "git": git_state(),
    }


def _command() -> str:
    """What was typed. A job of a sweep is a fork of a server whose own command line would say nothing."""
    program = Path(sys.argv[0])
    if program.parent.name == "seglab" or program.name.startswith("seglab"):
        return shlex.join(["python", "-m", f"seglab.{program.stem.removeprefix('seglab-')}", *sys.argv[1:]])
    return shlex.join(sys.orig_argv)


def git_state() -> dict[str, Any] | None:
    """{"commit", "dirty"} of the repository that seglab is imported from; None for an installed wheel."""
    source = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-C", str(source), *arguments], capture_output=True, text=True, check=True).stdout

    try:
        if source.parent != Path(git("rev-parse", "--show-toplevel").strip()):
            return None  # the wheel lies inside somebody else's repository
        return {
            "commit": git("rev-parse", "HEAD").strip(),
            "dirty": bool(git("status", "--porcelain", "--", "seglab", "conf").strip()),
        }
    except (subprocess.CalledProcessError, FileNotFoundError):
        return None


def _versions() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        try:
            yield package, importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
