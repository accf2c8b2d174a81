"""Buildings: facades of several styles as flat textures, stood up along the street with end walls and roofs."""

from dataclasses import dataclass

import cv2
import numpy as np

from seglab.data.scenes import ids
from seglab.data.scenes.canvas import Canvas
from seglab.data.scenes.light import Colour
from seglab.data.scenes.materials import TILE, weathered

_PLASTER = (
    (206, 192, 160),
    (196, 170, 132),
    (208, 200, 188),
    (184, 150, 128),
    (170, 168, 160),
    (202, 184, 138),
    (164, 176, 172),
    (214, 208, 198),
)
_BRICK = ((148, 92, 74), (128, 82, 70), (160, 116, 88), (112, 84, 76))
_CONCRETE = ((152, 152, 150), (168, 164, 156), (138, 142, 146))
_ROOF = ((140, 78, 60), (110, 72, 62), (84, 82, 86), (126, 92, 76))


@dataclass(frozen=True)
class Facade:
    """The look of one building; metres and RGB."""

    style: str  # plaster, brick, ribbon, glass, slab, timber
    wall: Colour
    trim: Colour
    bay: float
    floor: float
    window: tuple[float, float]  # share of the bay's width and of the floor's height
    shop: bool
    balconies: bool


def sample_facade(generator: np.random.Generator, *, house: bool) -> Facade:
    """A style; a house is never an office."""
    weights = [0.6, 0.22, 0.0, 0.0, 0.03, 0.15] if house else [0.46, 0.18, 0.1, 0.09, 0.14, 0.03]
    style = ("plaster", "brick", "ribbon", "glass", "slab", "timber")[generator.choice(6, p=weights)]
    palette = {
        "brick": _BRICK,
        "slab": _CONCRETE,
        "ribbon": _CONCRETE,
        "glass": ((92, 104, 114),),
        "timber": ((206, 198, 182),),
    }
    walls = palette.get(style, _PLASTER)
    wall = np.array(walls[generator.integers(len(walls))]) * generator.uniform(0.82, 1.08)
    return Facade(
        style=style,
        wall=tuple(wall),
        trim=tuple(np.minimum(wall * generator.choice([0.75, 1.2, 1.28]), 235)),
        bay=generator.uniform(2.0, 3.4),
        floor=generator.uniform(2.8, 3.7),
        window=(generator.uniform(0.36, 0.56), generator.uniform(0.48, 0.64)),
        shop=bool(not house and style != "slab" and generator.random() < 0.55),
        balconies=bool(style in ("slab", "plaster") and generator.random() < (0.5 if style == "slab" else 0.12)),
    )


def _bay_tile(facade: Facade, *, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """One bay of one floor: its picture (rows, columns, 3) and where its glass is (rows, columns)."""
    tile = np.full((rows, columns, 3), facade.wall, np.uint8)
    glass = np.zeros((rows, columns), np.uint8)
    share, tall = {"ribbon": (1.0, 0.5), "glass": (0.9, 0.86)}.get(facade.style, facade.window)
    left, right = round(columns * (0.5 - share / 2)), round(columns * (0.5 + share / 2))
    top = round(rows * (0.94 - tall) / 1.35)
    bottom = round(top + rows * tall)
    frame = max(1, columns // 24)
    if facade.style in ("plaster", "brick"):  # surround and sill
        tile[max(top - 2 * frame, 0) : bottom + 2 * frame, max(left - 2 * frame, 0) : right + 2 * frame] = facade.trim
        tile[bottom + frame : bottom + 3 * frame, max(left - 3 * frame, 0) : right + 3 * frame] = (
            np.array(facade.trim) * 0.8
        )
    if facade.style == "timber":
        beam = (88, 62, 50)
        cv2.line(tile, (0, rows - 1), (columns // 3, 0), beam, 2 * frame)
        tile[: 2 * frame] = tile[-2 * frame :] = beam
        tile[:, : 2 * frame] = beam
    pane = np.linspace(1.25, 0.8, bottom - top)[:, None, None] * np.array([74, 86, 98])
    tile[top:bottom, left:right] = pane
    glass[top:bottom, left:right] = 1
    bar = (58, 62, 66) if facade.style in ("glass", "ribbon") else (206, 204, 198)
    middle = (left + right) // 2
    for edge in (left, middle, right - frame):
        tile[top:bottom, edge : edge + frame] = bar
    tile[top : top + frame, left:right] = bar
    if facade.balconies:
        tile[bottom - rows // 8 : bottom + frame, :] = np.array(facade.trim) * 0.9
        tile[bottom + frame : bottom + 3 * frame, :] = np.array(facade.wall) * 0.55
        glass[bottom - rows // 8 :] = 0
    if facade.style in ("slab", "ribbon"):
        tile[-frame:] = np.array(facade.wall) * 0.72
        tile[:, :frame] = np.array(facade.wall) * 0.8
    return tile, glass


def _ground_floor(generator: np.random.Generator, texture: np.ndarray, *, facade: Facade, rows: int) -> None:
    """Turn the lowest `rows` of a facade into shops, or into a plinth with doors."""
    floor = texture[-rows:]
    columns = max(texture.shape[1] // max(round(texture.shape[1] / (rows * 1.1)), 1), 4)
    if not facade.shop:
        floor[-max(rows // 6, 1) :] = np.array(facade.wall) * 0.62
        door = generator.integers(0, max(texture.shape[1] - columns // 3, 1))
        floor[rows // 3 :, door : door + columns // 3] = generator.uniform(0.2, 0.6, 3) * (150, 120, 100)
        return
    floor[:] = np.array(facade.wall) * 0.7
    hue = generator.uniform(20, 215, 3)
    sign = tuple(0.55 * hue + 0.45 * hue.mean())
    for left in range(0, texture.shape[1], columns):
        window = floor[rows // 3 : -max(rows // 9, 1), left + columns // 10 : left + columns - columns // 10]
        shape = window.shape[:2]
        window[:] = np.linspace(1.0, 0.55, shape[0])[:, None, None] * (92, 94, 92)
        goods = generator.integers(40, 190, (3, 6, 3)).astype(np.uint8)
        if min(shape) > 2:
            lower = window[shape[0] // 2 :]
            lower[:] = lower // 2 + cv2.resize(goods, lower.shape[1::-1], interpolation=cv2.INTER_NEAREST) // 3
    floor[rows // 12 : rows // 3 - rows // 12] = sign
    letters = slice(rows // 12 + rows // 16, rows // 3 - rows // 12 - rows // 16)
    floor[letters, ::3] = tuple(255 - value // 2 for value in sign)
    if generator.random() < 0.35:  # an awning
        floor[rows // 3 : rows // 2] = tuple(generator.uniform(60, 210, 3))
        floor[rows // 3 : rows // 2, :: max(columns // 8, 2)] = 225


def facade_texture(
    generator: np.random.Generator, facade: Facade, *, length: float, floors: int, scale: float, lit: float
) -> np.ndarray:
    """The flat facade (h, w, 3) of a building `length` metres long at `scale` pixels a metre."""
    bays = max(1, round(length / facade.bay))
    rows, columns = max(round(facade.floor * scale), 6), max(round(length / bays * scale), 5)
    tile, glass = _bay_tile(facade, rows=rows, columns=columns)
    texture = np.tile(tile, (floors, bays, 1))
    # Every window its own: reflections, curtains, a lamp.
    tint = generator.normal(1.0, 0.22, (floors, bays, 1)) * np.ones(3)
    tint[generator.random((floors, bays)) < 0.16] = (1.9, 1.75, 1.55)
    tint[generator.random((floors, bays)) < lit] = (3.0, 2.3, 1.25)
    steps = (np.clip(tint, 0.45, 3.0) * 64.0).astype(np.uint8)  # 64 leaves a colour as it is
    factor = cv2.resize(steps, (columns * bays, rows * floors), interpolation=cv2.INTER_NEAREST)
    np.copyto(factor, 64, where=np.tile(glass == 0, (floors, bays))[..., None])
    texture = cv2.multiply(texture, factor, scale=1.0 / 64.0)
    _ground_floor(generator, texture, facade=facade, rows=rows)
    if facade.style == "brick" or facade.style in ("plaster", "slab", "timber"):
        texture = weathered(generator, texture, bricks=facade.style == "brick" and scale > 8.0)
    cornice = max(rows // 9, 1)
    texture[:cornice] = np.minimum(np.array(facade.trim) * 1.02, 255)
    texture[cornice : 2 * cornice] = (texture[cornice : 2 * cornice] * 0.6).astype(np.uint8)
    foot = np.linspace(1.0, 0.8, max(rows // 3, 1), dtype=np.float32)[:, None, None]
    texture[-foot.shape[0] :] = (texture[-foot.shape[0] :] * foot).astype(np.uint8)
    return texture


def draw_building(
    canvas: Canvas,
    generator: np.random.Generator,
    *,
    across: float,
    along: tuple[float, float],
    floors: int,
    facade: Facade,
    pitched: bool,
) -> None:
    """A building whose facade stands `across` from the centre line, on the side of that number's sign."""
    sign = float(np.sign(across))
    near, far = along
    height = floors * facade.floor
    largest = 2.0 * TILE / max(height, far - near, 11.0) * 0.95
    scale = min(max(canvas.camera.scale(max(near, 9.0)) * 0.6, 2.5), 24.0, largest)
    lit = canvas.light.lit_windows
    outer = across + sign * 11.0
    end = np.array([[across, height, near], [outer, height, near], [outer, 0, near], [across, 0, near]])
    if canvas.sees(end):
        if generator.random() < 0.6:  # a bare fire wall
            size = (round(height * scale / 2), round(5.5 * scale), 3)
            texture = weathered(generator, np.full(size, facade.wall, np.uint8), bricks=facade.style == "brick")
        else:
            texture = facade_texture(generator, facade, length=11.0, floors=floors, scale=min(scale, 14.0), lit=lit)
        canvas.texture(end, texture, ids.BUILDING, shade=canvas.light.side_shade(0.0) * 0.82)
    front = np.array([[across, height, near], [across, height, far], [across, 0, far], [across, 0, near]])
    if canvas.sees(front):
        texture = facade_texture(generator, facade, length=far - near, floors=floors, scale=scale, lit=lit)
        canvas.texture(front, texture, ids.BUILDING, shade=canvas.light.side_shade(-sign))
    if pitched:
        _draw_roof(canvas, generator, across=across, along=along, height=height)


def _draw_roof(
    canvas: Canvas, generator: np.random.Generator, *, across: float, along: tuple[float, float], height: float
) -> None:
    sign = float(np.sign(across))
    near, far = along
    colour = _ROOF[generator.integers(len(_ROOF))]
    rise = generator.uniform(3.0, 5.0)
    ridge, eaves, outer = across + sign * 5.5, across - sign * 0.3, across + sign * 11.3
    top = height + rise
    gable = np.array([[eaves, height, near], [ridge, top, near], [outer, height, near]])
    canvas.face(gable, (176, 166, 150), ids.BUILDING, shade=canvas.light.side_shade(0.0) * 0.8)
    # A hand below the top of the facade, so that no sky shows between them.
    slope = np.array([[eaves, height - 0.25, near], [eaves, height - 0.25, far], [ridge, top, far], [ridge, top, near]])
    canvas.face(slope, colour, ids.BUILDING, shade=canvas.light.side_shade(-sign))
    if generator.random() < 0.6:
        middle = generator.uniform(near, far)
        stack = np.array([[-0.4, -0.5], [0.4, -0.5], [0.4, 1.2], [-0.4, 1.2]])
        chimney = np.column_stack([ridge + stack[:, 0], top + stack[:, 1], np.full(4, middle)])
        canvas.face(chimney, (122, 76, 62), ids.BUILDING)


def draw_closing_building(
    canvas: Canvas, generator: np.random.Generator, *, span: tuple[float, float], along: float, floors: int
) -> None:
    """A building across the end of the street, facing the camera."""
    facade = sample_facade(generator, house=False)
    height = floors * facade.floor
    scale = min(max(canvas.camera.scale(along) * 0.9, 2.5), 16.0)
    texture = facade_texture(
        generator, facade, length=span[1] - span[0], floors=floors, scale=scale, lit=canvas.light.lit_windows
    )
    left, right = span
    quad = np.array([[left, height, along], [right, height, along], [right, 0, along], [left, 0, along]])
    canvas.texture(quad, texture, ids.BUILDING, shade=canvas.light.side_shade(0.0))
