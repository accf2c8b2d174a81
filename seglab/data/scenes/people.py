"""People on foot."""

import numpy as np

from seglab.data.scenes.canvas import Canvas
from seglab.data.scenes.figure import Figure
from seglab.data.scenes.light import Colour, shaded

SKIN = ((226, 184, 156), (206, 158, 126), (150, 104, 78), (104, 72, 56))
_HAIR = ((48, 36, 30), (92, 64, 42), (176, 140, 88), (30, 28, 28), (150, 148, 146))
CLOTHES = (
    (38, 42, 56), (58, 62, 74), (120, 38, 42), (70, 88, 64), (186, 178, 164), (44, 74, 118),
    (26, 28, 32), (168, 122, 74), (206, 204, 200), (98, 54, 92), (200, 152, 50), (36, 104, 110),
)  # fmt: skip
_TROUSERS = ((44, 52, 76), (36, 36, 42), (84, 80, 74), (110, 100, 84), (56, 62, 96))


def pick(generator: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    """One of the colours, a little lighter or darker."""
    red, green, blue = (value * generator.uniform(0.85, 1.15) for value in colours[generator.integers(len(colours))])
    return red, green, blue


def draw_person(canvas: Canvas, generator: np.random.Generator, *, across: float, along: float, code: int) -> None:
    """A person walking or standing, seen from any side."""
    tall = (
        float(np.clip(generator.normal(1.72, 0.09), 1.5, 1.95))
        if generator.random() < 0.9
        else generator.uniform(1.0, 1.35)
    )
    figure = Figure(canvas, across=across, along=along, code=code)
    sideways = generator.random() < 0.4
    stride = generator.uniform(0.05, 0.34) if sideways else generator.uniform(0.07, 0.13)
    hip, neck = 0.52 * tall, 0.82 * tall
    jacket, trousers = pick(generator, CLOTHES), pick(generator, _TROUSERS)
    dark = shaded(trousers, 0.72)
    skirt = generator.random() < 0.18
    legs = pick(generator, SKIN) if skirt else trousers
    facing = generator.choice([-1.0, 1.0])
    for step, colour in ((-stride, dark if not skirt else legs), (stride, legs)):
        knee = (step * 0.6 + (0.04 * facing if sideways else 0.0), 0.27 * tall)
        figure.limb([(step * 0.25, hip), knee, (step, 0.05)], 0.085 * tall, colour)
        figure.limb([(step - 0.02, 0.04), (step + (0.13 * facing if sideways else 0.0), 0.035)], 0.075, (34, 32, 32))
    half = (0.105 if sideways else 0.135) * tall
    hem = 0.36 * tall if skirt or generator.random() < 0.2 else 0.47 * tall
    body = [
        (-half * 0.8, hem),
        (half * 0.8, hem),
        (half, neck - 0.1),
        (half * 0.55, neck + 0.01),
        (-half * 0.55, neck + 0.01),
        (-half, neck - 0.1),
    ]
    _draw_arms(figure, generator, sideways=sideways, half=half, neck=neck, tall=tall, colour=shaded(jacket, 0.8))
    figure.shape(body, jacket)
    figure.shape(
        [(0.0, hem), (half * 0.8, hem), (half, neck - 0.1), (half * 0.3, neck)], jacket, detail=True, shade=0.86
    )
    if generator.random() < 0.3:
        _draw_bag(figure, generator, sideways=sideways, half=half, facing=facing, hip=hip, neck=neck)
    draw_head(figure, generator, centre=(0.02 * facing if sideways else 0.0, 0.925 * tall), radius=0.066 * tall + 0.005)


def _draw_arms(
    figure: Figure,
    generator: np.random.Generator,
    *,
    sideways: bool,
    half: float,
    neck: float,
    tall: float,
    colour: Colour,
) -> None:
    swing = generator.uniform(-0.2, 0.2) if sideways else generator.uniform(0.0, 0.05)
    for side in (-1.0, 1.0):
        shoulder = (side * half * (0.3 if sideways else 0.95), neck - 0.06)
        hand = (shoulder[0] + side * swing + side * 0.02, 0.47 * tall)
        figure.limb([shoulder, (hand[0] * 0.9 + side * 0.02, 0.63 * tall), hand], 0.055 * tall, colour)


def _draw_bag(
    figure: Figure,
    generator: np.random.Generator,
    *,
    sideways: bool,
    half: float,
    facing: float,
    hip: float,
    neck: float,
) -> None:
    colour = pick(generator, CLOTHES)
    if sideways:  # a rucksack on the back
        back = -facing * half
        figure.shape(
            [
                (back, hip + 0.15),
                (back - 0.14 * facing, hip + 0.17),
                (back - 0.14 * facing, neck - 0.08),
                (back, neck - 0.04),
            ],
            colour,
        )
    else:
        figure.shape(
            [(half, hip - 0.2), (half + 0.2, hip - 0.2), (half + 0.18, hip + 0.05), (half + 0.02, hip + 0.05)], colour
        )


def draw_head(figure: Figure, generator: np.random.Generator, *, centre: tuple[float, float], radius: float) -> None:
    """A head with hair; face or back of the head."""
    skin, hair = pick(generator, SKIN), pick(generator, _HAIR)
    figure.limb([centre, (centre[0], centre[1] - 1.5 * radius)], radius, skin)
    figure.disc(centre, radius * 1.05, hair)
    if generator.random() < 0.6:
        figure.disc((centre[0], centre[1] - 0.25 * radius), radius * 0.8, skin, detail=True)
