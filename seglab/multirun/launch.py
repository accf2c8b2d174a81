"""The jobs of a multirun: each in its own process, skipped when finished, continued when interrupted, then compared.

The parent imports no torch. The folder is the only memory of a sweep: what a job is and how far it came stands in the
job's record, and which jobs there are in sweep.json. Several launches of one sweep share its jobs: each job is claimed
by a file lock, which the operating system releases when the launch dies.
"""

import functools
import logging
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from filelock import Timeout
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict

from seglab import config, runs
from seglab.display import comparison
from seglab.errors import SeglabError
from seglab.multirun import gpus, plan, queued
from seglab.multirun import job as sweep_job
from seglab.runs import data_files, init_from, provenance, teacher
from seglab.runs.lock import FileLock

log = logging.getLogger("seglab")

_CLAIM = ".claim"
_PAUSE = 1.0  # seconds between two looks at a job that another launch or SLURM runs
_OWN_PROCESSES = ("SlurmLauncher",)  # a launcher whose tasks are processes of their own already
_IN_ORDER = "BasicLauncher"  # a launcher that runs the jobs one after the other, in this process

# A launcher's worker process imports this module before it composes the configuration of its job.
config.register()


@dataclass
class _Sweep:
    """A sweep, as the process that launched it hands it to the launcher's workers."""

    folder: Path
    jobs: Mapping[str, tuple[str, ...]]  # {folder name: overrides}; empty where a search chooses them one by one
    new: list[str]  # those of them that no earlier launch has asked for
    is_queued: bool  # its jobs run elsewhere, and what they say is not seen here


_sweep: _Sweep | None = None  # that this process belongs to
_left_for_later: list[Callable[[], float | None]] = []


class Announce(Callback):
    """Says where a sweep writes, and remembers it: Hydra has no hook at the end of a sweep with a failed job."""

    sweep: _Sweep | None = None

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:  # Hydra's own signature
        global _sweep
        folder = Path(config.hydra.sweep.dir)
        _sweep = self.sweep = _Sweep(folder, {}, [], _class(config.hydra.launcher) in _OWN_PROCESSES)
        try:
            _sweep.jobs = _jobs(config)
            command = shlex.join(["python", "-m", "seglab.train", *sys.argv[1:]])
            _sweep.new = plan.write(folder, _sweep.jobs, command=command)
        except SeglabError as error:  # an exception would become a warning of Hydra's
            log.warning("the plan of the sweep is not kept: %s", error)
        log.info("sweep %s", runs.shown(folder.absolute()))

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        if self.sweep is not None:  # not after an interruption: what has not begun then is still to be done
            plan.withdraw(self.sweep.folder, self.sweep.new)

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        global _sweep
        if _sweep is None and self.sweep is not None:  # the worker process of a launcher
            _sweep = self.sweep
            log.setLevel(logging.INFO)
            log.addHandler(logging.StreamHandler())


def run_job(cfg: DictConfig, settings: DictConfig, folder: Path, *, train: Callable[[], runs.Record]) -> float | None:
    """The monitored value of the job in `folder` after running what is left of it; None when it failed.

    A failure is left in the job's record, never raised: the other jobs go on, and `finish` tells of it.

    Args:
        train: runs the job in this process, where a launcher has made one for it; there a failure is raised.
    """
    if _is_own_process(settings) and not runs.is_first_process():
        return runs.monitored_value(train())
    folder.mkdir(parents=True, exist_ok=True)
    job = partial(_run_claimed, cfg, settings, folder, train)
    value = _or_later(job, settings, folder)
    if _sweep is not None and settings.job.num + 1 == len(_sweep.jobs):
        while _left_for_later:
            _left_for_later.pop(0)()
    return value


def to_the_end(task: Callable[[], object]) -> Callable[[], None]:
    """The task, but after the failure of a queued job it waits for the others; `finish` tells how each one ended."""

    @functools.wraps(task)
    def run() -> None:
        try:
            task()
        except Exception as error:
            if _sweep is None or not queued.is_of_a_job(error):
                raise
            queued.wait_for_the_others(_sweep.folder, error)

    return run


def finish() -> int:
    """Prints and writes the comparison of a sweep's jobs, if there is one to compare; 1 when a job failed, else 0."""
    if _sweep is None or not _sweep.folder.is_dir():  # a single run; a sweep without a first job
        return 0
    if not any((_sweep.folder / name).is_dir() for name in _sweep.jobs):  # the first was refused, and the sweep with it
        plan.withdraw(_sweep.folder, _sweep.new)
        if not _sweep.folder.is_dir():  # nothing was left of it
            return 0
    records, finished, damaged = [], set(), False
    for folder in plan.job_folders(_sweep.folder):
        try:
            record = runs.read_record(folder)
            state = runs.state(folder, record)
        except SeglabError as error:
            log.error("left out: %s", error)
            damaged = True
            continue
        if record is not None:
            records.append({**record, "status": state.status})
        if state.status == "finished":
            finished.add(folder.name)
    if records:
        comparison.print_comparison(records, _sweep.folder)
    if _sweep.is_queued:
        queued.tell_ends(_sweep.folder, _sweep.jobs)
    left = _sweep.jobs.keys() - finished
    return int(damaged or bool(left) or any(record["status"] == "failed" for record in records))


def _jobs(cfg: DictConfig) -> dict[str, tuple[str, ...]]:
    """{folder name: overrides} of all jobs of a grid; nothing for a search, which decides as it goes."""
    sweeper = cfg.hydra.sweeper
    if sweeper._target_.rpartition(".")[2] != "BasicSweeper":
        return {}
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    loader = GlobalHydra.instance().config_loader()
    params = [f"{key}={value}" for key, value in (sweeper.params or {}).items()]
    typed = OmegaConf.to_container(cfg.hydra.overrides.task, resolve=False)
    assert isinstance(typed, list)
    parsed = OverridesParser.create(config_loader=loader).parse_overrides([*params, *typed])
    (batch,) = BasicSweeper.split_arguments(parsed, None)
    jobs = {}
    for number, overrides in enumerate(batch):
        if any("${" in override for override in overrides):  # the name depends on the job's configuration
            job = loader.load_sweep_config(cfg, list(overrides))
        else:
            job = OmegaConf.create({"hydra": cfg.hydra})
            with open_dict(job):
                job.hydra.overrides.task = list(overrides)
        with open_dict(job):
            job.hydra.job.num = number
        jobs[job.hydra.sweep.subdir] = tuple(overrides)
    return jobs


def _or_later(job: Callable[[], float | None], settings: DictConfig, folder: Path) -> float | None:
    """The job's value. Where another launch runs the job, it is left for later, or waited for if the value is needed.

    A job whose launch dies meanwhile is continued here.
    """
    title = _title(settings)
    try:
        return job()
    except _RunByOthers as others:
        log.info("%s  is being run by %s", title, others)
    if _sweep is not None and _sweep.jobs:  # a grid: nobody waits for the value
        if _is_own_process(settings):  # to wait would hold a node
            return None
        if _class(settings.launcher) == _IN_ORDER:
            _left_for_later.append(lambda: _waited_for(job, title, folder))
            return None
    return _waited_for(job, title, folder)


def _waited_for(job: Callable[[], float | None], title: str, folder: Path) -> float | None:
    log.info("%s  waiting for %s", title, _others(folder))
    while True:
        try:
            return job()
        except _RunByOthers:
            time.sleep(_PAUSE)


class _RunByOthers(Exception):
    pass


@contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """No other launch of the sweep touches the job meanwhile. Raises _RunByOthers."""
    lock = FileLock(folder / _CLAIM)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise _RunByOthers(_others(folder)) from None
    try:
        yield
    finally:
        lock.release()


def _others(folder: Path) -> str:
    state = runs.state(folder)
    return state.where if state.status == "running" else "another launch of this sweep"


def _run_claimed(cfg: DictConfig, settings: DictConfig, folder: Path, train: Callable[[], runs.Record]) -> float | None:
    with _claimed(folder):
        title = _title(settings)
        try:
            state, record = runs.state(folder), runs.read_record(folder)
        except SeglabError as error:  # the others go on; `finish` tells of it
            log.error("%s  DAMAGED: %s", title, error)
            return None
        if state.status == "running" and not _is_requeued(record):
            raise _RunByOthers(state.where)
        if record is not None:
            runs.check_same_experiment(folder, runs.plain(cfg))
            if state.status == "finished":
                return _skipped(cfg, folder, record, title)
            if state.status == "failed" and not cfg.retry_failed:
                log.info("%s  failed before, left alone (retry_failed=true tries again): %s", title, state.error)
                return None
        log.info("%s  %s", title, _beginning(state, record))
        if _is_own_process(settings):
            return runs.monitored_value(train())
        with gpus.one_of(_slots(cfg), title=title) as gpu:
            alone = _class(settings.launcher) == _IN_ORDER
            on_one_device = _is_one_process(cfg)
            return sweep_job.run(settings, folder, title=title, on_one_device=on_one_device, gpu=gpu, watched=alone)


def _skipped(cfg: DictConfig, folder: Path, record: runs.Record, title: str) -> float | None:
    """The value of a finished job. Raises SeglabError when what it was made from is no longer the same."""
    init_from.check(folder, runs.plain(cfg))
    teacher.check(folder, runs.plain(cfg))
    data_files.check(folder, output=Path(cfg.output))
    changed = provenance.code_change(record)
    log.info("%s  finished before%s, skipped", title, f" ({changed})" if changed else "")
    return runs.monitored_value(record)


def _beginning(state: runs.State, record: runs.Record | None) -> str:
    if record is None:
        return "starts"
    notes = ["its process died unseen"] if state.status == "stale" else []
    if changed := provenance.code_change(record):
        notes.append(f"begun {changed}")
    return "is continued" + (f" ({'; '.join(notes)})" if notes else "")


def _title(settings: DictConfig) -> str:
    overrides = [override for override in settings.overrides.task if not override.startswith("sweep=")]
    return f"[{settings.job.num + 1}] {' '.join(overrides) or 'default'}"


def _class(node: DictConfig) -> str:
    return node._target_.rpartition(".")[2]


def _is_own_process(settings: DictConfig) -> bool:
    """Whether the launcher has made a process for the job already."""
    return _class(settings.launcher) in _OWN_PROCESSES


def _is_requeued(record: runs.Record | None) -> bool:
    """Whether the run in progress is this very job of SLURM, before it was preempted or its node went down."""
    here = provenance.slurm_job()
    return here is not None and record is not None and record.get("slurm_job") == here


def _slots(cfg: DictConfig) -> list[str]:
    """The GPUs that one is dealt out from; none where the job wants no GPU, several, or particular ones."""
    return gpus.slots() if cfg.trainer.accelerator in ("auto", "gpu", "cuda") and _is_one_process(cfg) else []


def _is_one_process(cfg: DictConfig) -> bool:
    return cfg.trainer.devices in (1, "1") and cfg.trainer.get("num_nodes", 1) == 1
