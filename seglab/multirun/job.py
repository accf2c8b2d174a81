"""One job of a sweep in a process of its own: its command line, its end, and what the record says of that."""

import logging
import signal
import sys
import time
from pathlib import Path

from omegaconf import DictConfig

from seglab import runs
from seglab.config.overrides import quoted
from seglab.display import scores
from seglab.multirun import process

log = logging.getLogger("seglab")

OUTPUT = "output.log"  # what a job prints


def run(
    settings: DictConfig, folder: Path, *, title: str, on_one_device: bool, gpu: str | None, watched: bool
) -> float | None:
    """The monitored value of the job after it has run in a process of its own; None when it failed.

    Args:
        settings: of Hydra.
        title: the beginning of every line about the job.
        gpu: the only one that the job may see; None leaves it all.
        watched: no other job runs, so that its last line may be shown where somebody is looking.

    Raises:
        KeyboardInterrupt: after Ctrl-C or SIGTERM, when the job has saved its state and ended.
    """
    started = time.monotonic()
    job = process.start(_arguments(settings, folder), output=folder / OUTPUT, fork=on_one_device, gpu=gpu)
    with process.signals_reach(job) as received:
        code = _wait(job, folder / OUTPUT, watched=watched and sys.stderr.isatty())
    if received:
        log.warning(
            "%s  interrupted; type the same command with sweep=%s to continue", title, Path(settings.sweep.dir).name
        )
        raise KeyboardInterrupt
    return _conclude(folder, code, title=title, seconds=time.monotonic() - started)


def _arguments(settings: DictConfig, folder: Path) -> list[str]:
    """The command line of a job: the overrides Hydra gave it, in a folder that is decided here."""
    config_dirs = [source.path for source in settings.runtime.config_sources if source.provider == "command-line"]
    search_path = [override for override in settings.overrides.hydra if override.startswith("hydra.searchpath")]
    name = Path(settings.sweep.dir).name
    return [
        *(argument for path in config_dirs for argument in ("--config-dir", path)),
        "--config-name", settings.job.config_name,
        *search_path,
        *(override for override in settings.overrides.task if not override.startswith("sweep=")),
        f"sweep={quoted(name)}",
        f"hydra.run.dir={quoted(str(folder))}",
    ]  # fmt: skip


def _wait(job: process.JobProcess, output: Path, *, watched: bool) -> int:
    """The exit code of the job; meanwhile its last line is shown where somebody is looking."""
    while (code := job.wait(1.0 if watched else 3600.0)) is None:
        if watched:
            print(f"\r\x1b[K    {_last_line(output)[:100]}", end="", file=sys.stderr, flush=True)
    if watched:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    return code


def _last_line(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - 2000))
            lines = file.read().decode(errors="replace").replace("\r", "\n").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _conclude(folder: Path, code: int, *, title: str, seconds: float) -> float | None:
    """Brings record and exit code together and says in one line how the job ended."""
    record = runs.read_record(folder)
    if code == 0 and record is not None and record["status"] == "finished":
        log.info("%s  %s, %.0f s", title, scores.headline(record), seconds)
        return runs.monitored_value(record)
    if code != 0 and record is not None and record["status"] == "interrupted":  # not one that called sys.exit(0)
        log.warning("%s  interrupted: %s  (%s)", title, record["error"], runs.shown(folder / OUTPUT))
        return None
    if record is None or record["status"] != "failed":  # it could not say itself what happened to it
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        hint = " (out of memory?)" if code == -signal.SIGKILL else ""
        record = runs.update_record(
            folder, status="failed", ended=runs.now(), error=f"{how}{hint}; last line: {_last_line(folder / OUTPUT)}"
        )
    log.error("%s  FAILED: %s  (%s)", title, record["error"], runs.shown(folder / OUTPUT))
    return None
