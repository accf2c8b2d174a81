"""Plants: single trees, bushes, and the green walls that hedges and woods make along a street."""

from functools import cache

import cv2
import numpy as np

from seglab.data.scenes import ids
from seglab.data.scenes.canvas import Canvas
from seglab.data.scenes.light import Colour, Light
from seglab.data.scenes.materials import leaves, value_noise

_LARGEST = 120  # pixels, at most half a TILE: larger crowns are drawn smaller and enlarged
_FINENESS = 0.7  # drawn pixels for each of the canvas, which is twice as large as the picture
_CUT = 0.42


@cache
def _axis(start: float, stop: float, count: int) -> np.ndarray:
    return np.linspace(start, stop, count, dtype=np.float32)


def _within(value: float, least: float, most: float) -> float:
    return min(max(value, least), most)


def _foliage(
    generator: np.random.Generator, body: np.ndarray, *, colour: Colour, light: Light, lump: float
) -> np.ndarray:
    """RGBA (h, w, 4) of leaves that fill `body` (h, w), a field of 1 inside falling to 0 at the rim."""
    height, width = body.shape
    step = max(1, int(lump / 4))
    noise = value_noise(generator, height=height + step, width=width + step, cell=max(lump, 2.0), octaves=3)
    grain = leaves(generator, height=height, width=width)
    # Light comes from above and from the sun's side: a lump is bright where it rises towards the light.
    shift = step if light.sun_side < 0 else 0
    lumps = noise[step:, shift : shift + width]
    slope = lumps - noise[:height, step - shift : step - shift + width]
    field = body + 0.9 * (lumps - 0.5) + 0.16 * (grain - 1.0)
    down = _axis(0.16, -0.22, height)[:, None]
    shade = (0.84 + down + (1.0 + 1.1 * light.sun) * slope) * (0.62 + 0.38 * grain)
    red, green, blue = (cv2.convertScaleAbs(np.maximum(shade, 0.05), alpha=value) for value in colour)
    return cv2.merge([red, green, blue, (field > _CUT).view(np.uint8) * np.uint8(255)])


def _varied(generator: np.random.Generator, leaf: Colour) -> Colour:
    red, green, blue = (value * generator.uniform(0.82, 1.18) for value in leaf)
    return red * generator.uniform(0.9, 1.1), green, blue


def _upright(across: float, along: float, *, low: float, high: float, half: float) -> np.ndarray:
    return np.array(
        [
            [across - half, high, along],
            [across + half, high, along],
            [across + half, low, along],
            [across - half, low, along],
        ]
    )


def draw_tree(
    canvas: Canvas, generator: np.random.Generator, *, across: float, along: float, height: float, leaf: Colour
) -> None:
    """A tree of this height in metres: trunk, branches and crown, all vegetation."""
    slim = generator.uniform(0.28, 0.42) if generator.random() < 0.8 else 0.17
    half, low = height * slim, height * generator.uniform(0.16, 0.34)
    trunk = height * generator.uniform(0.014, 0.024)
    bark = (74 * generator.uniform(0.8, 1.25), 64, 54)
    foot = np.array([[across - trunk, 0, along], [across + trunk, 0, along]], float)
    fork = np.array([[across + 0.7 * trunk, low * 1.6, along], [across - 0.7 * trunk, low * 1.6, along]])
    canvas.face(np.concatenate([foot, fork]), bark, ids.VEGETATION, shade=0.85)
    canvas.face(
        np.concatenate([foot - np.array([[0, 0, 0], [trunk, 0, 0]]), fork[[1, 1]]]), bark, ids.VEGETATION, shade=0.6
    )
    quad = _upright(across, along - 0.05, low=low * 0.9, high=height, half=half)
    if not canvas.sees(quad):
        return
    size = int(_within(canvas.camera.scale(along) * _FINENESS * 2 * half, 10, _LARGEST))
    rows = int(_within(size * (height - low) / (2 * half), 8, 2 * _LARGEST))
    x = _axis(-1.0, 1.0, size)[None]
    y = _axis(-1.0, 1.0, rows)[:, None]
    narrow = 1.0 + 0.35 * np.abs(y - 0.15) if slim > 0.2 else 1.0 + 0.8 * np.maximum(-y, 0.0)
    body = np.minimum(1.25 - 1.05 * np.sqrt((x * narrow) ** 2 + y * y), 3.5 * (1.0 - np.abs(x)))
    crown = _foliage(
        generator,
        body,
        colour=_varied(generator, leaf),
        light=canvas.light,
        lump=size / generator.uniform(3.0, 5.0),
    )
    canvas.texture(quad, crown, ids.VEGETATION, shade=canvas.light.side_shade(0.2))


def draw_bush(
    canvas: Canvas, generator: np.random.Generator, *, across: float, along: float, height: float, leaf: Colour
) -> None:
    """A round bush of this height in metres."""
    size = int(_within(canvas.camera.scale(along) * _FINENESS * 1.3 * height, 8, _LARGEST))
    x = _axis(-1.0, 1.0, size)[None]
    y = _axis(-1.0, 0.75, size)[:, None]
    body = np.minimum(1.2 - np.sqrt(x * x + np.minimum(y, 0.0) ** 2), 3.5 * (1.0 - np.abs(x)))
    picture = _foliage(
        generator,
        body,
        colour=_varied(generator, leaf),
        light=canvas.light,
        lump=size / 4,
    )
    canvas.texture(_upright(across, along, low=0.0, high=height, half=0.7 * height), picture, ids.VEGETATION)


def draw_green_wall(
    canvas: Canvas,
    generator: np.random.Generator,
    *,
    near: tuple[float, float],
    far: tuple[float, float],
    height: float,
    leaf: Colour,
) -> None:
    """A hedge (low) or the edge of a wood (high) between two points given as (across, along)."""
    length = float(np.hypot(near[0] - far[0], near[1] - far[1]))
    scale = _within(canvas.camera.scale(near[1]) * 0.6, 1.0, 40.0)
    rows = int(_within(height * scale, 8, _LARGEST))
    columns = int(_within(length * scale, 8, 2 * _LARGEST))
    rough = 0.25 if height < 2.5 else 0.9
    y = _axis(0.0, 1.0, rows)[:, None]
    edge = value_noise(generator, height=1, width=columns, cell=max(columns * height / length, 2.0), octaves=2)
    body = (0.5 if rough > 0.5 else 0.62) + (y - rough * 0.45 * edge) * (3.0 if rough > 0.5 else 9.0)
    picture = _foliage(
        generator,
        np.minimum(body, 1.3).astype(np.float32),
        colour=_varied(generator, leaf),
        light=canvas.light,
        lump=max(rows / (2.5 if rough > 0.5 else 5.0), 3.0),
    )
    quad = np.array([[near[0], height, near[1]], [far[0], height, far[1]], [far[0], 0, far[1]], [near[0], 0, near[1]]])
    canvas.texture(quad, picture, ids.VEGETATION, shade=canvas.light.side_shade(-np.sign(near[0])))
