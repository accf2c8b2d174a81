"""The ground: carriageway, markings, tracks, pavements, verges, and the shadows that fall on all of them."""

from collections.abc import Callable

import cv2
import numpy as np

from seglab.data.scenes import ids
from seglab.data.scenes.canvas import Canvas
from seglab.data.scenes.light import Colour, shaded
from seglab.data.scenes.materials import TILE, ground_tile
from seglab.data.scenes.street import LANE, Side, Street

_FAR = 400.0  # metres
_NEAR = 1.5
_WHITE = (206, 206, 202)
_TILE_METRES = 8.0
_HALVINGS = np.linspace(0.0, 1.0, 20)
_Mark = Callable[[float, float, tuple[float, float]], None]


def _strip(start: float, stop: float, *, along: tuple[float, float] = (_NEAR, _FAR)) -> np.ndarray:
    """Outline (N, 3) of the ground between two lines that follow the street."""
    near, far = along
    steps = near * (far / near) ** (_HALVINGS if far - near > 15.0 else np.array([0.0, 0.5, 1.0]))
    there = np.stack([np.full_like(steps, start), np.zeros_like(steps), steps], axis=1)
    back = np.stack([np.full_like(steps, stop), np.zeros_like(steps), steps], axis=1)
    return np.concatenate([there, back[::-1]])


def _lay(canvas: Canvas, outline: np.ndarray, colour: Colour, code: int) -> None:
    # Ground is toned by a middle distance: a single strip reaches from the bonnet to the horizon.
    canvas.fill(canvas.camera.project(outline), canvas.light.tone(colour, along=18.0), code)


def draw_ground(canvas: Canvas, generator: np.random.Generator, *, street: Street) -> None:
    """Everything that lies flat, from the bottom of the picture to the horizon."""
    grey = generator.uniform(88, 116)
    asphalt = (grey, grey, grey + generator.uniform(-2, 5))
    paving = tuple(
        grey * generator.uniform(1.18, 1.4) + np.array(((8, 4, -2), (2, 2, 2), (14, 4, -2))[generator.choice(3)])
    )
    grass = tuple(np.array(street.leaf) * generator.uniform(0.85, 1.08) + np.array([14, 8, 6]))
    green = street.kind in ("residential", "outskirts")
    _lay(canvas, _strip(-150.0, 150.0), grass if green else paving, ids.TERRAIN if green else ids.SIDEWALK)
    for side in street.sides:
        _lay_side(canvas, generator, side=side, paving=paving, grass=grass, asphalt=asphalt)
    _lay(canvas, _strip(-street.left.lane_edge, street.right.lane_edge), asphalt, ids.ROAD)
    _patch_road(canvas, generator, street=street, asphalt=asphalt)
    if street.tracks is not None:
        _lay_tracks(canvas, generator, centre=street.tracks, asphalt=asphalt)
    if street.crossing is not None:
        along = (street.crossing, street.crossing + street.crossing_width)
        _lay(canvas, _strip(-150.0, 150.0, along=along), asphalt, ids.ROAD)
    _apply_texture(canvas, generator)
    _paint_markings(canvas, generator, street=street)


def _lay_side(
    canvas: Canvas, generator: np.random.Generator, *, side: Side, paving: Colour, grass: Colour, asphalt: Colour
) -> None:
    sign = side.sign
    if side.frontier > side.walk_end:
        _lay(canvas, _strip(sign * side.walk_end, sign * side.frontier), grass, ids.TERRAIN)
    if side.walk_end > side.kerb:
        _lay(canvas, _strip(sign * side.kerb, sign * side.walk_end), paving, ids.SIDEWALK)
        if side.walk_end - side.kerb > 3.4 and generator.random() < 0.3:  # a red cycle path beside the kerb
            red = (paving[0] * 1.0, paving[1] * 0.68, paving[2] * 0.62)
            _lay(canvas, _strip(sign * (side.kerb + 0.5), sign * (side.kerb + 1.9)), red, ids.SIDEWALK)
    _lay(
        canvas,
        _strip(sign * side.lane_edge, sign * side.kerb),
        shaded(asphalt, 0.93) if not side.parking_marked else shaded(paving, 0.8),
        ids.PARKING if side.parking_marked else ids.ROAD,
    )
    kerb = np.array([[0.0, 0.0], [0.16, 0.0]]) + side.kerb
    _lay(canvas, _strip(sign * kerb[0, 0], sign * kerb[1, 0]), shaded(paving, 1.12), ids.SIDEWALK)
    gutter = canvas.camera.project(_strip(sign * (side.kerb - 0.12), sign * side.kerb))
    canvas.paint(gutter, canvas.light.tone(shaded(asphalt, 0.55), along=18.0))


def _patch_road(canvas: Canvas, generator: np.random.Generator, *, street: Street, asphalt: Colour) -> None:
    """Repairs, manholes and the dark band that tyres leave in every lane."""
    for across, _ in street.lanes:
        band = _strip(across - 0.9, across + 0.9)
        canvas.paint(canvas.camera.project(band), canvas.light.tone(asphalt, along=18.0, shade=0.955))
    for _ in range(generator.integers(0, 5)):
        along = generator.uniform(4.0, 45.0)
        across = generator.uniform(-street.left.lane_edge, street.right.lane_edge - 1.0)
        patch = _strip(across, across + generator.uniform(0.6, 2.6), along=(along, along * generator.uniform(1.1, 1.7)))
        tone = canvas.light.tone(asphalt, along=18.0, shade=generator.uniform(0.78, 1.1))
        canvas.paint(canvas.camera.project(patch), tone)
    turn = np.linspace(0.0, 2.0 * np.pi, 14)
    for _ in range(generator.integers(0, 3)):
        centre = generator.uniform(-street.left.lane_edge, street.right.lane_edge), generator.uniform(5.0, 25.0)
        ring = np.stack([centre[0] + 0.35 * np.cos(turn), 0.0 * turn, centre[1] + 0.35 * np.sin(turn)], axis=1)
        canvas.paint(canvas.camera.project(ring), canvas.light.tone(asphalt, along=18.0, shade=0.6))


def _lay_tracks(canvas: Canvas, generator: np.random.Generator, *, centre: float, asphalt: Colour) -> None:
    bed = ((98, 108, 66), (118, 112, 104))[generator.integers(2)]
    _lay(canvas, _strip(centre - 1.5, centre + 1.5), bed, ids.RAIL_TRACK)
    for rail in (centre - 0.72, centre + 0.72):
        canvas.paint(
            canvas.camera.project(_strip(rail - 0.09, rail + 0.09)), canvas.light.tone((62, 60, 60), along=18.0)
        )
        canvas.paint(
            canvas.camera.project(_strip(rail - 0.03, rail + 0.04)), canvas.light.tone((178, 176, 176), along=18.0)
        )


def _apply_texture(canvas: Canvas, generator: np.random.Generator) -> None:
    """Multiply the ground by asphalt, paving or grass, seen in perspective."""
    camera = canvas.camera
    height, width = canvas.ids.shape
    top = int(camera.horizon) + 1
    # Four points of the ground plane give the homography from tile pixels to picture pixels.
    corners = np.array([[-8, 0, 6], [8, 0, 6], [8, 0, 40], [-8, 0, 40]], np.float64)
    pixels = camera.project(corners).astype(np.float32) - np.array([0, top], np.float32)
    tile = (corners[:, [0, 2]] * TILE / _TILE_METRES + generator.integers(0, TILE, 2)).astype(np.float32)
    warped = cv2.warpPerspective(
        ground_tile(),
        cv2.getPerspectiveTransform(tile, pixels),
        (width, height - top),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )
    code = canvas.ids[top:]
    detail = warped[..., 0].copy()
    np.copyto(detail, warped[..., 1], where=(code == ids.SIDEWALK) | (code == ids.PARKING))
    np.copyto(detail, warped[..., 2], where=code == ids.TERRAIN)
    fade = 24 * height // 256  # rows under the horizon where the grain is finer than a pixel
    rows = np.clip((np.arange(height - top, dtype=np.float32) + 1.0) / max(fade, 1), 0.0, 1.0)[:, None]
    detail = ((detail.astype(np.float32) - 128.0) * rows + 128.0).astype(np.uint8)
    ground = canvas.image[top:]
    cv2.multiply(ground, cv2.merge([detail, detail, detail]), dst=ground, scale=1.0 / 128.0)


def _paint_markings(canvas: Canvas, generator: np.random.Generator, *, street: Street) -> None:
    wear = generator.uniform(0.72, 1.0)
    tone = canvas.light.tone(_WHITE, along=12.0, shade=wear)

    def mark(start: float, stop: float, along: tuple[float, float]) -> None:
        canvas.paint(canvas.camera.project(_strip(start, stop, along=along)), tone)

    dash, gap = ((3.0, 6.0), (6.0, 6.0), (3.0, 3.0))[generator.integers(3)]
    first = generator.uniform(1.0, 8.0)
    between = [0.0] if street.tracks is None else []
    between += [
        sign * (abs(across) + LANE / 2) for across, sign in street.lanes if abs(across) + LANE < street.right.lane_edge
    ]
    if generator.random() < 0.85:
        for line in between:
            for along in np.arange(first, 110.0, dash + gap):
                if not street.crosses(along, margin=5.0):
                    mark(line - 0.07, line + 0.07, (max(along, _NEAR), along + dash))
    if generator.random() < 0.45:
        for side in street.sides:
            mark(side.sign * (side.lane_edge - 0.15), side.sign * side.lane_edge, (_NEAR, street.crossing or 150.0))
    if street.crossing is not None:
        _paint_crossing(generator, mark=mark, street=street, stop=street.crossing - 1.0)


def _paint_crossing(generator: np.random.Generator, *, mark: _Mark, street: Street, stop: float) -> None:
    if generator.random() < 0.6:
        for across in np.arange(-street.left.lane_edge + 0.4, street.right.lane_edge - 0.4, 1.0):
            mark(across, across + 0.5, (stop - 3.6, stop - 0.6))
    mark(0.1, street.right.lane_edge, (stop - 5.2, stop - 4.8))


def cast_shadows(canvas: Canvas, outlines: list[np.ndarray], *, softness: float, depth: float) -> None:
    """Darken the ground inside the outlines (each (N, 3), street coordinates) by the factor `depth`."""
    height, width = canvas.ids.shape
    mask = np.full((height // 2, width // 2), 255, np.uint8)
    for outline in outlines:
        pixels = np.clip(canvas.camera.project(outline) * 0.5, -4 * width, 4 * width)
        cv2.fillPoly(mask, [(pixels * 8).round().astype(np.int32)], int(255 * depth), shift=3)
    mask = cv2.GaussianBlur(mask, (0, 0), softness * width / 512)
    mask = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)
    top = int(canvas.camera.horizon) + 1
    ground = canvas.image[top:]
    factor = mask[top:]
    cv2.multiply(ground, cv2.merge([factor, factor, factor]), dst=ground, scale=1.0 / 255.0)
