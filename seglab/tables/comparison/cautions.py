"""What has to be said before anything is read off the rows of a table."""

from collections.abc import Iterable, Sequence

from seglab.tables.comparison import significance
from seglab.tables.comparison.rows import RowResult, common_seeds
from seglab.tables.plan.model import Plan


def cautions(plan: Plan, rows: Sequence[RowResult], *, where: str) -> list[str]:
    """Of rows that were measured alike.

    Args:
        where: " (split test)", of the block that they stand in; "" where it is the only one.
    """
    lines = []
    baseline = next((row for row in rows if row.is_baseline), None)
    others = [row for row in rows if not row.is_baseline]
    if baseline is not None:
        lines += _pairing(baseline, others) if plan.until is None else []  # else it is said of each row what was seen
    elif plan.baseline:
        labels = listed(row.label for row in others)
        lines.append(f"{labels}{where}: not compared, as the baseline {listed(plan.baseline)} was not measured alike")
    if any("bootstrap" in difference.test for row in others for difference in row.differences.values()):
        lines.append("intervals over images are of these trained networks on other images; they say nothing about "
                     "other trainings of the settings, and nothing is called significant by them")  # fmt: skip
    runs = [run for row in rows for run in row.measurements]
    if len({run.commit for run in runs}) > 1:
        lines.append(
            f"the rows{where} were measured at different commits: {listed(_short(run.commit) for run in runs)}"
        )
    if "seconds" in plan.columns and len({(run.device, run.threads) for run in runs if run.seconds}) > 1:
        lines.append(f"seconds{where} were taken on different devices or numbers of threads: they do not compare")
    return lines


def _pairing(baseline: RowResult, others: Sequence[RowResult]) -> list[str]:
    """Few seeds, and seeds without a partner."""
    lines = []
    by_caution: dict[str, list[str]] = {}
    for row in others:
        seeds = common_seeds(row, baseline)
        caution = significance.caution(len(seeds))
        if caution is not None:
            by_caution.setdefault(caution, []).append(row.label)
        for first, second in ((row, baseline), (baseline, row)):
            alone = [str(seed) for seed in first.seeds if seed not in seeds]
            if alone:
                lines.append(f"{row.label} minus {baseline.label}: without seed {', '.join(alone)} of {first.label}, "
                             f"which {second.label} lacks")  # fmt: skip
    return [*(f"{listed(labels)}: {caution}" for caution, labels in by_caution.items()), *lines]


def _short(commit: str) -> str:
    """'4f1c2a9b and changes' for '4f1c2a9b... and changes'"""
    number, blank, rest = commit.partition(" ")
    return number[:8] + blank + rest or "unknown"


def listed(labels: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(labels))
