"""One run in its folder: trained from its start, continued, or found finished; its record says how it went.

Nothing heavy is imported before every cheap way to fail has been tried.
"""

import logging
import shlex
import shutil
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from omegaconf import DictConfig, OmegaConf

from seglab import runs
from seglab.config.messages import message_for
from seglab.config.overrides import quoted
from seglab.display import scores
from seglab.errors import Interrupted, SeglabError, is_full
from seglab.runs import environment, init_from, provenance, teacher
from seglab.runs.files import RUN_LOG, remove_empty
from seglab.runs.partial import remove_leftovers
from seglab.training import monitors

log = logging.getLogger("seglab")

_TIME_LIMIT = "SLURM's time limit (hydra.launcher.max_num_timeout=3 lets SLURM itself go on three times)"


def train(
    cfg: DictConfig,
    folder: Path,
    *,
    overrides: list[str],
    choices: Mapping[str, Any] = MappingProxyType({}),
    goes_further: bool = False,
) -> runs.Record:
    """The record of the run in `folder`, which is trained from its start, continued, or found finished.

    Args:
        cfg: checked.
        choices: {group: option} that the configuration was composed of; kept in the record of a run that begins.
        goes_further: than it was asked for when it began, see `seglab.training.further`.
    """
    settings, written = runs.plain(cfg), environment.unresolved(cfg)
    hidden = environment.names(written)
    if not runs.is_first_process():
        return _fit(settings, folder)
    init_from.check(folder, settings)
    teacher.check(folder, settings)
    monitors.check(settings)
    is_new = not folder.exists() or not any(folder.iterdir())
    try:
        with runs.only_process_in(folder), runs.logging_to(folder, hidden=hidden):
            for place in (folder, folder / "checkpoints", folder / "pictures", folder / "evaluations"):
                remove_leftovers(place)
            record = runs.read_record(folder)
            if record is not None and not goes_further:
                runs.check_same_experiment(folder, settings)
                if record["status"] == "finished":
                    log.info("finished before: %s", runs.shown(folder))
                    return record
            if record is not None and (changed := provenance.code_change(record)):
                log.warning("begun %s; the end is not that of one code", changed)
            if not goes_further:
                _write_config(written, folder)
            runs.start_record(folder, config=settings, overrides=overrides)
            if goes_further:  # behind the record: whoever is killed in between has the run that it had
                _write_config(written, folder)
                _forget_evaluations(folder)
            if record is None:  # one that is continued by resume=... was not composed anew
                runs.update_record(folder, choices=dict(choices))
            record = _fit_and_record(settings, folder, hidden=hidden)
    except Exception as error:
        before_first_step = not (folder / runs.HEARTBEAT).exists()
        refused = message_for(error) is not None and not is_full(error) and before_first_step
        # a sweep's job keeps what its table tells of
        if refused and is_new and settings["sweep"] is None and folder.exists():
            shutil.rmtree(folder)
            remove_empty(folder)
        raise
    scores.print_run(record, folder)
    return record


def _write_config(written: dict[str, Any], folder: Path) -> None:
    runs.write_atomically(folder / runs.CONFIG, OmegaConf.to_yaml(OmegaConf.create(written)))


def _forget_evaluations(folder: Path) -> None:
    """Takes those of the shorter run out of the record, which is that of the longer one from here on."""
    record = runs.read_record(folder) or {}
    if count := len(record.get("evaluations", {})):
        runs.update_record(folder, evaluations={})
        log.warning("%d evaluations were of the shorter run: their files stay, the record drops them", count)


def _fit_and_record(settings: dict[str, Any], folder: Path, *, hidden: set[str]) -> runs.Record:
    """The record after the training, whose end it holds, whatever that was; without values of variables in `hidden`."""
    started = time.monotonic()
    try:
        result = _fit(settings, folder)
    except BaseException as error:
        if not (folder / runs.RECORD).exists():
            raise _deleted(folder) from error
        slurm_stopped = type(error).__name__ == "UncompletedJobError"  # raised by submitit when it does not requeue
        stopped = slurm_stopped or is_full(error) or isinstance(error, Interrupted | KeyboardInterrupt | SystemExit)
        status = "interrupted" if stopped else "failed"
        told = _TIME_LIMIT if slurm_stopped else environment.masked(f"{type(error).__name__}: {error}", hidden)
        text = environment.masked(traceback.format_exc(), hidden) if status == "failed" else None
        seconds = round(time.monotonic() - started, 1)
        _note_end(folder, told=told, text=text, status=status, seconds=seconds)
        if status == "failed" and (folder / runs.HEARTBEAT).exists():
            _write_page(folder)
        if status == "interrupted":
            resume = shlex.quote(f"resume={quoted(runs.shown(folder))}")
            log.warning("interrupted; to continue: python -m seglab.train %s", resume)
        raise
    if not (folder / runs.RECORD).exists() or not (folder / runs.CONFIG).exists():
        raise _deleted(folder)
    seconds = round(time.monotonic() - started, 1)
    record = runs.update_record(folder, status="finished", ended=runs.now(), seconds=seconds, **result)
    logging.getLogger(RUN_LOG).info("finished: %s", scores.headline(record))
    _write_page(folder)
    return record


def _note_end(folder: Path, *, told: str, text: str | None, status: str, seconds: float) -> None:
    """Writes how the run ended as far as the disk takes it; where it does not, the run counts as died unseen.

    Args:
        told: the error, in the record.
        text: the traceback of a failure.
    """
    if text is not None:
        try:
            runs.write_atomically(folder / runs.TRACEBACK, text)
        except OSError:
            text = None
    kept = {"traceback": None if text is None else runs.TRACEBACK}
    try:
        runs.update_record(folder, status=status, ended=runs.now(), seconds=seconds, error=told, **kept)
    except OSError as second:
        log.error("%s: the end of the run could not be written (%s)", runs.shown(folder), second.strerror)


def _write_page(folder: Path) -> None:
    from seglab.pages import run_page  # nothing of it is needed before

    run_page.leave_page(folder)


def _deleted(folder: Path) -> SeglabError:
    return SeglabError(
        f"{folder} was deleted or moved while the run wrote into it; expected its {runs.RECORD} and {runs.CONFIG} - "
        "start it again, or continue what was moved with resume=FOLDER"
    )


def _fit(settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    from seglab.training.fit import fit  # torch, Lightning and all the rest

    return fit(settings, folder)
