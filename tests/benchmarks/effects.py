"""`python -m tests.benchmarks.effects`: how often the effects of factors are found where there are none, and some.

For designs of tables, of 10,000 tables without any effect: how many show one (an interval of the family excludes zero;
nominally 5 %), and how many reject by the F test of the first factor (5 %). Of 10,000 with an effect of the first
factor of one deviation of the residuals: how often all intervals hold the true effects (95 %), and how often it is
found. Scores have a seed's own part of two deviations; in the second design a seventh of the trainings has failed.
"""

from typing import NamedTuple

import numpy as np

from seglab.tables.analysis.factor_model import determined, planned
from seglab.tables.analysis.simultaneous import simultaneous
from seglab.tables.plan.model import Plan
from seglab.tables.plan.read import plan_of

TABLES = 10_000
SEED_PART = 2.0  # deviations of the residuals


class Trained(NamedTuple):
    title: str
    plan: Plan
    failed: tuple[int, ...] = ()  # places among all trainings


class Rates(NamedTuple):
    wrong: float  # share of tables with an interval that excludes the truth, where that is zero for all
    covered: float  # share of tables whose intervals all hold the truth
    found: float  # share of tables that show the first factor's effect
    f: float  # share of tables whose F test of the first factor has p < 0.05


def _plan(factors: dict[str, int], *, seeds: int, **design: object) -> Plan:
    stated = {name: [f"{name}{level}" for level in range(levels)] for name, levels in factors.items()}
    return plan_of({"title": "t", "source": "s", "columns": ["miou"], "seeds": list(range(seeds)), "factors": stated,
                    **design}, name="t")  # fmt: skip


DESIGNS = (
    Trained("full 3 x 2, 5 seeds", _plan({"a": 3, "b": 2}, seeds=5)),
    Trained("full 3 x 2, 5 seeds, 4 of 30 failed", _plan({"a": 3, "b": 2}, seeds=5), (0, 7, 8, 21)),
    Trained("full 2 x 2 x 2, 3 seeds", _plan({"a": 2, "b": 2, "c": 2}, seeds=3)),
    Trained("half of 2^4, 3 seeds", _plan(dict.fromkeys("abcd", 2), seeds=3, design={"fraction": "1/2"})),
    Trained("one at a time, 3 + 2 + 2 levels, 5 seeds", _plan({"a": 3, "b": 2, "c": 2}, seeds=5,
                                                            design="one_at_a_time")),
    Trained("leave one out of 4, 5 seeds", _plan(dict.fromkeys("abcd", 2), seeds=5, design="leave_one_out")),
    Trained("add one, 4 factors, 5 seeds", _plan(dict.fromkeys("abcd", 2), seeds=5, design="add_one")),
)  # fmt: skip


def rates(design: Trained, *, tables: int, effect: float) -> Rates:
    """Of simulated tables in which the second level of the first factor adds `effect` deviations."""
    generator = np.random.default_rng(0)
    everything = [(cell, seed) for cell in planned(design.plan) for seed in design.plan.seeds]
    trained = [one for place, one in enumerate(everything) if place not in design.failed]
    levels, seeds = np.array([cell for cell, _ in trained]), np.array([seed for _, seed in trained])
    true = effect * (levels[:, 0] == 1)
    found = determined(design.plan, levels, seeds)
    truth = np.array([effect if one.words.startswith("a: a1") else 0.0 for one in found.effects])
    wrong = shown = rejected = 0
    for _ in range(tables):
        own = SEED_PART * generator.standard_normal(len(design.plan.seeds))
        values = true + own[seeds] + generator.standard_normal(len(trained))
        together = simultaneous(found.model, found.model.fit(values), found.combinations)
        wrong += bool(((together.low > truth) | (together.high < truth)).any())
        shown += bool(together.low[0] > 0 or together.high[0] < 0)
        rejected += found.model.tests(values, kind=found.kind)[0].p < 0.05
    return Rates(wrong / tables, 1 - wrong / tables, shown / tables, rejected / tables)


if __name__ == "__main__":
    print(f"{TABLES} tables each; the standard error of 5 % is {100 * np.sqrt(0.05 * 0.95 / TABLES):.2f} points")
    print(f"{'':44}{'null: any effect':>17}{'F rejects':>11}{'effect: all covered':>21}{'found':>8}")
    for design in DESIGNS:
        null, other = (rates(design, tables=TABLES, effect=effect) for effect in (0.0, 1.0))
        print(f"{design.title:44}{null.wrong:17.2%}{null.f:11.2%}{other.covered:21.2%}{other.found:8.2%}", flush=True)
