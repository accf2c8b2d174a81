"""What a camera behind a windscreen meets beside ImageNet-C: images float32 (H, W, 3) from 0 to 1.

The numbers are ours: chosen by eye, so that a person still reads the street at severity 5. Lengths grow with the image.
"""

import cv2
import numpy as np

from seglab.data.corruptions.blur import moved

_SIDE = 256  # pixels of the height for which lengths are stated


def rain(image: np.ndarray, *, severity: int, generator: np.random.Generator) -> np.ndarray:
    """Streaks of one slant, a veil that takes contrast, and less light."""
    share, bright, veil, light = (
        (0.004, 0.35, 0.06, 0.92), (0.008, 0.42, 0.12, 0.86), (0.014, 0.50, 0.18, 0.80),
        (0.022, 0.58, 0.25, 0.74), (0.032, 0.66, 0.32, 0.68),
    )[severity - 1]  # fmt: skip
    scale = image.shape[0] / _SIDE
    drops = (generator.random(image.shape[:2], dtype=np.float32) < share / max(1.0, scale)).astype(np.float32)
    length = max(2, round(7 * scale))
    streaks = moved(drops, length=length, deviation=1.2 * length, angle=90 + generator.uniform(-20, 20))
    if scale > 1:
        streaks = cv2.GaussianBlur(streaks, (0, 0), scale / 4)
    streaks = np.minimum(streaks * length, 1)[..., None]
    grey = np.float32(0.62)
    veiled = light * ((1 - veil) * image + veil * grey)
    return veiled + bright * streaks * (np.float32(0.9) - veiled)


def night(image: np.ndarray, *, severity: int, generator: np.random.Generator) -> np.ndarray:
    """So little of the linear light, bluish and paler, with the noise of photons and of a sensor turned up.

    No lamp is lit: what shines at night has to shine in the image already.
    """
    light, photons, pale = (
        (0.40, 300, 0.15), (0.28, 160, 0.25), (0.19, 110, 0.35), (0.13, 80, 0.45), (0.09, 60, 0.55),
    )[severity - 1]  # fmt: skip
    linear = np.square(image) * light * np.array((0.8, 0.92, 1.2), np.float32)
    grey = linear.mean(2, keepdims=True)
    linear = (1 - pale) * linear + pale * grey
    draws = generator.standard_normal(image.shape, dtype=np.float32)
    noise = np.sqrt(linear / photons) * draws + np.float32(0.02 / photons**0.5) * draws[::-1, ::-1]
    return np.sqrt(np.clip(linear + noise, 0, 1))


def lens_dirt(image: np.ndarray, *, severity: int, generator: np.random.Generator) -> np.ndarray:
    """Specks of mud and smeared drops on the glass, out of focus: they cover such a share of the image."""
    covered, opaque = ((0.10, 0.60), (0.16, 0.68), (0.24, 0.76), (0.34, 0.82), (0.45, 0.88))[severity - 1]
    height, width = image.shape[:2]
    small = max(1, height // _SIDE)  # all of it is out of focus: drawn smaller and enlarged
    rows, columns = -(-height // small), -(-width // small)
    scale = rows / _SIDE
    specks = np.zeros((rows, columns), np.float32)
    for weight, size in ((1.0, 40), (0.7, 16), (0.4, 7)):
        cells = _cells(rows, size * scale), _cells(columns, size * scale)
        draws = generator.standard_normal(cells, dtype=np.float32)
        specks += weight * cv2.resize(draws, (columns, rows), interpolation=cv2.INTER_CUBIC)
    mask = np.clip((specks - np.float32(np.quantile(specks, 1 - covered))) / np.float32(0.25) + np.float32(0.5), 0, 1)
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.5, 1.5 * scale))
    smeared = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
    smeared = cv2.GaussianBlur(smeared, (0, 0), max(0.5, 6 * scale))
    mud = np.array((0.33, 0.29, 0.23), np.float32)
    dirt = np.dstack([0.35 * smeared + 0.65 * mud, mask])
    dirt = cv2.resize(dirt, (width, height))  # (H, W, 4)
    mask = np.float32(opaque) * dirt[..., 3:]
    return (1 - mask) * image + mask * dirt[..., :3]


def _cells(length: int, size: float) -> int:
    return max(2, round(length / size))
