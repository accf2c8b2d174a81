"""Where a scene is drawn: a camera standing in a street, and a picture with an id map that are painted together.

Street coordinates are metres: `across` (right of the road's centre line), `up`, `along` (ahead of the camera).
Ids are those of the instance map: label * 1000 + k for the k-th instance, the bare label elsewhere.
"""

from dataclasses import dataclass
from math import ceil, exp, floor

import cv2
import numpy as np

from seglab.data.scenes.light import Colour, Light

_SUBPIXEL_BITS = 3
_STRAIGHT_AFTER = 90.0  # metres: a bend ends here, so that no street curls back


@dataclass(frozen=True)
class Camera:
    """A pinhole camera in a street; focal, horizon and centre in pixels, the rest in metres."""

    focal: float
    horizon: float
    centre: float
    height: float
    across: float
    bend: float  # 1 / metre, curvature of the street

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels (N, 2) as column, row of points (N, 3) given as across, up, along."""
        along = np.maximum(points[:, 2], 1.0)
        across = points[:, 0] - self.across
        if self.bend:
            across = across + self.shift(along)
        pixels = np.empty((len(points), 2))
        scale = self.focal / along
        pixels[:, 0] = self.centre + across * scale
        pixels[:, 1] = self.horizon + (self.height - points[:, 1]) * scale
        return pixels

    def shift(self, along: np.ndarray) -> np.ndarray:
        """Metres by which the bend has carried the street to the right at these distances."""
        curved = np.minimum(along, _STRAIGHT_AFTER)
        return self.bend * curved * (along - 0.5 * curved)

    def scale(self, along: float) -> float:
        """Pixels a metre at this distance."""
        return self.focal / max(along, 1.0)


class Canvas:
    """A picture (H, W, 3) uint8 RGB and its ids (H, W) uint16, empty at first; later strokes cover earlier ones."""

    def __init__(self, *, height: int, width: int, camera: Camera, light: Light) -> None:
        self.image = np.zeros((height, width, 3), np.uint8)
        self.ids = np.zeros((height, width), np.uint16)
        self.camera = camera
        self.light = light
        self._counts: dict[int, int] = {}

    def new_instance(self, label: int) -> int:
        """The next free id of a label that counts its instances."""
        count = self._counts.get(label, 0)
        self._counts[label] = count + 1
        return label * 1000 + count

    def fill(self, pixels: np.ndarray, colour: Colour, code: int) -> None:
        """Fill a polygon (N, 2) in the picture and in the ids."""
        corners = self._fixed_point(pixels)
        cv2.fillPoly(self.image, corners, colour, shift=_SUBPIXEL_BITS)
        cv2.fillPoly(self.ids, corners, code, shift=_SUBPIXEL_BITS)

    def paint(self, pixels: np.ndarray, colour: Colour) -> None:
        """Fill a polygon (N, 2) in the picture alone: a detail of what is already there."""
        cv2.fillPoly(self.image, self._fixed_point(pixels), colour, shift=_SUBPIXEL_BITS)

    def mark(self, pixels: np.ndarray, code: int) -> None:
        """Fill a polygon (N, 2) in the ids alone: what is seen through still belongs to the thing."""
        cv2.fillPoly(self.ids, self._fixed_point(pixels), code, shift=_SUBPIXEL_BITS)

    def face(self, points: np.ndarray, colour: Colour, code: int, *, shade: float = 1.0) -> None:
        """Fill a polygon given in street coordinates (N, 3), toned by its distance."""
        tone = self.light.tone(colour, along=float(points[:, 2].min()), shade=shade)
        self.fill(self.camera.project(points), tone, code)

    def texture(self, points: np.ndarray, texture: np.ndarray, code: int, *, shade: float = 1.0) -> None:
        """Stretch a texture, RGB or RGBA (h, w, 3 or 4), over a quadrilateral (4, 3) in street coordinates.

        The corners follow the texture's: top left, top right, bottom right, bottom left. Alpha cuts holes.
        """
        quad = self.camera.project(points).astype(np.float32)
        left, top, right, bottom = self._bounds(quad)
        if right <= left or bottom <= top:
            return
        rows, columns = texture.shape[:2]
        flat = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
        offset = quad - np.array([left, top], np.float32)
        warped = cv2.warpPerspective(
            self._hazed(texture, along=float(points[:, 2].mean()), shade=shade),
            cv2.getPerspectiveTransform(flat, offset),
            (right - left, bottom - top),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        mask = np.zeros(warped.shape[:2], np.uint8)
        cv2.fillPoly(mask, self._fixed_point(offset), 255, shift=_SUBPIXEL_BITS)
        if texture.shape[2] == 4:
            mask &= cv2.threshold(warped[..., 3], 127, 255, cv2.THRESH_BINARY)[1]
        cv2.copyTo(
            warped if texture.shape[2] == 3 else cv2.cvtColor(warped, cv2.COLOR_RGBA2RGB),
            mask,
            self.image[top:bottom, left:right],
        )
        np.copyto(self.ids[top:bottom, left:right], np.uint16(code), where=mask != 0)

    def sees(self, points: np.ndarray) -> bool:
        """Whether a polygon (N, 3) in street coordinates can show on the canvas."""
        left, top, right, bottom = self._bounds(self.camera.project(points))
        return right > left and bottom > top

    def _hazed(self, texture: np.ndarray, *, along: float, shade: float) -> np.ndarray:
        haze = 1.0 - exp(-along / self.light.visibility)
        keep = shade * (1.0 - haze)
        levels = np.arange(256, dtype=np.float32)[:, None] * keep + np.asarray(self.light.sky_low) * haze
        table = np.minimum(levels, 255.0).astype(np.uint8)  # (256, 3)
        if texture.shape[2] == 4:
            table = np.concatenate([table, np.arange(256, dtype=np.uint8)[:, None]], axis=1)
        return cv2.LUT(texture, np.ascontiguousarray(table[None]))

    def _fixed_point(self, pixels: np.ndarray) -> list[np.ndarray]:
        limit = 8.0 * max(self.ids.shape)  # beyond it OpenCV's fixed point numbers overflow
        return [np.rint(np.minimum(np.maximum(pixels, -limit), limit) * (1 << _SUBPIXEL_BITS)).astype(np.int32)]

    def _bounds(self, pixels: np.ndarray) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of what the canvas shows of a polygon; nothing if right <= left or bottom <= top."""
        height, width = self.ids.shape
        left, top = pixels.min(axis=0).tolist()
        right, bottom = pixels.max(axis=0).tolist()
        return max(floor(left), 0), max(floor(top), 0), min(ceil(right) + 1, width), min(ceil(bottom) + 1, height)
