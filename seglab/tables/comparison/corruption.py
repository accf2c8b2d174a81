"""The mean corruption error of a table's rows, relative to the run of the baseline with the same seed."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from seglab.evaluation.columns import MCE, UNDER
from seglab.evaluation.robustness import corruption_errors
from seglab.tables.plan.model import Measurement, Plan


def with_corruption_errors(plan: Plan, measurements: Sequence[Measurement]) -> list[Measurement]:
    """The measurements with the column `mce` against the baseline of the same seed, data and corruptions.

    A run whose baseline was not measured so has none, whatever its evaluation said of another reference.
    """
    if MCE not in plan.columns:
        return list(measurements)
    bases = {(one.seed, _scored(one)): _means(one) for one in measurements if one.row in plan.baseline}
    return [_with_error(one, bases.get((one.seed, _scored(one)), {})) for one in measurements]


def _with_error(one: Measurement, reference: dict[str, float]) -> Measurement:
    means, metrics = _means(one), {name: value for name, value in one.metrics.items() if name != MCE}
    if means and means.keys() == reference.keys():
        metrics[MCE] = fmean(corruption_errors(means, reference).values())
    return replace(one, metrics=metrics)


def _means(one: Measurement) -> dict[str, float]:
    """{corruption: mIoU over its severities}."""
    return {name.removeprefix(UNDER): value for name, value in one.metrics.items() if name.startswith(UNDER)}


def _scored(one: Measurement) -> str:
    """What the errors of two runs have to have in common."""
    return repr([one.protocol.get(key) for key in ("dataset", "split", "limit", "resolution", "corruption")])
