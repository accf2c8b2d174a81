"""Heavy vehicles, each told by its shape: trucks, buses, trams (train), caravans, trailers."""

import numpy as np

from seglab.data.scenes.canvas import Canvas
from seglab.data.scenes.light import Colour, shaded
from seglab.data.scenes.solid import Pose, Solid

_GLASS = (40, 47, 56)
_GREY: Colour = (204, 204, 202)
_SHEEN = (96, 110, 124)
SIZES = {"truck": (9.0, 2.5), "bus": (11.6, 2.5), "train": (27.0, 2.4), "caravan": (5.4, 2.2), "trailer": (2.6, 1.6)}


def _box(rear: float, front: float, low: float, high: float, width: float, *, lean: float = 0.0) -> np.ndarray:
    """Profile of a box; `lean` metres its nose slopes back."""
    half = width / 2
    return np.array(
        [
            [rear, low, half],
            [rear, high, half * 0.97],
            [front - lean, high, half * 0.97],
            [front, low + 0.3, half],
            [front, low, half],
        ]
    )


def _rectangle(left: float, right: float, low: float, high: float) -> np.ndarray:
    return np.array([[left, low], [right, low], [right, high], [left, high]])


def draw_truck(canvas: Canvas, generator: np.random.Generator, *, pose: Pose, code: int) -> None:
    """A cab with a tall windowless box, or with an open load bed, behind it."""
    cab_paint = ((196, 40, 36), (40, 84, 150), (222, 222, 218), (228, 158, 34), (52, 112, 72))[generator.integers(5)]
    cargo = ((226, 226, 222), (206, 198, 176), (66, 104, 158), (176, 60, 48), (98, 128, 98))[generator.integers(5)]
    parts = [(_draw_cab, cab_paint), (_draw_cargo, cargo)]
    sees_rear = np.cos(pose.heading) > 0
    for draw, paint in parts if sees_rear else parts[::-1]:
        draw(canvas, generator, pose=pose, paint=paint, code=code)


def _draw_cab(canvas: Canvas, generator: np.random.Generator, *, pose: Pose, paint: Colour, code: int) -> None:
    cab = Solid(canvas, pose=pose, profile=_box(2.5, 4.5, 0.45, 2.9, 2.4, lean=0.35), code=code)
    cab.body(paint, side=paint)
    cab.side(np.array([[3.1, 1.65], [4.25, 1.65], [4.15, 2.5], [3.1, 2.5]]), _GLASS)
    cab.side(_rectangle(2.5, 4.5, 0.5, 0.75), (40, 40, 44))
    cab.edge(2, (-0.92, 0.92, 0.12, 0.58), _GLASS)
    cab.edge(2, (-0.92, 0.92, 0.12, 0.24), _SHEEN)
    cab.edge(2, (-0.6, 0.6, 0.68, 0.9), (34, 34, 38))
    for left, right in ((-0.95, -0.66), (0.66, 0.95)):
        cab.edge(3, (left, right, 0.0, 0.8), (232, 232, 226))
    cab.wheels([3.6], radius=0.5)
    cab.finish()


def _draw_cargo(canvas: Canvas, generator: np.random.Generator, *, pose: Pose, paint: Colour, code: int) -> None:
    frame = Solid(canvas, pose=pose, profile=_box(-4.4, 2.9, 0.55, 0.95, 2.2), code=code)
    frame.body((44, 44, 48), side=(44, 44, 48))
    frame.wheels([-3.2, -2.1], radius=0.5)
    frame.finish()
    box = Solid(canvas, pose=pose, profile=_box(-4.5, 2.3, 0.95, 3.7, 2.5), code=code)
    box.body(paint, side=paint)
    accent = tuple(generator.uniform(30, 200, 3))
    if generator.random() < 0.6:
        box.side(_rectangle(-3.6, 1.4, 1.8, 2.7), accent)
    for seam in np.arange(-4.0, 2.2, 1.0):
        box.side(_rectangle(seam, seam + 0.05, 1.0, 3.65), shaded(paint, 0.82))
    box.edge(0, (-0.02, 0.02, 0.0, 1.0), (60, 60, 62))
    for bar in (-0.5, -0.42, 0.42, 0.5):
        box.edge(0, (bar, bar + 0.03, 0.04, 0.96), (112, 112, 114))
    box.edge(0, (-1.0, 1.0, 0.0, 0.05), (200, 40, 36))
    for left, right in ((-0.98, -0.78), (0.78, 0.98)):
        box.edge(0, (left, right, 0.0, 0.07), (236, 190, 40))
    box.finish()


def draw_bus(canvas: Canvas, generator: np.random.Generator, *, pose: Pose, code: int) -> None:
    """A city bus: a band of windows above a bright livery, wheels, doors, an amber route display."""
    livery = ((232, 196, 52), (212, 62, 44), (236, 232, 222), (66, 128, 190), (238, 150, 40))[generator.integers(5)]
    lower = shaded(livery, 0.62) if generator.random() < 0.5 else _GREY
    bus = Solid(canvas, pose=pose, profile=_box(-5.8, 5.8, 0.3, 3.05, 2.5, lean=0.25), code=code)
    bus.body(livery, side=livery)
    bus.side(_rectangle(-5.8, 5.8, 0.32, 0.75), lower)
    bus.side(_rectangle(-5.6, 5.5, 1.35, 2.6), _GLASS)
    bus.side(_rectangle(-5.6, 5.5, 2.15, 2.6), _SHEEN, shade=0.85)
    for pillar in np.arange(-4.2, 5.4, 1.5):
        bus.side(_rectangle(pillar, pillar + 0.09, 1.35, 2.6), (24, 26, 30))
    for door in (-0.6, 4.0):
        bus.side(_rectangle(door, door + 1.3, 0.45, 2.6), (52, 60, 68))
        bus.side(_rectangle(door + 0.6, door + 0.7, 0.45, 2.6), livery)
    bus.edge(0, (-0.85, 0.85, 0.5, 0.86), _GLASS)
    bus.edge(0, (-0.6, 0.6, 0.12, 0.3), (46, 46, 50))
    bus.edge(2, (-0.94, 0.94, 0.16, 0.72), _GLASS)
    bus.edge(2, (-0.94, 0.94, 0.2, 0.34), _SHEEN)
    bus.edge(2, (-0.7, 0.7, 0.02, 0.14), (252, 176, 40), shade=1.0)
    for left, right in ((-0.97, -0.8), (0.8, 0.97)):
        bus.edge(0, (left, right, 0.16, 0.42), (186, 28, 26), shade=1.0)
        bus.edge(2, (left, right, 0.86, 0.96), (240, 240, 232), shade=1.0)
    bus.wheels([-3.1, 3.2], radius=0.48)
    bus.finish()


def draw_train(canvas: Canvas, generator: np.random.Generator, *, pose: Pose, code: int) -> None:
    """A tram of three cars with skirts over its wheels, a sloping nose and a pantograph."""
    paint = ((178, 36, 40), (46, 98, 74), (58, 74, 128))[generator.integers(3)]
    cream = (232, 226, 206)
    cars = [(-13.5, -4.7, 0.0), (-4.5, 4.5, 0.0), (4.7, 13.5, 1.1)]
    sees_rear = np.cos(pose.heading) > 0
    for rear, front, lean in cars[::-1] if sees_rear else cars:
        tram = Solid(canvas, pose=pose, profile=_box(rear, front, 0.15, 3.4, 2.4, lean=lean), code=code)
        tram.body(paint, side=paint)
        tram.side(_rectangle(rear, front, 1.25, 3.4), cream)
        tram.side(_rectangle(rear + 0.3, front - 0.3 - lean, 1.5, 2.7), _GLASS)
        tram.side(_rectangle(rear + 0.3, front - 0.3 - lean, 2.3, 2.7), _SHEEN, shade=0.85)
        for pillar in np.arange(rear + 1.5, front - 0.5, 1.6):
            tram.side(_rectangle(pillar, pillar + 0.22, 1.45, 2.75), cream)
        tram.side(_rectangle(rear, front, 0.15, 0.4), (52, 50, 52))
        tram.edge(0, (-0.8, 0.8, 0.36, 0.8), _GLASS)
        tram.edge(0, (-1.0, 1.0, 0.82, 1.0), cream)
        tram.edge(2, (-0.86, 0.86, 0.2, 0.66), _GLASS)
        tram.edge(2, (-1.0, 1.0, 0.0, 0.16), cream)
        tram.edge(2, (-0.14, 0.14, 0.78, 0.86), (255, 250, 226), shade=1.0)
        for left, right in ((-0.86, -0.66), (0.66, 0.86)):
            tram.edge(0, (left, right, 0.12, 0.2), (206, 30, 26), shade=1.0)
        tram.finish()
    arm = pose.place(
        np.array(
            [
                [0.0, -0.05, 3.4],
                [0.9, -0.05, 4.2],
                [0.1, -0.05, 4.9],
                [0.1, 0.05, 4.95],
                [1.05, 0.05, 4.2],
                [0.1, 0.05, 3.4],
            ]
        )
    )
    canvas.face(arm, (58, 58, 62), code)
    bar = pose.place(np.array([[0.1, -0.8, 4.88], [0.1, 0.8, 4.88], [0.1, 0.8, 4.98], [0.1, -0.8, 4.98]]))
    canvas.face(bar, (58, 58, 62), code)


def draw_caravan(canvas: Canvas, *, pose: Pose, code: int) -> None:
    """A white caravan: rounded box, a small window, a stripe."""
    white = (228, 226, 216)
    profile = np.array(
        [[-2.3, 0.4, 1.1], [-2.45, 1.4, 1.1], [-2.2, 2.5, 1.05], [2.0, 2.55, 1.05], [2.5, 1.4, 1.1], [2.3, 0.4, 1.1]]
    )
    solid = Solid(canvas, pose=pose, profile=profile, code=code)
    solid.body(white, side=white)
    solid.side(_rectangle(-2.4, 2.4, 0.85, 1.0), (176, 108, 62))
    solid.side(_rectangle(-1.6, -0.4, 1.4, 2.0), (74, 82, 90))
    solid.side(_rectangle(0.6, 1.3, 0.6, 2.2), (204, 202, 194))
    solid.edge(1, (-0.7, 0.7, 0.1, 0.7), (74, 82, 90))
    solid.edge(0, (-0.9, -0.7, 0.3, 0.6), (176, 30, 28))
    solid.edge(0, (0.7, 0.9, 0.3, 0.6), (176, 30, 28))
    solid.wheels([0.0], radius=0.32)
    solid.finish()


def draw_trailer(canvas: Canvas, *, pose: Pose, code: int) -> None:
    """A small open trailer with a grey tarpaulin."""
    solid = Solid(canvas, pose=pose, profile=_box(-1.3, 1.3, 0.4, 1.5, 1.5), code=code)
    solid.body((122, 128, 136), side=(122, 128, 136))
    solid.side(_rectangle(-1.3, 1.3, 0.4, 0.8), (86, 88, 90))
    solid.edge(0, (-1.0, 1.0, 0.0, 0.35), (86, 88, 90))
    solid.wheels([0.0], radius=0.3)
    solid.finish()
