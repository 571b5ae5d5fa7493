"""Painting in units of the body height on a canvas with premultiplied opacity.

A brush notes strokes and paints them together, since the geometry of forty strokes at once costs little more than that
of one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from reid_jax.data.street.domain import Colour

Point = tuple[float, float]  # (to the right, up), from the point between the feet, in body heights
Capsule = tuple[Point, Point, float, float, Colour]  # from, to, radius there, radius here, colour

SHIFT = 4  # OpenCV takes whole numbers of 1/16 pixel
_ARC = np.linspace(0.5 * np.pi, 1.5 * np.pi, 6)  # one end of a capsule
_ENDS = np.concatenate([_ARC, _ARC + np.pi])
_SHARES = np.linspace(0, 1, 14)


def tone(colour: Colour, light: float) -> tuple[float, float, float, int]:
    """Give `colour` under `light` (1 leaves it), fully opaque."""
    red, green, blue = colour
    if light <= 1:
        return red * light, green * light, blue * light, 255
    return min(255, red * light), min(255, green * light), min(255, blue * light), 255


class Brush(NamedTuple):
    """Strokes, from far to near: (kind, geometry, colour), in body heights."""

    strokes: list

    def limb(self, capsules: Sequence[Capsule], dark: float = 0.76, light: float = 1.06) -> None:
        """Note a chain of tapered capsules as one rounded body: dark rims first, lit cores over all of them."""
        note = self.strokes.append
        for (px, py), (qx, qy), r, s, colour in capsules:
            note(("capsule", (px, py, qx, qy, r, s), tone(colour, dark)))
        for (px, py), (qx, qy), r, s, colour in capsules:
            core = px - 0.2 * r, py + 0.05 * r, qx - 0.2 * s, qy + 0.05 * s, 0.66 * r, 0.66 * s
            note(("capsule", core, tone(colour, light)))

    def flat(self, capsules: Sequence[Capsule]) -> None:
        """Note capsules without shading."""
        for (px, py), (qx, qy), r, s, colour in capsules:
            self.strokes.append(("capsule", (px, py, qx, qy, r, s), tone(colour, 1.0)))

    def oval(self, centre: Point, radii: Point, colour: Colour, light: float = 1.0, dome: bool = False) -> None:
        """Note an oval, or with `dome` its upper half."""
        start, end = (np.pi, 2 * np.pi) if dome else (0.0, 2 * np.pi)
        self.strokes.append(("oval", (*centre, *radii, start, end), tone(colour, light)))

    def shadow(self, centre: Point, radii: Point, opacity: int) -> None:
        """Note a black oval that lets the ground shine through; opacity 255 hides it."""
        self.strokes.append(("oval", (*centre, *radii, 0.0, 2 * np.pi), (0, 0, 0, opacity)))

    def cloth(self, outline: Sequence[Point], cloth: np.ndarray) -> None:
        """Note an outline, convex or not, filled with a picture uint8 [r c 3] stretched over its bounds."""
        self.strokes.append(("cloth", outline, cloth))

    def paint(self, canvas: np.ndarray, foot: Point, scale: float) -> None:
        """Paint all strokes in place.

        Args:
            canvas: uint8 [h w 4], premultiplied RGBA; what lies outside of it is cut off.
            foot: (x, y), the pixel between the feet.
            scale: pixels per body height.
        """
        capsules = np.array([where for kind, where, _ in self.strokes if kind == "capsule"]).reshape(-1, 6)
        ovals = np.array([where for kind, where, _ in self.strokes if kind == "oval"]).reshape(-1, 6)
        place = np.array([scale, -scale]), np.array(foot)
        outlines = {"capsule": iter(_fixed(_around(capsules), *place)), "oval": iter(_fixed(_turn(ovals), *place))}
        for kind, where, colour in self.strokes:
            if kind == "cloth":
                _stretch(canvas, np.array(where) * place[0] + place[1], colour)
            else:
                # Blending (0, 0, 0, 0) with (r, g, b, 255) at an edge is just what premultiplied opacity asks for.
                cv2.fillConvexPoly(canvas, next(outlines[kind]), colour, cv2.LINE_AA, SHIFT)


def _fixed(outlines: np.ndarray, scale: np.ndarray, foot: np.ndarray) -> np.ndarray:
    return ((outlines * scale + foot) * (1 << SHIFT)).astype(np.int32)


def _around(capsules: np.ndarray) -> np.ndarray:
    """Give the outlines [k 12 2] of capsules [k 6]: (x, y) of either end, then the two radii."""
    px, py, qx, qy, *_ = capsules.T
    turn = np.arctan2(qy - py, qx - px)[:, None] + _ENDS
    reach = np.repeat(capsules[:, 4:], 6, 1)
    x = np.repeat(capsules[:, 0:4:2], 6, 1) + np.cos(turn) * reach
    return np.stack([x, np.repeat(capsules[:, 1:4:2], 6, 1) + np.sin(turn) * reach], 2)


def _turn(ovals: np.ndarray) -> np.ndarray:
    """Give the outlines [k 14 2] of ovals [k 6]: centre, radii, first and last angle (clockwise from the right)."""
    x, y, rx, ry, start, end = ovals.T[..., None]
    turn = start + _SHARES * (end - start)
    return np.stack([x + np.cos(turn) * rx, y - np.sin(turn) * ry], 2)


def _stretch(canvas: np.ndarray, points: np.ndarray, cloth: np.ndarray) -> None:
    (left, top), (right, bottom) = points.min(0), points.max(0)
    height, width = canvas.shape[:2]
    x0, y0, x1, y1 = max(int(left), 0), max(int(top), 0), min(int(right) + 2, width), min(int(bottom) + 2, height)
    if x0 >= x1 or y0 >= y1 or right - left < 0.5:
        return
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    cv2.fillPoly(mask, [((points - (x0, y0)) * (1 << SHIFT)).astype(np.int32)], 255, cv2.LINE_AA, SHIFT)
    to = np.array([[(right - left) / cloth.shape[1], 0, left - x0], [0, (bottom - top) / cloth.shape[0], top - y0]])
    drawn = cv2.warpAffine(cloth, to, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    lay(canvas[y0:y1, x0:x1], cv2.merge([*cv2.split(drawn), np.full_like(mask, 255)]), mask)


def lay(under: np.ndarray, over: np.ndarray, mask: np.ndarray) -> None:
    """Blend `over` into `under` (both uint8 [h w c]) in place, by `mask` (uint8 [h w], 255 is opaque)."""
    weight = cv2.merge([mask] * under.shape[2])
    cv2.add(cv2.multiply(over, weight, scale=1 / 255), cv2.multiply(under, 255 - weight, scale=1 / 255), under)


def settle(under: np.ndarray, over: np.ndarray) -> None:
    """Put a premultiplied picture (uint8 [h w 4]) upon `under` (uint8 [h w 3]), in place."""
    red, green, blue, opacity = cv2.split(over)
    clear = cv2.merge([255 - opacity] * 3)
    cv2.add(cv2.multiply(under, clear, scale=1 / 255), cv2.merge([red, green, blue]), under)
