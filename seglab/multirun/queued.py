"""The jobs of a sweep that run in SLURM's queue: what the launch tells, which does not see what they say."""

import logging
import re
import subprocess
import time
from collections.abc import Collection
from pathlib import Path

from seglab import runs
from seglab.display import scores
from seglab.errors import SeglabError
from seglab.multirun import plan

log = logging.getLogger("seglab")

_SUBMITTED = ".submitit"  # in a sweep's folder, what its SLURM jobs leave
_ENDS_OF_JOBS = ("UncompletedJobError", "FailedJobError")  # submitit's, which is not imported here
_PAUSE = 1.0  # seconds between two looks at the queue


def is_of_a_job(error: Exception) -> bool:
    """Whether a job has ended badly, and not the launch."""
    return type(error).__name__ in _ENDS_OF_JOBS


def wait_for_the_others(sweep: Path, error: Exception) -> None:
    """Tells of the job that has ended with `error`, and returns when the queue holds none of the sweep any more."""
    log.error("a job of SLURM has not ended well: %s", _cause(error))
    while _is_in_queue(sweep):
        time.sleep(_PAUSE)


def tell_ends(sweep: Path, asked: Collection[str]) -> None:
    """How each job stands, in a line, and what to do about those that are left.

    Args:
        asked: the names of the jobs to tell of; all of them where it is empty, as in a search.
    """
    statuses = set()
    for number, folder in enumerate(plan.job_folders(sweep), start=1):
        if asked and folder.name not in asked:
            continue
        try:
            state, record = runs.state(folder), runs.read_record(folder)
        except SeglabError:  # which the comparison has told
            continue
        statuses.add(state.status)
        log.info("[%d] %s  %s", number, folder.name, _end(state, record))
    if statuses & {"interrupted", "stale", "pending"}:
        log.warning("what is left is continued by the same command with sweep=%s", sweep.name)
    if "failed" in statuses:
        log.warning("what has failed is tried again with sweep=%s retry_failed=true", sweep.name)


def _end(state: runs.State, record: runs.Record | None) -> str:
    match state.status:
        case "finished":
            assert record is not None
            return f"{scores.headline(record)}, {state.seconds or 0:.0f} s"
        case "failed":
            return f"FAILED: {state.error}"
        case "interrupted":
            return f"interrupted: {state.error}"
        case "stale":
            return "died unseen: cancelled, killed, or its node went down"
        case "running":
            return f"still runs, {state.where}"
        case "pending":
            return f"has not begun; what SLURM's job has said stands in {_SUBMITTED}"


def _cause(error: Exception) -> str:
    """The last line of the traceback, or of the job's output, which submitit frames by lines of dashes."""
    parts = re.split(r"(?m)^-{10,}$", str(error))
    return parts[min(1, len(parts) - 1)].strip().rpartition("\n")[2]


def _is_in_queue(folder: Path) -> bool:
    """Whether SLURM still has a job of the sweep. Where it does not say, nothing is waited for."""
    numbers = {path.name.partition("_")[0] for path in (folder / _SUBMITTED).glob("[0-9]*")}
    command = ["squeue", "--noheader", "--jobs", ",".join(sorted(numbers))]
    return bool(numbers) and bool(subprocess.run(command, capture_output=True, check=False).stdout)
