"""Surfaces as grey tiles around 128 that multiply a colour: asphalt, paving, grass, leaves, bricks, plaster."""

from functools import cache

import cv2
import numpy as np

TILE = 256  # pixels


def value_noise(generator: np.random.Generator, *, height: int, width: int, cell: float, octaves: int) -> np.ndarray:
    """Smooth noise (height, width) float32 in 0..1; `cell` is the size in pixels of its largest lumps."""
    total = np.zeros((height, width), np.float32)
    weight, weights = 1.0, 0.0
    for _ in range(octaves):
        grid = generator.random((int(height / cell) + 2, int(width / cell) + 2), np.float32)
        total += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)
        weights += weight
        weight, cell = weight * 0.6, max(cell * 0.5, 1.0)
    return total / weights


@cache
def ground_tile() -> np.ndarray:
    """(TILE, TILE, 3) uint8 whose channels are asphalt, paving and grass; 32 pixels are one metre."""
    generator = np.random.default_rng(1)
    fine = generator.normal(0.0, 1.0, (3, TILE, TILE)).astype(np.float32)
    soft = cv2.GaussianBlur(fine[0], (0, 0), 12, borderType=cv2.BORDER_REFLECT) * 24
    asphalt = 128 + 12 * fine[0] + 9 * soft
    stones = cv2.resize(generator.normal(0.0, 9.0, (16, 16)), (TILE, TILE), interpolation=cv2.INTER_NEAREST)
    paving = 130 + stones + 5 * fine[1]
    paving[::16] -= 38
    paving[:, ::16] -= 38
    paving[1::16] -= 20
    paving[:, 1::16] -= 20
    blades = cv2.GaussianBlur(fine[2], (0, 0), 1.5, borderType=cv2.BORDER_REFLECT) * 4
    tufts = cv2.GaussianBlur(fine[2], (0, 0), 9, borderType=cv2.BORDER_REFLECT) * 18
    grass = 126 + 26 * blades + 16 * tufts
    return np.clip(np.stack([asphalt, paving, grass], axis=2), 40, 230).astype(np.uint8)


def _repeated(tile: np.ndarray) -> np.ndarray:
    """The tile four times, so that a cut of up to TILE pixels can start anywhere in its first quarter."""
    return np.tile(tile, (2, 2) + (1,) * (tile.ndim - 2))


@cache
def _leaf_tile() -> np.ndarray:
    generator = np.random.default_rng(2)
    fine = cv2.GaussianBlur(generator.normal(0.0, 1.0, (TILE, TILE)).astype(np.float32), (0, 0), 1.0)
    return _repeated(np.clip(1.0 + 0.85 * fine, 0.35, 1.8).astype(np.float32))


def leaves(generator: np.random.Generator, *, height: int, width: int) -> np.ndarray:
    """A leafy factor (height, width) float32 around 1; both at most TILE."""
    top, left = generator.integers(0, TILE, 2)
    return _leaf_tile()[top : top + height, left : left + width]


@cache
def _brick_tile() -> np.ndarray:
    generator = np.random.default_rng(3)
    shades = generator.normal(1.0, 0.10, (3 * TILE // 4, 3 * TILE // 8)).astype(np.float32)
    tile = np.kron(shades, np.ones((4, 8), np.float32))  # a brick is 8 x 4 pixels
    tile[::4] *= 1.22
    for course in range(len(shades)):
        tile[4 * course : 4 * course + 4, (4 * (course % 2)) :: 8] *= 1.15
    return _factor_picture(tile)


@cache
def _plaster_tile() -> np.ndarray:
    generator = np.random.default_rng(4)
    stains = value_noise(generator, height=3 * TILE, width=3 * TILE, cell=64, octaves=5)
    return _factor_picture(0.86 + 0.28 * stains + generator.normal(0.0, 0.015, stains.shape))


def _factor_picture(factor: np.ndarray) -> np.ndarray:
    grey = np.clip(128.0 * factor, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def weathered(generator: np.random.Generator, texture: np.ndarray, *, bricks: bool) -> np.ndarray:
    """The texture (h, w, 3) uint8 with bricks or stained plaster on its surface; h and w at most 2 TILE."""
    tile = _brick_tile() if bricks else _plaster_tile()
    top, left = (8 * generator.integers(0, TILE // 8, 2)).tolist()
    return cv2.multiply(texture, tile[top : top + texture.shape[0], left : left + texture.shape[1]], scale=1.0 / 128.0)
