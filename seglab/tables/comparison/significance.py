"""What measured differences allow one to say: intervals, paired tests, effect sizes, corrections. NaN where nothing.

Two questions are kept apart. Over seeds: would another training of the two settings differ in the same way? Over
images: would these two trained networks differ in the same way on other images? The second needs one seed only, and
its answer says nothing about the first: the simulation in test_significance.py has two equal settings whose trainings
vary, and finds the images "significant" several times as often as it should.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

LEVEL = 0.95  # of all intervals; what is significant has p < 1 - LEVEL
FEWEST_FOR_RANKS = 6  # pairs: with five, the smallest two-sided p of the signed ranks is 2 / 2^5 = 0.0625
RESAMPLES = 10_000  # of the images; the 2.5 % quantile then varies by 0.16 %
_EQUAL = 1e-12  # differences that vary by less than this share of the values do so by rounding
_MOST_UNDEFINED = 0.05  # of the resamples; beyond it, a class is in too few images for an interval


class Spread(NamedTuple):
    """Values over seeds."""

    n: int
    mean: float
    std: float  # of the sample (n - 1)
    low: float
    high: float


class Paired(NamedTuple):
    """Differences of paired values over seeds."""

    n: int
    mean: float
    low: float
    high: float
    p: float  # paired t, two-sided
    p_ranks: float  # Wilcoxon's signed ranks, two-sided
    effect: float  # Hedges' g_z


class Resampled(NamedTuple):
    """Differences of M statistics over resampled images, each (M,)."""

    estimate: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray


def spread(values: Sequence[float] | np.ndarray, *, level: float = LEVEL) -> Spread:
    """Number, mean, sample deviation, and the t interval of the mean, of the values that are not NaN.

    The interval is mean ± t(1 - (1 - level) / 2; n - 1) · std / sqrt(n) (Student, "The probable error of a mean",
    Biometrika 6, 1908). One value has neither deviation nor interval; values that do not vary have no interval.
    """
    measured = np.asarray(values, dtype=np.float64)
    measured = measured[~np.isnan(measured)]
    n = len(measured)
    if n == 0:
        return Spread(0, math.nan, math.nan, math.nan, math.nan)
    mean = float(measured.mean())
    if n == 1:
        return Spread(1, mean, math.nan, math.nan, math.nan)
    std = _deviation(measured, scale=float(np.abs(measured).max()))
    half = half_width(n, level=level) * std if std > 0 else math.nan
    return Spread(n, mean, std, mean - half, mean + half)


def half_width(n: int, *, level: float = LEVEL) -> float:
    """Half the t interval of the mean of n >= 2 values, in their standard deviations: 9.0 for 2, 2.5 for 3."""
    from scipy import special  # type: ignore[import-untyped]

    return float(special.stdtrit(n - 1, (1 + level) / 2)) / math.sqrt(n)


def paired(values: Sequence[float], baseline: Sequence[float], *, level: float = LEVEL) -> Paired:
    """How values differ from those of the baseline that were measured with the same seeds, in the same order.

    The paired t test, t = mean / (std / sqrt(n)) of the differences with n - 1 degrees of freedom (Student 1908),
    holds its rate of false positives at any n >= 2 if the differences are normal, which few seeds cannot show. Where
    the differences do not vary there is no test, except that p is 1 where all are zero. Pairs with a NaN are left out.
    """
    differences = np.asarray(values, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)
    together = ~np.isnan(differences)
    differences = differences[together]
    summary = spread(differences, level=level)
    if summary.n < 2:
        return Paired(summary.n, summary.mean, math.nan, math.nan, math.nan, math.nan, math.nan)
    scale = float(np.abs(np.stack([values, baseline])[:, together]).max())
    std = _deviation(differences, scale=scale)
    if std == 0:
        p = 1.0 if abs(summary.mean) <= _EQUAL * scale else math.nan
        return Paired(summary.n, summary.mean, math.nan, math.nan, p, signed_ranks(differences), math.nan)
    p = _two_sided(summary.mean / (std / math.sqrt(summary.n)), freedom=summary.n - 1)
    effect = hedges_g(summary.mean / std, n=summary.n)
    return Paired(summary.n, summary.mean, summary.low, summary.high, p, signed_ranks(differences), effect)


def hedges_g(d_z: float, *, n: int) -> float:
    """g_z: Cohen's d_z (mean by deviation of n paired differences) without its bias upwards; NaN below three pairs.

    g = J(m) d with m = n - 1 and J(m) = Γ(m / 2) / (sqrt(m / 2) Γ((m - 1) / 2)), exact for normal differences (Hedges,
    "Distribution theory for Glass's estimator of effect size", J. Educational Statistics 6, 1981; d_z: Lakens,
    Frontiers in Psychology 4:863, 2013). J(2) = 0.56: of three seeds, d_z says nearly twice too much. With m = 1, d_z
    has no expectation.
    """
    freedom = n - 1
    if freedom < 2:
        return math.nan
    log_ratio = math.lgamma(freedom / 2) - math.lgamma((freedom - 1) / 2)
    return d_z * math.exp(log_ratio) / math.sqrt(freedom / 2)


def signed_ranks(differences: Sequence[float] | np.ndarray) -> float:
    """Two-sided p of Wilcoxon's signed ranks; zeros are left out; NaN below six pairs, of which none is significant.

    Exact: from all sign changes (Wilcoxon, "Individual comparisons by ranking methods", Biometrics 1, 1945); with ties
    among more than 13 pairs, scipy approximates it by the normal distribution.
    """
    rounded = np.round(np.asarray(differences, dtype=np.float64), 12)  # ties and zeros that rounding made unequal
    rounded = rounded[~np.isnan(rounded) & (rounded != 0)]
    if len(rounded) < FEWEST_FOR_RANKS:
        return math.nan
    from scipy import stats  # a second of imports, which few seeds do without

    return float(stats.wilcoxon(rounded, method="auto").pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values after correction for their number; NaN are not tests: they stay, and do not count.

    With p_(1) <= ... <= p_(m): the i-th becomes the largest of (m - j + 1) p_(j), j <= i, at most 1. The chance of any
    false positive among them stays below the level, however they depend on each other (Holm, "A simple sequentially
    rejective multiple test procedure", Scand. J. Statistics 6, 1979).
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = [index for index in np.argsort(p, kind="stable") if not math.isnan(p[index])]
    corrected, largest = [math.nan] * len(p), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * float(p[index])))
        corrected[index] = largest
    return corrected


def resampling(images: int, *, seed: int, resamples: int = RESAMPLES) -> np.ndarray:
    """(resamples, images) float64: how often each image is drawn, with replacement, into each resample of them all."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(images, np.full(images, 1 / images), size=resamples).astype(np.float64)


def over_images(
    counts: np.ndarray,
    baseline: np.ndarray,
    statistics: Callable[[np.ndarray], np.ndarray],
    *,
    weights: np.ndarray,
    level: float = LEVEL,
) -> Resampled:
    """How two networks differ over resampled images; both are counted in the same images of each resample.

    Args:
        counts: (N, ...) of the network, for each image; `baseline` is the same of the other one.
        statistics: (R, ...) sums over images -> (R, M), NaN where undefined: of the sums, as scores of a data set are,
            and not the mean over the images of their own scores.
        weights: (R, N) from `resampling`.

    The bootstrap (Efron, "Bootstrap methods: another look at the jackknife", Ann. Statistics 7, 1979), for scores of
    test sets as in Berg-Kirkpatrick et al. (EMNLP 2012). Of its intervals this is the percentile one, expanded: it
    takes the quantiles Φ(± sqrt(N / (N - 1)) t(α / 2; N - 1)), which mends that the plain one is too narrow for few
    images (Hesterberg, "What teachers should know about the bootstrap", American Statistician 69, 2015). On
    simulated images this one leaves out the truth somewhat more often than the nominal 5 % (the simulation is in
    test_significance.py). p inverts the interval: it is below 1 - level where that excludes zero.
    """
    images = len(counts)
    estimate = (statistics(counts.sum(0)[None]) - statistics(baseline.sum(0)[None]))[0]
    unknown = np.full(len(estimate), math.nan)
    if images < 2:
        return Resampled(estimate, unknown, unknown, unknown)
    differences = statistics(sums(counts, weights)) - statistics(sums(baseline, weights))  # (R, M)
    enough = (np.isnan(differences).mean(0) <= _MOST_UNDEFINED) & ~np.isnan(estimate)
    low, high, p = unknown.copy(), unknown.copy(), unknown.copy()
    for index in np.flatnonzero(enough):
        drawn = differences[~np.isnan(differences[:, index]), index]
        low[index], high[index] = np.quantile(drawn, _expanded(images, level=level))
        p[index] = resampled_p(drawn, images=images)
    return Resampled(estimate, low, high, p)


def caution(n: int) -> str | None:
    """What has to be said beside a comparison over n paired seeds; None where they are many enough."""
    if n < 1:
        return "no seed was measured for both rows: nothing can be compared"
    if n == 1:
        return "one seed: no test over seeds is possible; whether another training would differ alike is not known"
    if n <= 3:
        return (
            f"{n} seeds: a 95 % interval reaches ±{half_width(n):.1f} standard deviations of the differences, whose "
            "normality is assumed - only large differences can be shown, and one that is not significant may be real"
        )
    if n < FEWEST_FOR_RANKS:
        return f"{n} seeds: too few for the signed ranks (Wilcoxon), whose p cannot fall below {2 / 2**n:.2g}"
    return None


def sums(counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(R, ...): the counts of each resample's images together; exact, below 2^53."""
    flat = counts.reshape(len(counts), -1).astype(np.float64)
    return (weights @ flat).reshape(len(weights), *counts.shape[1:])


def _expanded(images: int, *, level: float) -> tuple[float, float]:
    from scipy import special

    quantile = float(special.stdtrit(images - 1, (1 - level) / 2))
    low = float(special.ndtr(math.sqrt(images / (images - 1)) * quantile))
    return low, 1 - low


def resampled_p(drawn: np.ndarray, *, images: int) -> float:
    """p at which the expanded interval begins to hold zero; one more resample on either side keeps it above zero."""
    from scipy import special

    share = (1 + min((drawn <= 0).sum(), (drawn >= 0).sum())) / (1 + len(drawn))
    if share >= 0.5:
        return 1.0
    return _two_sided(float(special.ndtri(share)) * math.sqrt((images - 1) / images), freedom=images - 1)


def _two_sided(t: float, *, freedom: int) -> float:
    from scipy import special

    return float(2 * special.stdtr(freedom, -abs(t)))


def _deviation(values: np.ndarray, *, scale: float) -> float:
    """Standard deviation of the sample; 0 where the values vary by rounding alone."""
    std = float(values.std(ddof=1))
    return 0.0 if std <= _EQUAL * scale else std
