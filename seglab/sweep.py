"""The jobs of a multirun: each in its own process, skipped when finished, continued when interrupted, then compared.

The parent imports no torch. The folder is the only memory of a sweep: what a job is and how far it came stands in the
job's record.
"""

import logging
import signal
import sys
import time
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from seglab import jobs, origin, report, runs

log = logging.getLogger("seglab")

OUTPUT = "output.log"  # what a job prints
_OWN_PROCESSES = ("SlurmLauncher",)  # a launcher whose tasks are processes of their own already

_folder: Path | None = None  # of the sweep that this process is the parent of


class Announce(Callback):
    """Says where a sweep writes, and remembers it: Hydra has no hook at the end of a sweep with a failed job."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:  # Hydra's own signature
        global _folder
        _folder = Path(config.hydra.sweep.dir)
        log.info("sweep %s", runs.shown(_folder.absolute()))


def is_parent(launcher: str) -> bool:
    """Whether jobs under this launcher (its full class name) want a process from us."""
    return launcher.rpartition(".")[2] not in _OWN_PROCESSES


def run_job(cfg: DictConfig, settings: DictConfig, folder: Path) -> float | None:
    """The monitored value of the job in `folder` after running what is left of it; None when it failed.

    A failure is left in the job's record, never raised: the other jobs go on, and `finish` tells of it.
    """
    overrides = [override for override in settings.overrides.task if not override.startswith("sweep=")]
    title = f"[{settings.job.num + 1}] {' '.join(overrides) or 'default'}"
    record = runs.read_record(folder)
    if record is not None:
        runs.check_same_experiment(folder, runs.plain(cfg))
        if record["status"] == "finished":
            origin.check(folder, runs.plain(cfg))
            log.info("%s  finished before, skipped", title)
            return runs.monitored_value(record)
        if record["status"] == "failed" and not cfg.retry_failed:
            log.info("%s  failed before, left alone (retry_failed=true tries again): %s", title, record["error"])
            return None
    log.info("%s  %s", title, "is continued" if record else "starts")
    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    job = jobs.start(_arguments(settings, folder), output=folder / OUTPUT, fork=_is_one_process(cfg))
    with jobs.signals_reach(job) as received:
        code = _wait(job, folder / OUTPUT)
    if received:
        log.warning(
            "%s  interrupted; type the same command with sweep=%s to continue", title, Path(settings.sweep.dir).name
        )
        raise KeyboardInterrupt
    return _conclude(folder, code, title=title, seconds=time.monotonic() - started)


def finish() -> int:
    """Prints and writes the comparison of a sweep's jobs, if there is one to compare; 1 when a job failed, else 0."""
    if _folder is None or not _folder.is_dir():  # a single run; a sweep without a first job
        return 0
    records = sorted(filter(None, map(runs.read_record, _folder.iterdir())), key=lambda record: record["started"])
    if records:
        report.print_comparison(records, _folder)
    return int(any(record["status"] == "failed" for record in records))


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
        f"sweep={_quoted(name)}",
        f"hydra.run.dir={_quoted(str(folder))}",
    ]  # fmt: skip


def _quoted(text: str) -> str:
    """`text` as a quoted value of Hydra's override grammar."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _is_one_process(cfg: DictConfig) -> bool:
    return cfg.trainer.devices in (1, "1") and cfg.trainer.get("num_nodes", 1) == 1


def _wait(job: jobs.Job, output: Path) -> int:
    """The exit code of the job; meanwhile its last line is shown where somebody is looking."""
    watched = sys.stderr.isatty()
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
    except FileNotFoundError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _conclude(folder: Path, code: int, *, title: str, seconds: float) -> float | None:
    """Brings record and exit code together and says in one line how the job ended."""
    record = runs.read_record(folder)
    if code == 0 and record is not None and record["status"] == "finished":
        log.info("%s  %s, %.0f s", title, report.headline(record), seconds)
        return runs.monitored_value(record)
    if record is None or record["status"] != "failed":  # it could not say itself what happened to it
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        hint = " (out of memory?)" if code == -signal.SIGKILL else ""
        record = runs.update_record(
            folder, status="failed", ended=runs.now(), error=f"{how}{hint}; last line: {_last_line(folder / OUTPUT)}"
        )
    log.error("%s  FAILED: %s  (%s)", title, record["error"], runs.shown(folder / OUTPUT))
    return None
