"""Painting on a canvas with premultiplied opacity, in units of the body height.

A brush collects strokes and paints them together: the geometry of forty strokes at once costs
little more than that of one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from reid_jax.synthetic.domain import Colour

Point = tuple[float, float]  # (to the right, up), from the point between the feet, in body heights
Capsule = tuple[Point, Point, float, float, Colour]  # ends a and b, radius at a, at b, colour

SHIFT = 4  # OpenCV takes coordinates as integers, here in 1/16 pixel
_ARC = np.linspace(0.5 * np.pi, 1.5 * np.pi, 6)  # angles of one end of a capsule
_ENDS = np.concatenate([_ARC, _ARC + np.pi])
_SHARES = np.linspace(0, 1, 14)


def tone(colour: Colour, light: float) -> tuple[float, float, float, int]:
    """Return RGBA of `colour` times `light`, fully opaque."""
    red, green, blue = colour
    if light <= 1:
        return red * light, green * light, blue * light, 255
    return min(255, red * light), min(255, green * light), min(255, blue * light), 255


class Brush(NamedTuple):
    """A list of strokes to paint.

    Attributes:
        strokes: (kind, geometry, colour or cloth), from far to near, in body heights.
    """

    strokes: list

    def limb(self, capsules: Sequence[Capsule], dark: float = 0.76, light: float = 1.06) -> None:
        """Add a chain of tapered capsules as one rounded body.

        All dark rims are painted first, then all lit cores over them.

        Args:
            capsules: the chain.
            dark: factor on the colour of the rims.
            light: factor on the colour of the cores.
        """
        note = self.strokes.append
        for (px, py), (qx, qy), r, s, colour in capsules:
            note(("capsule", (px, py, qx, qy, r, s), tone(colour, dark)))
        for (px, py), (qx, qy), r, s, colour in capsules:
            core = px - 0.2 * r, py + 0.05 * r, qx - 0.2 * s, qy + 0.05 * s, 0.66 * r, 0.66 * s
            note(("capsule", core, tone(colour, light)))

    def flat(self, capsules: Sequence[Capsule]) -> None:
        """Add capsules without shading."""
        for (px, py), (qx, qy), r, s, colour in capsules:
            self.strokes.append(("capsule", (px, py, qx, qy, r, s), tone(colour, 1.0)))

    def oval(
        self, centre: Point, radii: Point, colour: Colour, light: float = 1.0, dome: bool = False
    ) -> None:
        """Add an oval, its colour times `light`; with `dome` its upper half only."""
        start, end = (np.pi, 2 * np.pi) if dome else (0.0, 2 * np.pi)
        self.strokes.append(("oval", (*centre, *radii, start, end), tone(colour, light)))

    def shadow(self, centre: Point, radii: Point, opacity: int) -> None:
        """Add a black oval of an opacity in [0, 255]; 255 hides the ground."""
        self.strokes.append(("oval", (*centre, *radii, 0.0, 2 * np.pi), (0, 0, 0, opacity)))

    def cloth(self, outline: Sequence[Point], cloth: np.ndarray) -> None:
        """Add an outline, convex or not, filled with a picture.

        Args:
            outline: the corners.
            cloth: uint8 [r c 3], stretched over the bounds of the outline.
        """
        self.strokes.append(("cloth", outline, cloth))

    def paint(self, canvas: np.ndarray, foot: Point, scale: float) -> None:
        """Paint all strokes in place.

        Args:
            canvas: uint8 [h w 4], premultiplied RGBA; what lies outside is cut off.
            foot: (x, y), the pixel between the feet.
            scale: pixels per body height.
        """
        capsules = np.array(
            [where for kind, where, _ in self.strokes if kind == "capsule"]
        ).reshape(-1, 6)
        ovals = np.array([where for kind, where, _ in self.strokes if kind == "oval"]).reshape(
            -1, 6
        )
        place = np.array([scale, -scale]), np.array(foot)
        outlines = {
            "capsule": iter(_fixed(_around(capsules), *place)),
            "oval": iter(_fixed(_turn(ovals), *place)),
        }
        for kind, where, colour in self.strokes:
            if kind == "cloth":
                _stretch(canvas, np.array(where) * place[0] + place[1], colour)
            else:
                # At an antialiased edge OpenCV blends (0, 0, 0, 0) with (r, g, b, 255), which
                # is correct for premultiplied opacity.
                cv2.fillConvexPoly(canvas, next(outlines[kind]), colour, cv2.LINE_AA, SHIFT)


def _fixed(outlines: np.ndarray, scale: np.ndarray, foot: np.ndarray) -> np.ndarray:
    """Convert body heights to pixels in OpenCV's fixed-point numbers."""
    return ((outlines * scale + foot) * (1 << SHIFT)).astype(np.int32)


def _around(capsules: np.ndarray) -> np.ndarray:
    """Compute the outlines [k 12 2] of capsules [k 6]: (x, y) of both ends, then both radii."""
    px, py, qx, qy, *_ = capsules.T
    turn = np.arctan2(qy - py, qx - px)[:, None] + _ENDS
    reach = np.repeat(capsules[:, 4:], 6, 1)
    x = np.repeat(capsules[:, 0:4:2], 6, 1) + np.cos(turn) * reach
    return np.stack([x, np.repeat(capsules[:, 1:4:2], 6, 1) + np.sin(turn) * reach], 2)


def _turn(ovals: np.ndarray) -> np.ndarray:
    """Compute the outlines [k 14 2] of ovals [k 6].

    An oval is its centre, radii, first and last angle (clockwise from the right).
    """
    x, y, rx, ry, start, end = ovals.T[..., None]
    turn = start + _SHARES * (end - start)
    return np.stack([x + np.cos(turn) * rx, y - np.sin(turn) * ry], 2)


def _stretch(canvas: np.ndarray, points: np.ndarray, cloth: np.ndarray) -> None:
    """Paint `cloth` inside an outline [n 2] of pixels, stretched over its bounds, in place."""
    (left, top), (right, bottom) = points.min(0), points.max(0)
    height, width = canvas.shape[:2]
    x0, y0 = max(int(left), 0), max(int(top), 0)
    x1, y1 = min(int(right) + 2, width), min(int(bottom) + 2, height)
    if x0 >= x1 or y0 >= y1 or right - left < 0.5:
        return
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    cv2.fillPoly(
        mask, [((points - (x0, y0)) * (1 << SHIFT)).astype(np.int32)], 255, cv2.LINE_AA, SHIFT
    )
    to = np.array(
        [
            [(right - left) / cloth.shape[1], 0, left - x0],
            [0, (bottom - top) / cloth.shape[0], top - y0],
        ]
    )
    drawn = cv2.warpAffine(
        cloth, to, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    lay(canvas[y0:y1, x0:x1], cv2.merge([*cv2.split(drawn), np.full_like(mask, 255)]), mask)


def lay(under: np.ndarray, over: np.ndarray, mask: np.ndarray) -> None:
    """Blend `over` into `under`, in place.

    Args:
        under: uint8 [h w c].
        over: uint8 [h w c].
        mask: uint8 [h w], the opacity; 255 is opaque.
    """
    weight = cv2.merge([mask] * under.shape[2])
    cv2.add(
        cv2.multiply(over, weight, scale=1 / 255),
        cv2.multiply(under, 255 - weight, scale=1 / 255),
        under,
    )


def settle(under: np.ndarray, over: np.ndarray) -> None:
    """Blend a premultiplied `over`, uint8 [h w 4], into `under`, uint8 [h w 3], in place."""
    red, green, blue, opacity = cv2.split(over)
    clear = cv2.merge([255 - opacity] * 3)
    cv2.add(cv2.multiply(under, clear, scale=1 / 255), cv2.merge([red, green, blue]), under)
