"""Upright strips beside a street: walls, fences, guard rails."""

import numpy as np

from seglab.data.scenes import ids
from seglab.data.scenes.canvas import Canvas
from seglab.data.scenes.materials import TILE, weathered

_WALL_COLOURS = ((168, 162, 150), (150, 146, 140), (142, 98, 82), (176, 160, 134))


def _quad(across: float, along: tuple[float, float], *, low: float, high: float) -> np.ndarray:
    near, far = along
    return np.array([[across, high, near], [across, high, far], [across, low, far], [across, low, near]])


def _texture_scale(canvas: Canvas, *, along: tuple[float, float], height: float) -> float:
    return float(np.clip(canvas.camera.scale(max(along[0], 8.0)) * 0.8, 4.0, 220.0 / max(height, 1.0)))


def draw_wall(
    canvas: Canvas, generator: np.random.Generator, *, across: float, along: tuple[float, float], height: float
) -> None:
    """A free-standing wall: bare masonry or concrete panels under a coping, sometimes sprayed on."""
    kind = generator.integers(len(_WALL_COLOURS))
    scale = min(_texture_scale(canvas, along=along, height=height), 1.9 * TILE / (along[1] - along[0]))
    rows, columns = max(round(height * scale), 6), max(round((along[1] - along[0]) * scale), 6)
    texture = np.full((rows, columns, 3), np.array(_WALL_COLOURS[kind]) * generator.uniform(0.75, 1.0), np.uint8)
    texture = weathered(generator, texture, bricks=bool(kind == 2 and scale > 8.0))
    panel = max(round(3.0 * scale), 4)
    if kind != 2:
        texture[:, ::panel] = (texture[:, ::panel] * 0.6).astype(np.uint8)
        texture[:, 1::panel] = (texture[:, 1::panel] * 0.75).astype(np.uint8)
    if generator.random() < 0.3:
        _spray(generator, texture)
    coping = max(rows // 12, 1)
    texture[:coping] = 190
    texture[coping : 2 * coping] = (texture[coping : 2 * coping] * 0.55).astype(np.uint8)
    shade = canvas.light.side_shade(-np.sign(across))
    canvas.texture(_quad(across, along, low=0.0, high=height), texture, ids.WALL, shade=shade)


def _spray(generator: np.random.Generator, texture: np.ndarray) -> None:
    """Graffiti: a few blocks of paint between a third and the foot of the wall."""
    rows, columns = texture.shape[:2]
    for _ in range(generator.integers(1, 5)):
        left, top = generator.integers(0, columns), generator.integers(rows // 4, max(rows // 2, rows // 4 + 1))
        patch = texture[top : top + rows // 2, left : left + rows]
        waves = np.sin(np.arange(patch.shape[1]) * generator.uniform(0.3, 1.2))[None] * patch.shape[0] / 4
        inside = np.abs(np.arange(patch.shape[0])[:, None] - patch.shape[0] / 2 - waves) < patch.shape[0] / 5
        patch[inside] = generator.integers(20, 230, 3)


def draw_fence(
    canvas: Canvas, generator: np.random.Generator, *, across: float, along: tuple[float, float], height: float
) -> None:
    """A fence one looks through: pickets, iron bars or wire mesh. Its holes are fence too, as in Cityscapes."""
    kind = ("pickets", "bars", "mesh")[generator.integers(3)]
    scale = min(_texture_scale(canvas, along=along, height=height), 1200.0 / (along[1] - along[0]))
    rows, columns = max(round(height * scale), 6), max(round((along[1] - along[0]) * scale), 6)
    colour = {
        "pickets": ((142, 104, 70), (214, 212, 206), (108, 82, 62)),
        "bars": ((44, 48, 50), (38, 62, 50), (96, 98, 100)),
        "mesh": ((60, 92, 72), (138, 142, 144), (70, 74, 78)),
    }[kind][generator.integers(3)]
    texture = np.zeros((rows, columns, 4), np.uint8)
    texture[..., :3] = colour
    column, row = np.arange(columns), np.arange(rows)
    step = {"pickets": 0.16, "bars": 0.14, "mesh": 0.12}[kind] * scale
    thick = {"pickets": 0.66, "bars": 0.34, "mesh": 0.24}[kind]
    # Far away bars are finer than a pixel: keep at least three pixels a bar, so that a pattern remains.
    step = max(step, 3.0)
    upright = (column % step) < max(thick * step, 1.0)
    texture[..., 3] = upright[None] * np.uint8(255)
    if kind == "mesh":
        texture[(row % step) < 1.0, :, 3] = 255
    for rail in (0.06, 0.5, 0.9):
        texture[int(rail * rows) : int(rail * rows) + max(rows // 18, 1), :, 3] = 255
    post = max(round(2.4 * scale), 6)
    for offset in range(max(round(0.1 * scale), 1)):
        texture[:, offset::post, 3] = 255
        texture[:, offset::post, :3] = tuple(int(0.75 * value) for value in colour)
    quad = _quad(across, along, low=0.0, high=height)
    shade = canvas.light.side_shade(-np.sign(across))
    canvas.texture(quad, texture, ids.FENCE, shade=shade)
    canvas.mark(canvas.camera.project(quad), ids.FENCE)


def draw_guard_rail(canvas: Canvas, *, across: float, along: tuple[float, float]) -> None:
    """A steel guard rail on posts."""
    for post in np.arange(along[0], along[1], 4.0):
        foot = np.array(
            [[across - 0.06, 0, post], [across + 0.06, 0, post], [across + 0.06, 0.6, post], [across - 0.06, 0.6, post]]
        )
        canvas.face(foot, (120, 122, 124), ids.GUARD_RAIL)
    for low, high, shade in ((0.42, 0.75, 0.9), (0.55, 0.62, 0.62), (0.69, 0.75, 1.15)):
        canvas.face(_quad(across, along, low=low, high=high), (164, 168, 172), ids.GUARD_RAIL, shade=shade)
