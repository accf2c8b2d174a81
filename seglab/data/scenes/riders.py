"""Two-wheelers: bicycles and motorcycles, parked or with a rider."""

import numpy as np

from seglab.data.scenes.canvas import Canvas
from seglab.data.scenes.figure import Figure
from seglab.data.scenes.light import Colour, shaded
from seglab.data.scenes.people import CLOTHES, SKIN, draw_head, pick

_FRAMES = ((40, 40, 44), (150, 36, 40), (44, 78, 132), (170, 174, 178), (58, 110, 82), (222, 222, 216))
_METAL = ((178, 34, 34), (32, 34, 38), (38, 70, 140), (206, 124, 34), (196, 198, 200), (52, 110, 60))


def draw_bicycle(
    canvas: Canvas,
    generator: np.random.Generator,
    *,
    across: float,
    along: float,
    code: int,
    rider: int | None,
    turned: float,
) -> None:
    """A bicycle; `turned` 1 shows its side, near 0 its end. `rider` is the id of who sits on it, if anyone."""
    bicycle = Figure(canvas, across=across, along=along, code=code, stretch=max(turned, 0.12))
    frame = pick(generator, _FRAMES)
    for wheel in (-0.52, 0.52):
        bicycle.ring((wheel, 0.34), 0.34, 0.06, (30, 30, 32))
        if bicycle.scale > 30 and turned > 0.5:
            for angle in (0.3, 1.35, 2.4):
                reach = np.array([np.cos(angle), np.sin(angle)]) * 0.32
                bicycle.limb(
                    [(wheel - reach[0], 0.34 - reach[1]), (wheel + reach[0], 0.34 + reach[1])],
                    0.012,
                    (150, 150, 152),
                    detail=True,
                )
    for bar in (
        [(-0.52, 0.34), (-0.18, 0.82), (-0.05, 0.33), (-0.52, 0.34)],
        [(-0.05, 0.33), (0.38, 0.8), (-0.18, 0.78)],
        [(0.52, 0.34), (0.36, 0.98)],
    ):
        bicycle.limb(bar, 0.055, frame)
    bicycle.limb([(-0.3, 0.94), (-0.08, 0.93)], 0.075, (30, 28, 28))
    bicycle.limb([(0.28, 1.0), (0.44, 1.0)], 0.05, (40, 40, 42))
    if turned < 0.5:  # seen from the end: tyre, handlebar, lamp
        end = Figure(canvas, across=across, along=along, code=code)
        end.limb([(0.0, 0.06), (0.0, 0.66)], 0.07, (28, 28, 30))
        end.limb([(-0.29, 1.02), (0.29, 1.02)], 0.05, (44, 44, 48))
        end.disc((0.0, 0.78), 0.05, (190, 30, 28))
    if rider is not None:
        _draw_cyclist(canvas, generator, across=across, along=along, code=rider, turned=turned)


def _draw_cyclist(
    canvas: Canvas, generator: np.random.Generator, *, across: float, along: float, code: int, turned: float
) -> None:
    jacket, legs = pick(generator, CLOTHES), pick(generator, ((44, 52, 76), (36, 36, 42), (84, 80, 74), SKIN[0]))
    sleeve = shaded(jacket, 0.82)
    figure = Figure(canvas, across=across, along=along, code=code, stretch=max(turned, 0.3))
    if turned >= 0.5:
        for knee, foot, colour in (((0.14, 0.68), (-0.1, 0.18), shaded(legs, 0.7)), ((0.22, 0.82), (0.06, 0.42), legs)):
            figure.limb([(-0.18, 0.98), knee, foot], 0.13, colour)
            figure.limb([foot, (foot[0] + 0.14, foot[1])], 0.07, (34, 32, 32))
        figure.shape([(-0.32, 0.92), (-0.06, 0.92), (0.27, 1.4), (0.1, 1.54), (-0.06, 1.46)], jacket)
        figure.limb([(0.16, 1.4), (0.22, 1.14), (0.38, 1.03)], 0.09, sleeve)
        head = (0.22, 1.66)
    else:
        figure = Figure(canvas, across=across, along=along, code=code)
        for side in (-1.0, 1.0):
            figure.limb([(side * 0.1, 0.95), (side * 0.15, 0.62), (side * 0.12, 0.28 + 0.1 * side)], 0.13, legs)
            figure.limb([(side * 0.19, 1.42), (side * 0.3, 1.2), (side * 0.25, 1.04)], 0.09, sleeve)
        figure.shape([(-0.17, 0.9), (0.17, 0.9), (0.23, 1.4), (0.11, 1.52), (-0.11, 1.52), (-0.23, 1.4)], jacket)
        head = (0.0, 1.66)
    draw_head(figure, generator, centre=head, radius=0.115)
    if generator.random() < 0.5:  # a helmet
        helmet = pick(generator, ((222, 222, 218), (190, 44, 40), (40, 44, 50), (62, 110, 170)))
        figure.shape(
            [
                (head[0] - 0.13, head[1] + 0.02),
                (head[0] + 0.14, head[1] + 0.02),
                (head[0] + 0.09, head[1] + 0.14),
                (head[0] - 0.08, head[1] + 0.15),
            ],
            helmet,
        )


def draw_motorcycle(
    canvas: Canvas,
    generator: np.random.Generator,
    *,
    across: float,
    along: float,
    code: int,
    rider: int | None,
    turned: float,
) -> None:
    """A motorcycle: fat wheels, tank, engine, exhaust; its rider wears a full helmet."""
    paint = pick(generator, _METAL)
    if turned >= 0.5:
        _draw_motorcycle_side(canvas, across=across, along=along, code=code, paint=paint, stretch=turned)
    else:
        _draw_motorcycle_end(canvas, across=across, along=along, code=code, paint=paint)
    if rider is not None:
        _draw_motorcyclist(canvas, generator, across=across, along=along, code=rider, turned=turned)


def _draw_motorcycle_side(
    canvas: Canvas, *, across: float, along: float, code: int, paint: Colour, stretch: float
) -> None:
    bike = Figure(canvas, across=across, along=along, code=code, stretch=stretch)
    for wheel in (-0.72, 0.74):
        bike.disc((wheel, 0.32), 0.32, (26, 26, 28))
        bike.disc((wheel, 0.32), 0.19, (134, 136, 140), detail=True)
        bike.disc((wheel, 0.32), 0.08, (40, 40, 42), detail=True)
    bike.shape([(-0.4, 0.26), (0.4, 0.22), (0.5, 0.66), (-0.46, 0.66)], (70, 72, 76))
    bike.limb([(0.1, 0.27), (-0.85, 0.36)], 0.12, (186, 188, 190))
    bike.limb([(0.74, 0.32), (0.5, 0.98)], 0.09, (150, 152, 156))
    bike.shape(
        [
            (-0.98, 0.84),
            (-0.9, 0.66),
            (-0.1, 0.6),
            (0.5, 0.6),
            (0.62, 0.86),
            (0.42, 1.02),
            (0.05, 0.96),
            (-0.1, 0.82),
            (-0.6, 0.82),
        ],
        paint,
    )
    bike.shape([(-0.66, 0.8), (-0.08, 0.8), (-0.12, 0.9), (-0.62, 0.92)], (28, 28, 30))
    bike.shape([(0.52, 0.82), (0.74, 0.86), (0.6, 1.24), (0.48, 1.02)], paint, shade=1.12)
    bike.limb([(0.3, 1.1), (0.48, 1.06)], 0.06, (34, 34, 36))
    bike.disc((0.7, 0.9), 0.07, (246, 240, 214), detail=True)


def _draw_motorcycle_end(canvas: Canvas, *, across: float, along: float, code: int, paint: Colour) -> None:
    bike = Figure(canvas, across=across, along=along, code=code)
    bike.limb([(0.0, 0.1), (0.0, 0.6)], 0.17, (26, 26, 28))
    bike.shape([(-0.2, 0.42), (0.2, 0.42), (0.28, 0.72), (0.17, 1.04), (-0.17, 1.04), (-0.28, 0.72)], paint)
    bike.shape([(-0.3, 0.34), (-0.18, 0.34), (-0.18, 0.6), (-0.3, 0.6)], (176, 178, 180))
    bike.limb([(-0.4, 1.08), (0.4, 1.08)], 0.06, (36, 36, 38))
    for side in (-0.42, 0.42):
        bike.disc((side, 1.2), 0.06, (60, 62, 66))
    bike.disc((0.0, 0.82), 0.08, (228, 42, 34), detail=True)


def _draw_motorcyclist(
    canvas: Canvas, generator: np.random.Generator, *, across: float, along: float, code: int, turned: float
) -> None:
    leather, helmet = pick(generator, ((34, 34, 38), (52, 50, 54), (86, 34, 34))), pick(generator, _METAL)
    figure = Figure(canvas, across=across, along=along, code=code, stretch=max(turned, 0.5) if turned >= 0.5 else 1.0)
    if turned >= 0.5:
        figure.limb([(-0.25, 0.92), (0.2, 0.8), (0.0, 0.34), (0.14, 0.3)], 0.17, shaded(leather, 0.85))
        figure.shape([(-0.44, 0.86), (-0.12, 0.86), (0.2, 1.3), (0.08, 1.48), (-0.14, 1.42)], leather)
        figure.limb([(0.06, 1.34), (0.16, 1.1), (0.4, 1.08)], 0.11, leather)
        head = (0.16, 1.58)
    else:
        for side in (-1.0, 1.0):
            figure.limb([(side * 0.12, 0.9), (side * 0.3, 0.74), (side * 0.26, 0.38)], 0.16, leather)
            figure.limb([(side * 0.22, 1.36), (side * 0.4, 1.2), (side * 0.36, 1.08)], 0.12, leather)
        figure.shape([(-0.2, 0.84), (0.2, 0.84), (0.28, 1.34), (0.12, 1.46), (-0.12, 1.46), (-0.28, 1.34)], leather)
        head = (0.0, 1.58)
    figure.disc(head, 0.155, helmet)
    figure.shape(
        [
            (head[0] - 0.06, head[1] - 0.05),
            (head[0] + 0.15, head[1] - 0.05),
            (head[0] + 0.15, head[1] + 0.05),
            (head[0] - 0.02, head[1] + 0.06),
        ],
        (28, 30, 36),
        detail=True,
    )
