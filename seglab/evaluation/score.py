"""One evaluation from checked settings to the record of its run, or to a folder of official scores.

Nothing heavy is imported before every cheap way to fail has been tried.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seglab import runs
from seglab.config.ranges import CALIBRATED, POST, one_of, require, size, some_of, whole
from seglab.errors import SeglabError
from seglab.evaluation import columns, official, report, robustness, uncertainty
from seglab.evaluation.columns import COMMON
from seglab.runs import calibration
from seglab.runs.find import is_exported, require_run
from seglab.runs.lock import FileLock

_RANGES = {
    "checkpoint": one_of("best", "last"),
    "resolution": one_of("both", "original", "network"),
    "classes": one_of("same", COMMON),
    "official": one_of("auto", True, False),
    "extra": some_of(*columns.EXTRAS),
    "ood_components": whole(0, also=(None,)),
    "panels": whole(0),
    "threads": whole(1),
    "limit": whole(1, also=(None,)),
    "size": size("run", "image"),
    "tile": size(None),
    **robustness.RANGES,
    "calibrated": CALIBRATED,
    **POST,
}


def evaluate(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The protocol and the scores, which are printed; those of a run are added to its record."""
    if settings["predictions"] is not None:
        return official.evaluate(settings)
    from seglab.evaluation import files  # torch and all the rest are imported here
    from seglab.evaluation.evaluation import Evaluation
    from seglab.pages import run_page

    started = time.monotonic()
    evaluation = Evaluation(settings)
    usual = evaluation.folder / "evaluations" / files.readable_name(evaluation.protocol)
    with files.new_folder(usual, output=settings["output"]) as draft:
        with open(draft.path / "per_image.csv", "w", encoding="utf-8") as per_image:
            scores = evaluation.score(per_image)
        result = {"protocol": {**evaluation.protocol, "fingerprint": scores.fingerprint}, **scores.results}
        files.write(draft.path, result, scores, evaluation.labels)
    folder, seconds = draft.published, round(time.monotonic() - started, 1)
    result = {"ended": runs.now(), "seconds": seconds, "folder": str(folder), **result}
    if evaluation.run is not None:
        extend_record(evaluation.run, folder.name, _for_record(result))
        if (evaluation.run / run_page.NAME).exists():
            run_page.leave_page(evaluation.run)
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


def _for_record(result: Mapping[str, Any]) -> dict[str, Any]:
    """Without what metrics.json alone holds: the bins that diagrams are drawn of."""
    return {
        name: {key: value for key, value in part.items() if key != "diagrams"} if isinstance(part, Mapping) else part
        for name, part in result.items()
    }


def check(settings: Mapping[str, Any]) -> None:
    """Raises SeglabError for a value that is none of its key's choices, out of range, or a run that is not there."""
    official.check(settings)
    if settings["predictions"] is not None:
        return
    require(settings, _RANGES)
    robustness.check(settings)
    uncertainty.check(settings)
    _check_ood(settings)
    for run in map(Path, settings["run"] if isinstance(settings["run"], list) else [settings["run"]]):
        if not is_exported(run):
            require_run(run, runs.RECORD, runs.CONFIG, f"checkpoints/{settings['checkpoint']}.ckpt")
            runs.read_record(run)  # raises where it is damaged: the scores would have no place
            if settings["calibrated"] is not None:
                calibration.read(run, checkpoint=settings["checkpoint"], method=settings["calibrated"])
    refused = ["calibration"] if "calibration" in settings["extra"] else []
    refused += ["uncertainty"] if settings["uncertainty"] is not None else []
    refused += ["official=true"] if settings["official"] is True else []
    if settings["classes"] == COMMON and refused:
        raise SeglabError(f"classes={COMMON} has no {refused[0]}, which is of all classes of the run - leave it out")
    if settings["official"] is True and settings["resolution"] == "network":
        raise SeglabError("official=true is for original size; expected resolution=both or original, came network")
    if settings["data"] is not None and settings["root"] is not None and settings["ood"] is None:
        raise SeglabError("root is for the run's own data set; expected data.root beside data=... - rename it")


def _check_ood(settings: Mapping[str, Any]) -> None:
    """Beside `data` the key `root` is for the run's own data set, on whose training split a detector may be fitted."""
    components, node = settings["ood_components"], settings["ood"]
    if components is not None and (node is None or "out" in node):
        came = "no detector" if node is None else "whole images"
        raise SeglabError(f"ood_components={components}: expected a detector of pixels, such as ood=max_logit; came "
                          f"{came} - leave ood_components out")  # fmt: skip
    if node is not None and settings["calibrated"] is not None:
        raise SeglabError(f"calibrated={settings['calibrated']}: expected none beside ood, whose scores are of the "
                          "logits as they are - leave one of the two out")  # fmt: skip
