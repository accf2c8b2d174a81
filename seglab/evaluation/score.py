"""One evaluation from checked settings to the record of its run, or to a folder of official scores.

Nothing heavy is imported before every cheap way to fail has been tried.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from seglab import runs
from seglab.errors import SeglabError, did_you_mean
from seglab.evaluation import columns, official, report

_CHOICES = {
    "checkpoint": ("best", "last"),
    "resolution": ("both", "original", "network"),
    "official": ("auto", True, False),
    "extra": columns.EXTRAS,
}


def evaluate(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The protocol and the scores, which are printed; those of a run are added to its record."""
    if settings["predictions"] is not None:
        return official.evaluate(settings)
    from seglab.evaluation.evaluation import Evaluation  # torch and all the rest are imported here
    from seglab.evaluation.files import write

    run = Path(settings["run"])
    started = time.monotonic()
    evaluation = Evaluation(settings)
    folder, result = write(evaluation, run=run, output=settings["output"])
    result = {"ended": runs.now(), "seconds": round(time.monotonic() - started, 1), "folder": str(folder), **result}
    extend_record(run, folder.name, result)
    report.print_evaluation(result)
    return result


def extend_record(run: Path, name: str, result: Mapping[str, Any]) -> None:
    """Adds `result` to the record's "evaluations" under a key that is not there yet: `name`, or `name` and a number."""
    with FileLock(run / ".evaluations.lock"):
        record = runs.read_record(run)
        evaluations = dict((record or {}).get("evaluations", {}))
        number = 1
        key = name
        while key in evaluations:
            number += 1
            key = f"{name}_{number}"
        runs.update_record(run, evaluations={**evaluations, key: dict(result)})


def check(settings: Mapping[str, Any]) -> None:
    """Raises SeglabError for a value that is none of its key's choices, out of range, or a run that is not there."""
    official.check(settings)
    if settings["predictions"] is not None:
        return
    for key, choices in _CHOICES.items():
        for value in settings[key] if key == "extra" else [settings[key]]:
            if value not in choices:
                known = [str(choice).lower() for choice in choices]
                near = did_you_mean(str(value), known)
                raise SeglabError(f"{key} is {value!r}; expected {'some' if key == 'extra' else 'one'} of "
                                  f"{', '.join(known)}{near}")  # fmt: skip
    for key, least in (("panels", 0), ("threads", 1), ("limit", 1)):
        if settings[key] is not None and settings[key] < least:
            raise SeglabError(f"{key} is {settings[key]}; expected a whole number >= {least}")
    size = settings["size"]
    if size not in ("run", "image") and not _is_size(size):
        raise SeglabError(f"size is {size!r}; expected run, image, or [height, width] of whole numbers >= 1")
    run = Path(settings["run"])
    if not (run / runs.CONFIG).is_file() or runs.read_record(run) is None:
        raise SeglabError(
            f"run={run}: expected the folder of a trained run, with {runs.RECORD}, {runs.CONFIG} and checkpoints/ "
            f"in it{'' if run.is_dir() else '; it does not exist'} - look into outputs/"
        )
    if settings["official"] is True and settings["resolution"] == "network":
        raise SeglabError("official=true is for original size; expected resolution=both or original, came network")
    if settings["data"] is not None and settings["root"] is not None:
        raise SeglabError("root is for the run's own data set; expected data.root beside data=... - rename it")


def _is_size(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(side, int) and side >= 1 for side in value)
