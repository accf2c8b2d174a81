"""Where a result comes from: command, commit, code, versions, machine."""

import hashlib
import importlib.metadata
import os
import platform
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from seglab import PACKAGE

PACKAGES = ("seglab", "torch", "torchvision", "lightning", "torchmetrics", "hydra-core", "albumentations", "numpy",
            "opencv-python-headless", "segmentation-models-pytorch", "timm")  # fmt: skip


def provenance() -> dict[str, Any]:
    """Where and with what: command, commit, versions, host. Device and threads are added by whoever knows them."""
    return {
        "command": command(),
        "working_folder": os.getcwd(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": dict(_versions()),
        "slurm_job": slurm_job(),
        "visible_gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),  # None: all of them
        "code": code(),
        "git": git_state(),
    }


def command() -> str:
    """What was typed. A job of a sweep is a fork of a server whose own command line would say nothing."""
    program = Path(sys.argv[0])
    if program.parent.name == "seglab" or program.name.startswith("seglab"):
        return shlex.join(["python", "-m", f"seglab.{program.stem.removeprefix('seglab-')}", *sys.argv[1:]])
    return shlex.join(sys.orig_argv)


def slurm_job() -> str | None:
    """'12' or '12_3' in an array; the same before and after a requeue. None outside SLURM."""
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID")


@cache
def code() -> str:
    """16 hexadecimal digits of all Python files of seglab: commits differ for a README as well."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(str(path.relative_to(PACKAGE)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def code_change(record: Mapping[str, Any]) -> str | None:
    """'by other code: commit 1234567, now 89abcde with uncommitted changes'; None if the run's code is today's.

    Changes of conf/ are no matter here: a configuration is compared as a whole.
    """
    if record.get("code") in (None, code()):
        return None
    return f"by other code: {_commit(record.get('git'))}, now {_commit(git_state())}"


def _commit(git: Mapping[str, Any] | None) -> str:
    if git is None:
        return "an installed seglab"
    return f"commit {git['commit'][:7]}" + (" with uncommitted changes" if git["dirty"] else "")


@cache
def git_state() -> dict[str, Any] | None:
    """{"commit", "dirty"} of the repository that seglab is imported from; None for an installed wheel."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(PACKAGE), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    try:
        if PACKAGE.parent != Path(git("rev-parse", "--show-toplevel").strip()):
            return None  # the wheel lies inside somebody else's repository
        return {
            "commit": git("rev-parse", "HEAD").strip(),
            "dirty": bool(git("status", "--porcelain", "--", ".", "../conf").strip()),
        }
    except (subprocess.CalledProcessError, FileNotFoundError):
        return None


def _versions() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        try:
            yield package, importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
