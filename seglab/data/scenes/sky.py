"""The sky and what closes the view beneath it: hills, woods or roofs far away."""

import cv2
import numpy as np

from seglab.data.scenes import ids
from seglab.data.scenes.canvas import Canvas
from seglab.data.scenes.light import Colour, shaded
from seglab.data.scenes.materials import value_noise
from seglab.data.scenes.street import Street


def draw_sky(canvas: Canvas, generator: np.random.Generator) -> None:
    """The whole canvas becomes sky: a gradient down to the horizon, with clouds."""
    width = canvas.ids.shape[1]
    canvas.ids[:] = ids.SKY
    rows = int(canvas.camera.horizon) + 2
    small = (max(rows // 4, 2), max(width // 4, 2))
    light = canvas.light
    down = np.linspace(0.0, 1.0, small[0], dtype=np.float32)[:, None, None] ** 0.8
    sky = np.asarray(light.sky_high, np.float32) * (1.0 - down) + np.asarray(light.sky_low, np.float32) * down
    shapes = value_noise(generator, height=small[0] * 2, width=small[1], cell=small[1] / 3.5, octaves=5)[::2, :, None]
    cover = np.clip((shapes - 0.78 + 0.42 * light.clouds) * 4.0, 0.0, 1.0) * (1.0 - 0.5 * down)
    white = np.minimum(np.asarray(light.sky_low, np.float32) * 1.10, 252.0)
    white = white * (0.80 + 0.36 * shapes)
    sky = sky * (1.0 - cover) + white * cover
    canvas.image[:rows] = cv2.resize(
        np.clip(sky, 0, 255).astype(np.uint8), (width, rows), interpolation=cv2.INTER_LINEAR
    )


def draw_backdrop(canvas: Canvas, generator: np.random.Generator, *, street: Street) -> None:
    """A far silhouette on the horizon: roofs in a town, trees or hills outside."""
    height, width = canvas.ids.shape
    town = street.kind in ("downtown", "boulevard")
    columns = np.linspace(0, width, 64)
    if town:
        heights = np.repeat(generator.uniform(0.01, 0.06, 16), 4)
        colour: Colour = (128, 120, 116)
    else:
        rises = value_noise(generator, height=1, width=64, cell=16, octaves=3)[0]
        heights = 0.01 + 0.07 * rises
        colour = shaded(street.leaf, 0.8)
    tops = canvas.camera.horizon - heights * height
    outline = np.concatenate([np.stack([columns, tops], axis=1), [[width, height], [0, height]]])
    canvas.fill(outline, canvas.light.tone(colour, along=160.0), ids.BUILDING if town else ids.VEGETATION)
