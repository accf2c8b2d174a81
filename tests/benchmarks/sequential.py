"""`python -m tests.benchmarks.sequential`: how often tables whose seeds are added until they are settled are wrong.

10,000 tables without a difference and 10,000 with one of a deviation of the paired differences (and of two) in their
first row, for rules of several looks and rows. Beside the sequential rule: the t test at all seeds that there may be,
and what peeking does, the t test with Holm's correction at every look as if it was the only one.
"""

import math

import numpy as np

from seglab.tables.analysis.family import holm, p_values
from seglab.tables.plan.model import Until
from tests.tables.comparison.looks import drawn, simulated, until

TABLES = 10_000
MANY = 1_000_000
RULES = {
    "2, 3, ..., 5": until(first=2, at_most=5),
    "3, 4, ..., 10": until(first=3, at_most=10),
    "3, 4, ..., 20": until(first=3, at_most=20),
    "5, 10, 15, 20": until(first=5, step=5, at_most=20),
    "3, ..., 20, ± 0.75": until(first=3, at_most=20, half_width=0.75),
}
ROWS = (1, 4)
DIFFERENCES = (0.0, 1.0, 2.0)  # deviations
HEADER = ("looks (deviation 1)", "rows", "true", "any false %", "first found %", "seeds of it", "covered %",
          "all seeds %", "peeking %")  # fmt: skip


def line(name: str, rule: Until, rows: int, true: float) -> list[str]:
    """Any false: a row that does not differ is said to. The last two: the first row is found, or any where none is."""
    differences = drawn(TABLES, rows, rule.at_most, differences=[true] if true else [], seed=7)
    found = simulated(differences, rule, [true] if true else [])
    whole = holm(p_values(differences)) < 0.05
    peeked = np.zeros_like(whole)
    for n in rule.looks:
        peeked |= holm(p_values(differences[..., :n])) < 0.05
    false = found.differs[:, 1 if true else 0 :].any(1).mean()
    beside = [(one[:, 0] if true else one.any(1)).mean() for one in (whole, peeked)]
    shares = [100 * float(one) for one in (false, found.differs[:, 0].mean(), found.covered.mean(), *beside)]
    numbers = [*shares[:2], float(found.seeds[:, 0].mean()), *shares[2:]]
    return [name, str(rows), f"{true:g}", *(f"{number:.2f}" for number in numbers)]


def level(rule: Until) -> float:
    """False positives of one row in a million tables, in percent."""
    parts = [drawn(MANY // 10, 1, rule.at_most, differences=[], seed=seed) for seed in range(10)]
    return 100 * float(np.mean([simulated(part, rule, []).differs.mean() for part in parts]))


if __name__ == "__main__":
    print(f"{TABLES} tables each; standard error of 5 %: {100 * math.sqrt(0.05 * 0.95 / TABLES):.2f} %")
    print(("{:20}{:>5}{:>6}" + "{:>15}" * 6).format(*HEADER))
    for name, rule in RULES.items():
        for rows in ROWS:
            for true in DIFFERENCES:
                print(("{:20}{:>5}{:>6}" + "{:>15}" * 6).format(*line(name, rule, rows, true)), flush=True)
    print(
        f"{MANY} tables of one row that does not differ (standard error {5 / math.sqrt(MANY) * math.sqrt(19):.2f} %):"
    )
    for name, rule in RULES.items():
        print(f"{name:20}{level(rule):6.3f} % are said to differ", flush=True)
