"""Weather before the camera: images float32 (H, W, 3) from 0 to 1; numbers by severity as in ImageNet-C."""

from math import ceil, cos, pi, sin

import cv2
import numpy as np

from seglab.data.corruptions.blur import moved

_SHARDS = 400  # of the picture of frost, whose longer side has
_FROST_SIDE = 512  # pixels before it is enlarged
_LEAST = 4  # pixels: the first grid of `plasma` is half of it


def snow(image: np.ndarray, *, severity: int, generator: np.random.Generator) -> np.ndarray:
    """Bleached surfaces, and flakes that fall in two directions."""
    mean, deviation, size, least, length, spread, kept = (
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8), (0.2, 0.3, 2, 0.5, 12, 4, 0.7), (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65), (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    )[severity - 1]  # fmt: skip
    height, width = image.shape[:2]
    draws = generator.standard_normal((ceil(height / size), ceil(width / size)), dtype=np.float32)
    flakes = cv2.resize(mean + deviation * draws, (width, height))
    flakes = np.where(flakes < least, np.float32(0), np.clip(flakes, 0, 1))
    flakes = moved(flakes, length=length, deviation=spread, angle=generator.uniform(-135, -45))
    bleached = np.maximum(image, cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None] * 1.5 + 0.5)
    return kept * image + (1 - kept) * bleached + (flakes + flakes[::-1, ::-1])[..., None]


def frost(image: np.ndarray, *, severity: int, generator: np.random.Generator) -> np.ndarray:
    """A pane with ice: so much of the image, and so much of a picture of frost.

    The original takes one of six photographs; the crystals here are drawn, so that its errors are not theirs.
    """
    kept, ice = ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))[severity - 1]
    return kept * image + ice * _pane(image.shape[0], image.shape[1], generator)


def fog(image: np.ndarray, *, severity: int, generator: np.random.Generator) -> np.ndarray:
    """Clouds of a plasma fractal before the image; nothing here knows distances."""
    density, decay = ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4))[severity - 1]
    brightest = image.max()
    clouds = plasma(image.shape[0], image.shape[1], decay=decay, generator=generator)
    return (image + density * clouds[..., None]) * brightest / (brightest + density)


def brightness(image: np.ndarray, *, severity: int, generator: np.random.Generator) -> np.ndarray:
    """So much is added to the value of HSV: hue and saturation stay."""
    added = (0.1, 0.2, 0.3, 0.4, 0.5)[severity - 1]
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hsv[..., 2] = np.minimum(hsv[..., 2] + added, 1)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def plasma(height: int, width: int, *, decay: float, generator: np.random.Generator) -> np.ndarray:
    """Clouds float32 (H, W) from 0 to 1, by midpoint displacement: each finer grid adds less by `decay` squared."""
    clouds = generator.uniform(-1, 1, (_LEAST // 2, _LEAST // 2)).astype(np.float32)
    strength = 1.0
    while len(clouds) < max(height, width):
        side = 2 * len(clouds)
        strength /= decay**2
        draws = generator.random((side, side), dtype=np.float32)
        clouds = cv2.resize(clouds, (side, side)) + strength * (2 * draws - 1)
    clouds = clouds[:height, :width]
    low, high = clouds.min(), clouds.max()
    return (clouds - low) / max(high - low, 1e-6)


def _pane(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    """A picture of frost, float32 (H, W, 3): feathered shards, dense at the rim, on a bluish film."""
    scale = min(1.0, _FROST_SIDE / max(height, width))
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    ice = np.zeros((rows, columns), np.uint8)
    size = max(rows, columns)
    for _ in range(_SHARDS):
        # Squared, so that most begin near the rim; they grow in any direction.
        from_rim, along = generator.random() ** 2 / 2, generator.random()
        row, column = ((from_rim, along), (1 - from_rim, along), (along, from_rim), (along, 1 - from_rim))[
            generator.integers(4)
        ]
        _grow(ice, (column * columns, row * rows), angle=generator.uniform(0, 2 * pi),
              length=size * generator.uniform(0.02, 0.12), shade=int(generator.integers(90, 256)))  # fmt: skip
    crystals = cv2.GaussianBlur(ice, (0, 0), 0.7).astype(np.float32) / 255
    film = plasma(rows, columns, decay=1.5, generator=generator)
    pane = 0.15 + 0.35 * film + 0.5 * crystals
    pane = cv2.resize(pane, (width, height), interpolation=cv2.INTER_CUBIC)
    return pane[..., None] * np.array((0.86, 0.95, 1.0), np.float32)


def _grow(ice: np.ndarray, start: tuple[float, float], *, angle: float, length: float, shade: int) -> None:
    """Draws a shard with its barbs, in 60 degrees to it as ice has them, into `ice`, uint8 (H, W)."""

    def line(at: tuple[float, float], turn: float, far: float) -> None:
        end = at[0] + far * cos(turn), at[1] + far * sin(turn)
        cv2.line(ice, (round(at[0]), round(at[1])), (round(end[0]), round(end[1])), shade, 1, cv2.LINE_AA)

    line(start, angle, length)
    barbs = max(2, int(length / 4))
    for number in range(1, barbs):
        share = number / barbs
        at = start[0] + share * length * cos(angle), start[1] + share * length * sin(angle)
        for side in (-pi / 3, pi / 3):
            line(at, angle + side, 0.35 * length * (1 - share))
