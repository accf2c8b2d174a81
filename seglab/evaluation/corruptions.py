"""Scores of a network that sees corrupted images, counted once over the data set; memory does not grow with it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import seglab.lean_imports  # noqa: F401

import numpy as np

from seglab import runs
from seglab.data.corruptions.corrupt import corrupted
from seglab.data.corruptions.names import CORRUPTION
from seglab.errors import SeglabError
from seglab.evaluation.columns import MCE
from seglab.evaluation.contract import Extra, Finished, View
from seglab.evaluation.counts import Pixels
from seglab.evaluation.robustness import corruption_errors, result_of
from seglab.inference.file_loop import ahead
from seglab.inference.predictor import size_of
from seglab.runs.find import named_run

log = logging.getLogger("seglab")

# Of a protocol, in what the evaluation of a reference has to agree: the pixels that are scored. How its network sees
# them is its own affair.
_SAME = ("dataset", "split", "labels", "images", "limit", "resolution", CORRUPTION)


class Reference(NamedTuple):
    """An evaluation of another run with the same corruptions."""

    run: Path
    evaluation: str  # its key in the record
    fingerprint: str  # of its data
    mean: Mapping[str, float]  # {corruption: mean mIoU over severities}


class Corruptions(Extra):
    """The confusion matrix of each corruption and severity.

    Args:
        asked: see `seglab.data.corruptions.names.protocol`.
        predict: gives the label map uint8 (H, W) of an image uint8 (H, W, 3) at a size (H, W).
        names: of the classes.
        misses: see `Pixels`.
        threads: that draw images ahead of the network.
        reference: to which the errors are relative; None leaves that out.
    """

    def __init__(
        self,
        asked: Mapping[str, Any],
        *,
        predict: Callable[[np.ndarray, tuple[int, int]], np.ndarray],
        names: Sequence[str],
        misses: bool,
        threads: int,
        reference: Reference | None,
    ) -> None:
        self._kinds = [(name, severity) for name in asked["names"] for severity in asked["severities"]]
        self._pixels = {kind: Pixels(names, misses=misses) for kind in self._kinds}
        self._seed, self._predict = asked["seed"], predict
        self._threads, self._reference = threads, reference

    def update(self, view: View) -> None:
        """Counts one image uint8 (H, W, 3), whose labels stay where they are."""

        def draw(index: int) -> np.ndarray:
            corruption, severity = self._kinds[index]
            return corrupted(view.image, corruption=corruption, severity=severity, seed=self._seed, name=view.name)

        drawn = ahead(draw, count=len(self._kinds), threads=self._threads)
        for kind, seen in zip(self._kinds, drawn, strict=True):
            self._pixels[kind].update(self._predict(seen, size_of(view.mask)), view.mask)

    def compute(self, finished: Finished) -> dict[str, Any]:
        """See `robustness.result_of`; with a reference {"errors": {corruption: CE}, "mce", "reference"} as well.

        A reference that saw other files is left out, which is said.
        """
        miou: dict[str, dict[str, float]] = {}
        for (name, severity), pixels in self._pixels.items():
            miou.setdefault(name, {})[str(severity)] = pixels.compute()["metrics"]["miou"]
        result = result_of(miou, clean=finished.miou)
        reference = self._reference
        if reference is None:
            return result
        if reference.fingerprint != finished.fingerprint:
            log.warning("reference=%s: expected an evaluation of the same images; its files were others (%s, here %s) "
                        "- mCE is left out", reference.run, reference.fingerprint, finished.fingerprint)  # fmt: skip
            return result
        errors = corruption_errors(result["mean"], reference.mean)
        return {
            **result,
            "errors": errors,
            MCE: fmean(errors.values()),
            "reference": runs.shown(reference.run),
            "reference_evaluation": reference.evaluation,
        }


def reference_of(asked: str | None, protocol: Mapping[str, Any]) -> Reference | None:
    """The evaluation in the record of the run `asked` that scored the same images with the same corruptions.

    Of several the one whose network saw them most like the protocol says, the first of equals.

    Raises:
        SeglabError: there is no such run, or it was not evaluated so.
    """
    if asked is None:
        return None
    run = named_run(asked, key="reference")
    evaluations = (runs.read_record(run) or {}).get("evaluations", {})
    wanted = {key: protocol[key] for key in _SAME}
    fitting = {
        key: evaluation
        for key, evaluation in evaluations.items()
        if CORRUPTION in evaluation and all(evaluation["protocol"].get(name) == value for name, value in wanted.items())
    }

    def likeness(key: str) -> int:
        other = fitting[key]["protocol"]
        return -sum(other.get(name) != protocol.get(name) for name in {*other, *protocol})

    if fitting:
        key = max(fitting, key=likeness)
        return Reference(run, key, fitting[key]["protocol"]["fingerprint"], fitting[key][CORRUPTION]["mean"])
    raise SeglabError(
        f"reference={asked}: expected a run that was evaluated with the same corruptions, severities, seed and images; "
        f"its record has none among {len(evaluations)} evaluations - run this command with run={asked} and without "
        "reference first"
    )
