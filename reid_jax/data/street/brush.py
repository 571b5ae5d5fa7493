"""Painting in units of the body height on a canvas with premultiplied opacity."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from reid_jax.data.street.domain import Colour

Point = tuple[float, float]  # (to the right, up), from the point between the feet, in body heights
Capsule = tuple[Point, Point, float, float, Colour]  # from, to, radius there, radius here, colour

SHIFT = 4  # OpenCV takes whole numbers of 1/16 pixel
_ARC = np.linspace(0.5 * np.pi, 1.5 * np.pi, 6)  # one end of a capsule
_ROUND = np.linspace(0, 2 * np.pi, 17)[:-1]


def tone(colour: Colour, light: float) -> tuple[float, float, float, int]:
    """Give `colour` under `light` (1 leaves it), fully opaque."""
    return min(255, colour[0] * light), min(255, colour[1] * light), min(255, colour[2] * light), 255


class Brush(NamedTuple):
    """A canvas uint8 [h w 4] (premultiplied RGBA), the pixel (x, y) between the feet, and pixels per body height."""

    canvas: np.ndarray
    x: float
    y: float
    scale: float

    def fill(self, outline: np.ndarray, colour: tuple[float, float, float, int]) -> None:
        """Fill a convex outline [k 2], in pixels, with an opaque colour."""
        # Blending (0, 0, 0, 0) with (r, g, b, 255) at the edge is exactly what premultiplied opacity asks for.
        points = (outline * (1 << SHIFT)).astype(np.int32)
        cv2.fillConvexPoly(self.canvas, points, colour, cv2.LINE_AA, SHIFT)

    def _ends(self, capsules: Sequence[Capsule]) -> tuple[np.ndarray, np.ndarray]:
        """Give joints [k 2 2] and radii [k 2] in pixels."""
        ends = np.array([(p, q) for p, q, _, _, _ in capsules], np.float32) * (self.scale, -self.scale)
        return ends + (self.x, self.y), np.array([(r, s) for _, _, r, s, _ in capsules]) * self.scale

    def limb(self, capsules: Sequence[Capsule], dark: float = 0.76, light: float = 1.06) -> None:
        """Paint a chain of tapered capsules as one rounded body: dark rims first, lit cores over all of them."""
        ends, radii = self._ends(capsules)
        core = ends - radii[..., None] * (0.2, 0.05)
        outlines = _outline(np.concatenate([ends, core]), np.concatenate([radii, 0.66 * radii]))
        outlines = (outlines * (1 << SHIFT)).astype(np.int32)
        for row, outline in enumerate(outlines):
            colour = tone(capsules[row % len(capsules)][4], dark if row < len(capsules) else light)
            cv2.fillConvexPoly(self.canvas, outline, colour, cv2.LINE_AA, SHIFT)

    def flat(self, capsules: Sequence[Capsule]) -> None:
        """Paint capsules without shading."""
        for outline, capsule in zip(_outline(*self._ends(capsules)), capsules, strict=True):
            self.fill(outline, tone(capsule[4], 1.0))

    def oval(self, centre: Point, radii: Point, colour: Colour, light: float = 1.0, part: tuple[int, int] = (0, 16)):
        """Fill an oval, or the part of it between two sixteenths of a turn (counted clockwise from the right)."""
        turn = _ROUND[part[0] : part[1] + 1]
        around = np.stack([np.cos(turn) * radii[0], np.sin(turn) * radii[1]], 1) * self.scale
        self.fill(around + (self.x + centre[0] * self.scale, self.y - centre[1] * self.scale), tone(colour, light))

    def cloth(self, outline: Sequence[Point], cloth: np.ndarray) -> None:
        """Fill an outline, convex or not, with a picture uint8 [r c 3] stretched over its bounds."""
        points = np.array(outline, np.float32) * (self.scale, -self.scale) + (self.x, self.y)
        (left, top), (right, bottom) = points.min(0), points.max(0)
        height, width = self.canvas.shape[:2]
        x0, y0 = max(int(left), 0), max(int(top), 0)
        x1, y1 = min(int(right) + 2, width), min(int(bottom) + 2, height)
        if x0 >= x1 or y0 >= y1 or right - left < 0.5:
            return
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        inside = ((points - (x0, y0)) * (1 << SHIFT)).astype(np.int32)
        cv2.fillPoly(mask, [inside], 255, cv2.LINE_AA, SHIFT)
        sx, sy = (right - left) / cloth.shape[1], (bottom - top) / cloth.shape[0]
        to = np.array([[sx, 0, left - x0], [0, sy, top - y0]])
        drawn = cv2.warpAffine(cloth, to, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        lay(self.canvas[y0:y1, x0:x1], cv2.merge([*cv2.split(drawn), np.full_like(mask, 255)]), mask)


def _outline(ends: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Give the outlines [k 12 2] of capsules with ends [k 2 2] and radii [k 2]."""
    along = ends[:, 1] - ends[:, 0]
    angle = np.arctan2(along[:, 1], along[:, 0])[:, None]
    turn = np.concatenate([angle + _ARC, angle + _ARC + np.pi], 1)
    reach = np.repeat(radii, 6, 1)
    return np.repeat(ends, 6, 1) + np.stack([np.cos(turn) * reach, np.sin(turn) * reach], 2)


def lay(under: np.ndarray, over: np.ndarray, mask: np.ndarray) -> None:
    """Blend `over` into `under` (both uint8 [h w c]) in place, by `mask` (uint8 [h w], 255 is opaque)."""
    weight = cv2.merge([mask] * under.shape[2])
    cv2.add(cv2.multiply(over, weight, scale=1 / 255), cv2.multiply(under, 255 - weight, scale=1 / 255), under)


def settle(under: np.ndarray, over: np.ndarray) -> None:
    """Put a premultiplied picture (uint8 [h w 4]) upon `under` (uint8 [h w 3]), in place."""
    red, green, blue, opacity = cv2.split(over)
    clear = cv2.merge([255 - opacity] * 3)
    cv2.add(cv2.multiply(under, clear, scale=1 / 255), cv2.merge([red, green, blue]), under)
