"""The linear model against statsmodels, balanced and not."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from seglab.tables.analysis.linear_model import SEED, LinearModel
from tests.tables.analysis.unbalanced import FORMULA, NAMES, SEEDS, SIZES, TERMS, model_of, trainings


@pytest.mark.parametrize("lost", [0, 9])
@pytest.mark.parametrize("kind", [2, 3])
def test_f_tests_are_those_of_statsmodels(lost: int, kind: int) -> None:
    data = trainings(lost=lost)
    table = anova_lm(ols(FORMULA, data).fit(), typ=kind)
    found = model_of(data, TERMS).tests(data["y"].to_numpy(), kind=kind)
    assert [test.term for test in found] == [*TERMS, SEED]
    for test in found:
        line = table.loc[NAMES[test.term]]
        assert test.freedom == line["df"]
        np.testing.assert_allclose([test.squares, test.f, test.p], line[["sum_sq", "F", "PR(>F)"]], rtol=1e-8)


def test_balanced_shares_are_those_of_sums_of_squares_and_add_up() -> None:
    data = trainings(lost=0)
    values, model = data["y"].to_numpy(), model_of(data, TERMS)
    total = ((values - values.mean()) ** 2).sum()
    tests = {test.term: test for test in model.tests(values)}
    between = (data.groupby("a")["y"].mean() - values.mean()) ** 2 * len(data) / SIZES[0]
    assert tests[(0,)].eta == pytest.approx(between.sum() / total)
    assert sum(test.eta for test in tests.values()) + model.fit(values).squares / total == pytest.approx(1)
    for third, second in zip(model.tests(values), model.tests(values, kind=2), strict=True):
        np.testing.assert_allclose(third[1:], second[1:], atol=1e-12)
    table = anova_lm(ols(FORMULA, data).fit(), typ=3)
    error = table.loc["Residual", "sum_sq"] / table.loc["Residual", "df"]
    omega = (tests[(0,)].squares - 2 * error) / (total + error)
    assert tests[(0,)].omega == pytest.approx(omega)
    assert all(test.omega >= 0 for test in tests.values())


def test_least_squares_means_are_predictions_averaged_over_all_combinations_and_seeds() -> None:
    data = trainings(lost=9)
    theirs = ols(FORMULA, data).fit()
    grid = pd.DataFrame([(*cell, seed) for cell in product(*map(range, SIZES)) for seed in range(SEEDS)],
                        columns=["a", "b", "c", "s"])  # fmt: skip
    grid["y"] = theirs.predict(grid)
    model = model_of(data, TERMS)
    fit = model.fit(data["y"].to_numpy())
    assert fit.freedom == theirs.df_resid
    assert fit.deviation == pytest.approx(math.sqrt(theirs.mse_resid))
    for factors in ((0,), (1,), (0, 1), (0, 1, 2)):
        letters = ["abc"[place] for place in factors]
        for levels, mean in grid.groupby(letters)["y"].mean().items():
            at = dict(zip(factors, levels if isinstance(levels, tuple) else (levels,), strict=True))
            assert model.mean(at) @ fit.coefficients == pytest.approx(mean)
    raw = data.groupby("b")["y"].mean()[0]
    assert model.mean({1: 0}) @ fit.coefficients != pytest.approx(raw, abs=1e-6)


def test_what_the_trainings_do_not_determine_is_known() -> None:
    data = trainings(lost=0)
    without = data[~((data.a == 2) & (data.b == 1))]
    model = model_of(without, TERMS)
    assert [term for term in TERMS if not model.is_whole(term)] == [(0,), (1,), (0, 1)]
    assert not model.is_estimable(model.mean({0: 2, 1: 1}))
    assert not model.is_estimable(model.mean({0: 2}))
    assert model.is_estimable(model.mean({0: 1}) - model.mean({0: 0}))
    added = model_of(without, [term for term in TERMS if term != (0, 1)])
    assert added.is_estimable(added.mean({0: 2}))
    theirs = ols("y ~ C(s, Sum) + (C(a, Sum) + C(b, Sum)) * C(c, Sum)", without).fit()
    table = anova_lm(theirs, typ=2)
    for test in added.tests(without["y"].to_numpy(), kind=2):
        assert test.f == pytest.approx(table.loc[NAMES[test.term], "F"])


def test_seeds_of_their_own_make_no_setting_comparable() -> None:
    levels, seeds = np.array([[0], [0], [1], [1]]), np.array([1, 2, 3, 4])
    model = LinearModel(levels, seeds, [(0,)])
    assert not model.is_estimable(model.mean({0: 1}) - model.mean({0: 0}))
    assert not model.is_whole((0,))
    assert [test.term for test in model.tests(np.array([0.1, 0.2, 0.3, 0.4]))] == [SEED]


def test_a_level_that_nothing_has_is_none_of_the_model() -> None:
    data = trainings(lost=0)
    model = model_of(data[data.a != 1], TERMS)
    assert model.present[0] == [0, 2]
    assert all(model.is_whole(term) for term in TERMS)
    assert model.fit(data[data.a != 1]["y"].to_numpy()).freedom == 32 - 1 - 3 - 3 - 3


def test_without_residuals_nothing_is_tested() -> None:
    levels, seeds = np.array([[0], [1]]), np.array([1, 1])
    model = LinearModel(levels, seeds, [(0,)])
    assert math.isnan(model.fit(np.array([0.1, 0.3])).deviation)
    (test,) = model.tests(np.array([0.1, 0.3]))
    assert (test.eta, math.isnan(test.p)) == (pytest.approx(1), True)
    twice = LinearModel(np.array([[0], [1], [0], [1]]), np.array([1, 1, 2, 2]), [(0,)])
    assert twice.fit(np.array([0.1, 0.3, 0.2, 0.4])).deviation == 0
    assert math.isnan(twice.tests(np.array([0.1, 0.3, 0.2, 0.4]))[0].p)
