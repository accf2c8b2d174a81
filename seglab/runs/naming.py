"""Names of run, sweep and job folders: readable, the same for the same experiment, safe in a shell."""

import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from seglab.errors import SeglabError

# Overrides that change no number of a result: a job keeps its folder, and so its checkpoints, when they change.
# Everything in identity.NOT_IDENTITY is among them, and so are the settings of Hydra.
_IRRELEVANT = re.compile(
    r"(output|sweep|resume|name|retry_failed|(logger|hydra)([./].*)?"
    r"|data\.(num_workers|cache|root|source\.root|prepare\.root)"
    r"|trainer\.(accelerator|devices|log_every_n_steps|enable_.*)"
    r"|callbacks\.(progress|pictures|last)(\..*)?)"
)
_UNSAFE = re.compile(r"[^A-Za-z0-9_.+-]+")


def job_name(overrides: Iterable[str], *, limit: int = 80) -> str:
    """'loss-dice_optimizer.lr-0.01' for ['optimizer.lr=0.01', 'loss=dice', 'logger=wandb']; 'default' for nothing.

    The order of the overrides does not matter. A name that could stand for other overrides too, because characters
    were replaced or it was cut at `limit`, ends in a hash of them.
    """
    decisive = sorted(_decisive(overrides).items())
    exact = ",".join(f"{key}={value}" for key, value in decisive)
    parts = [f"{key}-{_UNSAFE.sub('.', value).strip('.')}" if value else key for key, value in decisive]
    name = _UNSAFE.sub(".", "_".join(parts)) or "default"
    replaced = any(_UNSAFE.search(key + value) or value.strip(".") != value for key, value in decisive)
    looks_like_two = any(re.search(r"_[^_]*-", value) for _, value in decisive)  # a=b_c-d against a=b c=d
    if replaced or looks_like_two or len(name) > limit:
        digest = hashlib.sha256(exact.encode()).hexdigest()[:6]
        name = f"{name[: limit - 7].rstrip('_-.')}-{digest}"
    return name


def _decisive(overrides: Iterable[str]) -> dict[str, str]:
    """The overrides that decide a result, by key; the last of several wins, as in Hydra."""
    decisive: dict[str, str] = {}
    for override in overrides:
        key, _, value = override.lstrip("+~").partition("=")
        if _IRRELEVANT.fullmatch(key):
            continue
        if override.startswith("~"):
            key, value = f"no-{key}", ""
        decisive[key] = value
    return decisive


def run_folder(output: str, name: str | None) -> str:
    """Folder of a run: called `name`, so that the same command finds it again, else one that no other process has.

    Raises:
        SeglabError: `name` cannot be the name of a folder.
    """
    return f"{output}/runs/{_stamp() if name is None else _checked(name)}"


def new_run_folder(output: str) -> str:
    """A folder under `output`/runs that no other run has, of this process or another."""
    return f"{output}/runs/{_new_stamp()}"


def sweep_folder(output: str, sweep: str | None) -> str:
    """Folder of a sweep: named, so that the same command finds it again, else a new one.

    Raises:
        SeglabError: the name leads out of `output`/sweeps.
    """
    if sweep is not None and (os.path.isabs(sweep) or ".." in Path(sweep).parts or not Path(sweep).parts):
        raise SeglabError(f"sweep={sweep}: expected the name of a folder in {output}/sweeps - take '..' out of it")
    return f"{output}/sweeps/{sweep if sweep is not None else _stamp()}"


def _checked(name: str) -> str:
    if not name.strip() or name.startswith(".") or any(sign in name for sign in "/\\\0\n"):
        raise SeglabError(
            f"name={name!r}: expected the name of a folder, which holds no slash and begins with no dot "
            "- the run lies in OUTPUT/runs/NAME, choose OUTPUT with output=FOLDER"
        )
    return name


@cache
def _stamp() -> str:
    """One for each process: a command asks several times for its folder."""
    return _new_stamp()


def _new_stamp() -> str:
    """'2026-11-21_09-30-00_3f9a1c': two in the same second must not share a folder."""
    return f"{time.strftime('%Y-%m-%d_%H-%M-%S')}_{secrets.token_hex(3)}"
