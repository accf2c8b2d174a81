"""Street furniture: lamps, traffic lights, signs, bollards, bins, benches, and what hangs from their poles."""

import numpy as np

from seglab.data.scenes import ids
from seglab.data.scenes.canvas import Canvas
from seglab.data.scenes.figure import Figure
from seglab.data.scenes.light import Colour, shaded

_STEEL = ((112, 116, 120), (84, 88, 92), (62, 76, 66), (146, 148, 150))
_RED, _BLUE, _YELLOW, _WHITE = (196, 30, 36), (28, 84, 164), (240, 196, 36), (232, 232, 228)


def _steel(generator: np.random.Generator) -> Colour:
    return _STEEL[generator.integers(len(_STEEL))]


def _pole(figure: Figure, *, height: float, width: float, colour: Colour, x: float = 0.0) -> None:
    figure.limb([(x, 0.0), (x, height)], width, colour)
    if figure.scale * width > 4.0:
        side = width * 0.22
        figure.limb([(x - side, 0.0), (x - side, height)], width * 0.3, shaded(colour, 1.3), detail=True)


def draw_lamp(canvas: Canvas, generator: np.random.Generator, *, across: float, along: float, tall: bool) -> None:
    """A street lamp: a tall one with an arm over the road, or a low one with a globe."""
    figure = Figure(canvas, across=across, along=along, code=ids.POLE)
    colour = _steel(generator)
    lit = (255, 238, 190) if canvas.light.lit_windows > 0.3 else (206, 208, 206)
    if not tall:
        _pole(figure, height=3.6, width=0.13, colour=colour)
        figure.disc((0.0, 3.75), 0.24, lit)
        return
    height, inward = generator.uniform(6.5, 9.0), -float(np.sign(across))
    _pole(figure, height=height, width=0.17, colour=colour)
    figure.limb([(0.0, height), (inward * 0.7, height + 0.5), (inward * 1.8, height + 0.6)], 0.11, colour)
    figure.limb([(inward * 1.5, height + 0.6), (inward * 2.3, height + 0.56)], 0.2, lit)


def draw_traffic_light(
    canvas: Canvas, generator: np.random.Generator, *, across: float, along: float, arm: float, facing: bool
) -> None:
    """Signals on a pole, and more on an arm of `arm` metres over the road; from behind they are black boxes."""
    figure = Figure(canvas, across=across, along=along, code=ids.POLE)
    colour = _steel(generator)
    inward = -float(np.sign(across))
    _pole(figure, height=5.6 if arm > 0 else 3.5, width=0.17, colour=colour)
    aspect = ((235, 30, 30), (250, 176, 32), (40, 226, 130))[generator.choice(3, p=[0.45, 0.1, 0.45])]
    heads = [(inward * 0.22, 2.3)]
    if arm > 0:
        figure.limb([(0.0, 5.4), (inward * arm, 5.6)], 0.14, colour)
        heads.append((inward * arm, 4.8))
    figure.code = ids.TRAFFIC_LIGHT
    for x, y in heads:
        _signal(figure, x=x, y=y, aspect=aspect if facing else None)


def _signal(figure: Figure, *, x: float, y: float, aspect: Colour | None) -> None:
    figure.shape([(x - 0.2, y), (x + 0.2, y), (x + 0.2, y + 1.05), (x - 0.2, y + 1.05)], (26, 30, 28))
    if aspect is None:
        return
    lamps = (((235, 30, 30), 0.86), ((250, 176, 32), 0.53), ((40, 226, 130), 0.2))
    for colour, up in lamps:
        glow = colour if colour == aspect else shaded(colour, 0.22)
        figure.disc((x, y + up), 0.14 if colour == aspect else 0.11, glow, detail=True)


def draw_sign(canvas: Canvas, generator: np.random.Generator, *, across: float, along: float) -> None:
    """One or two signs on a thin pole."""
    figure = Figure(canvas, across=across, along=along, code=ids.POLE)
    height = generator.uniform(2.3, 3.0)
    _pole(figure, height=height + 0.6, width=0.08, colour=(138, 140, 142))
    figure.code = ids.TRAFFIC_SIGN
    _plate(figure, generator, x=0.0, y=height)
    if generator.random() < 0.35:
        _plate(figure, generator, x=0.0, y=height - 0.75)


def _plate(figure: Figure, generator: np.random.Generator, *, x: float, y: float) -> None:
    kind = ("ban", "order", "warning", "priority", "yield", "stop", "parking")[
        generator.choice(7, p=[0.24, 0.18, 0.12, 0.14, 0.12, 0.05, 0.15])
    ]
    if kind in ("ban", "order", "stop"):
        figure.disc((x, y), 0.34, _BLUE if kind == "order" else _RED)
        if kind == "ban":
            figure.disc((x, y), 0.24, _WHITE, detail=True)
            figure.limb([(x - 0.09, y), (x + 0.09, y)], 0.16, (40, 40, 44), detail=True)
        else:
            figure.limb([(x - 0.16, y), (x + 0.16, y)], 0.1, _WHITE, detail=True)
    elif kind == "priority":
        figure.shape([(x, y - 0.42), (x + 0.42, y), (x, y + 0.42), (x - 0.42, y)], _WHITE)
        figure.shape([(x, y - 0.29), (x + 0.29, y), (x, y + 0.29), (x - 0.29, y)], _YELLOW, detail=True)
    elif kind == "parking":
        figure.shape([(x - 0.32, y - 0.32), (x + 0.32, y - 0.32), (x + 0.32, y + 0.32), (x - 0.32, y + 0.32)], _BLUE)
        figure.limb(
            [(x - 0.1, y - 0.2), (x - 0.1, y + 0.2), (x + 0.1, y + 0.14), (x - 0.08, y)], 0.08, _WHITE, detail=True
        )
    else:
        turn = 1.0 if kind == "warning" else -1.0
        figure.shape([(x - 0.42, y - 0.32 * turn), (x + 0.42, y - 0.32 * turn), (x, y + 0.42 * turn)], _RED)
        figure.shape(
            [(x - 0.25, y - 0.22 * turn), (x + 0.25, y - 0.22 * turn), (x, y + 0.24 * turn)], _WHITE, detail=True
        )


def draw_direction_board(canvas: Canvas, generator: np.random.Generator, *, across: float, along: float) -> None:
    """A large board with place names on two posts, or on a gantry arm."""
    figure = Figure(canvas, across=across, along=along, code=ids.POLE)
    for post in (-0.9, 0.9):
        _pole(figure, height=3.6, width=0.11, colour=(138, 140, 142), x=post)
    figure.code = ids.TRAFFIC_SIGN
    ground = (_YELLOW, _BLUE, _WHITE)[generator.integers(3)]
    figure.shape([(-1.3, 2.2), (1.3, 2.2), (1.3, 3.7), (-1.3, 3.7)], ground)
    ink = (30, 30, 34) if ground != _BLUE else _WHITE
    for row in (2.5, 2.95, 3.4):
        start = generator.uniform(-1.0, -0.5)
        figure.limb([(start, row), (generator.uniform(0.1, 1.0), row)], 0.13, ink, detail=True)


def draw_bollard(canvas: Canvas, generator: np.random.Generator, *, across: float, along: float) -> None:
    """A bollard, labelled pole."""
    figure = Figure(canvas, across=across, along=along, code=ids.POLE)
    figure.limb([(0.0, 0.0), (0.0, 0.95)], 0.14, _steel(generator))
    figure.limb([(0.0, 0.75), (0.0, 0.8)], 0.15, (210, 60, 50) if generator.random() < 0.4 else _WHITE, detail=True)


def draw_static(canvas: Canvas, generator: np.random.Generator, *, across: float, along: float) -> None:
    """A thing that stays: bin, bench, letter box, advertising column, power cabinet."""
    figure = Figure(canvas, across=across, along=along, code=ids.STATIC)
    kind = generator.integers(4)
    if kind == 0:
        figure.shape(
            [(-0.26, 0.1), (0.26, 0.1), (0.31, 1.0), (-0.31, 1.0)],
            ((58, 60, 62), (62, 84, 60), (190, 110, 40))[generator.integers(3)],
        )
        figure.shape([(-0.33, 1.0), (0.33, 1.0), (0.28, 1.12), (-0.28, 1.12)], (44, 46, 48))
    elif kind == 1:
        figure.limb([(-0.8, 0.45), (0.8, 0.45)], 0.1, (128, 90, 58))
        figure.limb([(-0.8, 0.8), (0.8, 0.8)], 0.14, (128, 90, 58))
        for leg in (-0.7, 0.7):
            figure.limb([(leg, 0.0), (leg, 0.8)], 0.07, (60, 60, 62))
    elif kind == 2:
        figure.shape([(-0.7, 0.0), (0.7, 0.0), (0.7, 3.0), (-0.7, 3.0)], (190, 184, 170))
        figure.shape(
            [(-0.55, 0.7), (0.1, 0.7), (0.1, 2.6), (-0.55, 2.6)], tuple(generator.uniform(40, 220, 3)), detail=True
        )
        figure.shape([(-0.85, 3.0), (0.85, 3.0), (0.5, 3.4), (-0.5, 3.4)], (92, 106, 98))
    else:
        figure.shape([(-0.45, 0.0), (0.45, 0.0), (0.45, 1.2), (-0.45, 1.2)], (146, 150, 146))
        figure.shape([(0.0, 0.05), (0.03, 0.05), (0.03, 1.15), (0.0, 1.15)], (96, 100, 96), detail=True)


def draw_dynamic(canvas: Canvas, generator: np.random.Generator, *, across: float, along: float) -> None:
    """A thing that will be gone tomorrow: rubbish bags, a pram, a wheelie bin at the kerb."""
    figure = Figure(canvas, across=across, along=along, code=ids.DYNAMIC)
    if generator.random() < 0.5:
        for x in (-0.3, 0.0, 0.28):
            figure.disc((x, 0.22), 0.24, shaded((60, 74, 110), generator.uniform(0.7, 1.2)))
    else:
        figure.shape(
            [(-0.28, 0.12), (0.28, 0.12), (0.34, 1.0), (-0.34, 1.0)],
            ((40, 70, 50), (60, 62, 66), (200, 170, 40))[generator.integers(3)],
        )
        figure.disc((-0.2, 0.12), 0.11, (24, 24, 26))


def draw_wires(canvas: Canvas, *, across: float, street_end: float) -> None:
    """The contact wire above a tram line; too thin to be labelled."""
    steps = np.geomspace(4.0, street_end, 20)
    wire = canvas.camera.project(np.stack([np.full_like(steps, across), np.full_like(steps, 5.4), steps], axis=1))
    lower = canvas.camera.project(np.stack([np.full_like(steps, across), np.full_like(steps, 5.37), steps], axis=1))
    canvas.paint(np.concatenate([wire, lower[::-1]]), canvas.light.tone((52, 52, 56), along=20.0))
