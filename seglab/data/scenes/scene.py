"""One street scene: planned, drawn from the back to the front at twice its size, then taken by a camera."""

from dataclasses import dataclass

import cv2
import numpy as np

from seglab.data.scenes import ids
from seglab.data.scenes.canvas import Canvas
from seglab.data.scenes.frontier import plan_frontier
from seglab.data.scenes.ground import draw_ground
from seglab.data.scenes.light import develop, sample_light
from seglab.data.scenes.roadside import plan_roadside
from seglab.data.scenes.sky import draw_backdrop, draw_sky
from seglab.data.scenes.stage import Stage
from seglab.data.scenes.street import sample_camera, sample_street
from seglab.data.scenes.traffic import plan_traffic
from seglab.data.scenes.weather import LIGHTS, Weather, rained_on


@dataclass(frozen=True)
class Scene:
    """A drawn street with its exact annotation, in the ids of Cityscapes."""

    image: np.ndarray  # (H, W, 3) uint8 RGB
    label_ids: np.ndarray  # (H, W) uint8, 0..33
    instance_ids: np.ndarray  # (H, W) uint16: label * 1000 + k for the k-th instance, the bare label id elsewhere


def draw_scene(generator: np.random.Generator, *, height: int, width: int, weather: Weather | None = None) -> Scene:
    """A street scene that depends on nothing but the state of `generator`; height and width in pixels.

    Args:
        weather: rain, or night; None leaves it to the generator, which knows sun, clouds, haze and dusk.
    """
    light = sample_light(generator)
    if weather is not None:
        light = LIGHTS[weather](light)
    street = sample_street(generator)
    camera = sample_camera(generator, street=street, height=2 * height, width=2 * width)
    canvas = Canvas(height=2 * height, width=2 * width, camera=camera, light=light)
    draw_sky(canvas, generator)
    draw_backdrop(canvas, generator, street=street)
    draw_ground(canvas, generator, street=street)
    stage = Stage(canvas, generator, street)
    plan_frontier(stage)
    plan_roadside(stage)
    plan_traffic(stage)
    stage.draw()
    _draw_bonnet(canvas, generator)
    image = develop(
        cv2.resize(canvas.image, (width, height), interpolation=cv2.INTER_AREA), light=light, generator=generator
    )
    if weather == "rain":
        image = rained_on(image, generator)
    instance_ids = _majority(canvas.ids)
    _draw_margins(instance_ids)
    label_ids = np.where(instance_ids >= 1000, instance_ids // 1000, instance_ids).astype(np.uint8)
    return Scene(image=image, label_ids=label_ids, instance_ids=instance_ids)


def _draw_bonnet(canvas: Canvas, generator: np.random.Generator) -> None:
    """The bonnet of the own car along the lower edge: `ego vehicle`, which no score counts."""
    height, width = canvas.ids.shape
    across = np.linspace(-1.0, 1.0, 24)
    top = height * (generator.uniform(0.90, 0.95) + 0.05 * np.abs(across) ** 2.5)
    edge = np.stack([(across + 1.0) * width / 2, top], axis=1)
    bottom = np.array([[width, height + 2], [0, height + 2]])
    paint = np.array(((38, 40, 44), (92, 96, 102), (150, 154, 160))[generator.integers(3)])
    for sink, shade in ((0.0, 1.35), (0.008, 0.9), (0.03, 1.05), (0.05, 0.8)):
        outline = np.concatenate([edge + np.array([0.0, sink * height]), bottom])
        canvas.fill(outline, tuple(paint * shade), ids.EGO_VEHICLE)


def _draw_margins(instance_ids: np.ndarray) -> None:
    """The thin frame that Cityscapes leaves out: a rectification border, and a strip at the bottom out of roi."""
    margin = max(1, instance_ids.shape[1] // 160)
    instance_ids[:, :margin] = instance_ids[:, -margin:] = ids.RECTIFICATION_BORDER
    instance_ids[:margin] = instance_ids[-margin:] = ids.OUT_OF_ROI


def _majority(codes: np.ndarray) -> np.ndarray:
    """(H, W) of (2H, 2W): the id that fills most of each 2x2 block; of two equal halves the one at its top left."""
    a, b, c, d = codes[::2, ::2], codes[::2, 1::2], codes[1::2, ::2], codes[1::2, 1::2]
    without_a = np.where((b == c) | (b == d), b, np.where(c == d, c, a))
    return np.where((a == b) | (a == c) | (a == d), a, without_a)
