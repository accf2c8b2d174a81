"""Invented trainings of three factors, of which some are lost; the model of them, and its formula in statsmodels."""

from itertools import product

import numpy as np
import pandas as pd

from seglab.tables.analysis.linear_model import SEED, LinearModel

SIZES, SEEDS = (3, 2, 2), 4
TERMS = [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]
NAMES = {term: ":".join(f"C({'abc'[place]}, Sum)" for place in term) for term in TERMS} | {SEED: "C(s, Sum)"}
FORMULA = "y ~ C(s, Sum) + (C(a, Sum) + C(b, Sum) + C(c, Sum)) ** 2"


def trainings(*, lost: int) -> pd.DataFrame:
    """Every combination with every seed, but for `lost` of them drawn at random; effects of all terms."""
    generator = np.random.default_rng(lost)
    rows = [(*cell, seed) for cell in product(*map(range, SIZES)) for seed in range(SEEDS)]
    kept = sorted(generator.permutation(len(rows))[lost:].tolist())
    data = pd.DataFrame([rows[index] for index in kept], columns=["a", "b", "c", "s"])
    data["y"] = 0.4 + 0.02 * data.a - 0.01 * data.b * data.a + 0.01 * data.s + 0.02 * generator.normal(size=len(data))
    return data


def model_of(data: pd.DataFrame, terms: list[tuple[int, ...]]) -> LinearModel:
    return LinearModel(data[["a", "b", "c"]].to_numpy(), data["s"].to_numpy(), terms)
