"""Noise of a sensor: images float32 (H, W, 3) from 0 to 1; numbers by severity as in ImageNet-C."""

import numpy as np


def gaussian_noise(image: np.ndarray, *, severity: int, generator: np.random.Generator) -> np.ndarray:
    """Of too little light: the standard deviation of each value."""
    deviation = (0.08, 0.12, 0.18, 0.26, 0.38)[severity - 1]
    return image + generator.standard_normal(image.shape, dtype=np.float32) * np.float32(deviation)


def shot_noise(image: np.ndarray, *, severity: int, generator: np.random.Generator) -> np.ndarray:
    """Of the discreteness of light: so many photons make white."""
    photons = (60, 25, 12, 5, 3)[severity - 1]
    return (generator.poisson(image * photons) / photons).astype(np.float32)


def impulse_noise(image: np.ndarray, *, severity: int, generator: np.random.Generator) -> np.ndarray:
    """Salt and pepper: a share of all values is 0 or 1, half of each."""
    amount = (0.03, 0.06, 0.09, 0.17, 0.27)[severity - 1]
    draws = generator.random(image.shape, dtype=np.float32)
    salted = np.where(draws < amount / 2, np.float32(0), image)
    return np.where(draws > 1 - amount / 2, np.float32(1), salted)
