"""Simultaneous intervals against scipy's Dunnett test, the multivariate t, and what they promise."""

from itertools import product

import numpy as np
import pandas as pd
import patsy
import pytest
from scipy import stats
from statsmodels.formula.api import ols

from seglab.tables.analysis import simultaneous as file
from seglab.tables.analysis.linear_model import LinearModel
from seglab.tables.analysis.simultaneous import critical, half_interval, simultaneous
from tests.benchmarks import effects
from tests.tables.analysis.unbalanced import FORMULA, SEEDS, SIZES, TERMS, model_of, trainings


def one_factor(values: np.ndarray, levels: np.ndarray) -> tuple[LinearModel, np.ndarray]:
    """The model without seeds, and each level minus the first one."""
    model = LinearModel(levels[:, None], np.zeros(len(levels), dtype=int), [(0,)])
    return model, np.array([model.mean({0: level}) - model.mean({0: 0}) for level in range(1, levels.max() + 1)])


def test_differences_to_a_control_are_those_of_dunnett() -> None:
    values = np.random.default_rng(1).normal(size=20)
    values[15:] += 1.5
    levels = np.repeat(np.arange(4), 5)
    model, contrasts = one_factor(values, levels)
    found = simultaneous(model, model.fit(values), contrasts)
    control, *others = (values[levels == level] for level in range(4))
    theirs = stats.dunnett(*others, control=control, random_state=np.random.default_rng(0))
    np.testing.assert_allclose(found.p, theirs.pvalue, atol=2e-3)
    bounds = theirs.confidence_interval()
    np.testing.assert_allclose([found.low, found.high], [bounds.low, bounds.high], atol=5e-3)


def test_one_effect_has_the_interval_and_p_of_its_t_test() -> None:
    data = pd.DataFrame({"a": [0, 1] * 4, "s": np.repeat(range(4), 2), "y": np.random.default_rng(0).normal(size=8)})
    theirs = ols("y ~ C(s) + C(a)", data).fit()
    model = LinearModel(data[["a"]].to_numpy(), data["s"].to_numpy(), [(0,)])
    fit = model.fit(data["y"].to_numpy())
    contrast = model.mean({0: 1}) - model.mean({0: 0})
    found = simultaneous(model, fit, contrast[None])
    low, high = theirs.conf_int().loc["C(a)[T.1]"]
    np.testing.assert_allclose(
        [found.estimate[0], found.low[0], found.high[0], found.p[0]],
        [theirs.params["C(a)[T.1]"], low, high, theirs.pvalues["C(a)[T.1]"]],
    )
    assert half_interval(model, fit, contrast) == pytest.approx((high - low) / 2)


def test_an_effect_of_unbalanced_trainings_has_the_t_interval_of_statsmodels() -> None:
    data = trainings(lost=9)
    theirs = ols(FORMULA, data).fit()
    grid = pd.DataFrame(list(product(*map(range, SIZES), range(SEEDS))), columns=["a", "b", "c", "s"])
    rows = pd.DataFrame(patsy.dmatrix(FORMULA.partition("~")[2], grid))  # all combinations, of which their means are
    model = model_of(data, TERMS)
    fit = model.fit(data["y"].to_numpy())
    for place, factor, levels in ((0, "a", (2, 0)), (1, "b", (1, 0))):
        of_level = [rows[(grid[factor] == level).to_numpy()].mean().to_numpy() for level in levels]
        ((low, high),) = theirs.t_test(of_level[0] - of_level[1]).conf_int()
        contrast = model.mean({place: levels[0]}) - model.mean({place: levels[1]})
        assert contrast @ fit.coefficients == pytest.approx((low + high) / 2)
        assert half_interval(model, fit, contrast) == pytest.approx((high - low) / 2)


@pytest.mark.parametrize("freedom", [3, 12, 60])
def test_the_critical_value_leaves_5_percent_of_the_multivariate_t_outside(freedom: int) -> None:
    directions = np.array([[1.0, 0, 0, 0], [0.5, 1, 0, 0], [0.2, -0.3, 1, 0], [0, 0, 2, 0.5]])
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    bound = critical(directions, freedom=freedom)
    inside = stats.multivariate_t(shape=unit @ unit.T, df=freedom).cdf(
        [bound] * 4, lower_limit=[-bound] * 4, random_state=0, maxpts=200_000
    )
    assert inside == pytest.approx(0.95, abs=4 * file.standard_error())


def test_p_is_below_5_percent_where_the_interval_excludes_zero() -> None:
    values = np.random.default_rng(3).normal(size=40) + np.repeat([0, 0.9, 1.3, 0.2], 10)
    model, contrasts = one_factor(values, np.repeat(np.arange(4), 10))
    found = simultaneous(model, model.fit(values), contrasts)
    excludes = (found.low > 0) | (found.high < 0)
    assert 0 < excludes.sum() < 3
    np.testing.assert_array_equal(found.p < 0.05, excludes)


def test_nothing_is_tested_without_residuals() -> None:
    values = np.array([0.1, 0.3, 0.2])
    model, contrasts = one_factor(values, np.arange(3))
    found = simultaneous(model, model.fit(values), contrasts)
    np.testing.assert_allclose(found.estimate, [0.2, 0.1])
    assert np.isnan([found.low, found.high, found.p]).all()
    assert np.isnan(half_interval(model, model.fit(values), contrasts[0]))


def test_of_null_tables_5_percent_have_an_interval_without_zero_and_true_effects_lie_inside_theirs() -> None:
    """The committed script with fewer tables: 4 standard errors of a rate of 5 %."""
    tables = 300
    error = 4 * np.sqrt(0.05 * 0.95 / tables)
    design = effects.DESIGNS[1]  # unbalanced
    null, other = (effects.rates(design, tables=tables, effect=effect) for effect in (0.0, 1.0))
    assert null.wrong == pytest.approx(0.05, abs=error)
    assert null.f == pytest.approx(0.05, abs=error)
    assert other.covered >= 0.95 - error
    assert other.found > null.found + error
