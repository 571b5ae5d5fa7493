"""The cloth of a garment, an unrolled cylinder: rows from shoulder to hem, columns around it."""

from functools import lru_cache

import cv2
import numpy as np

from reid_jax.synthetic.person import Garment

ROWS, TURN = 48, 96  # rows and columns of a cloth
FRONT = TURN // 2  # the column in the middle of the front; column 0 is that of the back


def _rings(cloth: np.ndarray, garment: Garment) -> None:
    height = ROWS / garment.repeats
    rows = (np.arange(ROWS) % height) < height * (0.5 if garment.motif % 2 else 0.3)
    cloth[rows] = garment.second


def _pales(cloth: np.ndarray, garment: Garment) -> None:
    width = TURN / (2 * garment.repeats + 2)
    columns = (np.arange(TURN) % width) < width * (0.5 if garment.motif % 2 else 0.3)
    cloth[:, columns] = garment.second


def _checks(cloth: np.ndarray, garment: Garment) -> None:
    cell = ROWS / (garment.repeats + 1)
    rows = (np.arange(ROWS) % (2 * cell)) < cell
    columns = (np.arange(TURN) % (2 * cell)) < cell
    if garment.motif % 2:  # a chessboard
        cloth[rows[:, None] ^ columns[None]] = garment.second
        return
    # Gingham: rows and columns of the second colour, mixed where only one of them is.
    mixed = (np.add(garment.colour, garment.second) // 2).astype(np.uint8)
    cloth[rows[:, None] ^ columns[None]] = mixed
    cloth[rows[:, None] & columns[None]] = garment.second


def _block(cloth: np.ndarray, garment: Garment) -> None:
    cut = int(ROWS * (0.25 + 0.12 * garment.motif))
    cloth[:cut] = garment.second


def _band(cloth: np.ndarray, garment: Garment) -> None:
    top = int(ROWS * (0.15 + 0.16 * garment.motif))
    cloth[top : top + ROWS // (garment.repeats + 1)] = garment.second


def _dots(cloth: np.ndarray, garment: Garment) -> None:
    step = 24 // garment.repeats * 2
    for row, y in enumerate(range(step // 2, ROWS, step)):
        for x in range(step // 2 * (row % 2), TURN, step):
            cv2.circle(cloth, (x, y), max(2, step // 4), garment.second, -1, cv2.LINE_AA)


def _halves(cloth: np.ndarray, garment: Garment) -> None:
    cloth[:, :FRONT] = garment.second


def _open(cloth: np.ndarray, garment: Garment) -> None:
    half = 3 + 2 * garment.motif
    cloth[:, FRONT - half : FRONT + half] = garment.second
    cloth[:, FRONT - half - 1] = cloth[:, FRONT + half] = np.asarray(garment.colour) // 2


def _logo(cloth: np.ndarray, garment: Garment) -> None:
    """Paint a logo on the front, and a smaller one on the back."""
    for x, y, r in ((FRONT, 18, 9), (0, 12, 6), (TURN, 12, 6)):
        if garment.motif == 0:
            cv2.circle(cloth, (x, y), r, garment.second, -1, cv2.LINE_AA)
        elif garment.motif == 1:
            cv2.rectangle(cloth, (x - r, y - r), (x + r, y + r), garment.second, 3)
        elif garment.motif == 2:
            corners = np.array([[x - r, y - r], [x + r, y - r], [x, y + r + 2]], np.int32)
            cv2.fillConvexPoly(cloth, corners, garment.second, cv2.LINE_AA)
        else:
            for line in (-6, 0, 6):
                cv2.rectangle(
                    cloth, (x - r, y + line - 1), (x + r, y + line + 1), garment.second, -1
                )


_DRAW = {
    "rings": _rings,
    "pales": _pales,
    "checks": _checks,
    "block": _block,
    "band": _band,
    "dots": _dots,
    "halves": _halves,
    "open": _open,
    "logo": _logo,
}
# For 32 columns across the visible half of the cylinder: the offset in the cloth from the middle,
# and the light (205 is 1, 255 about 1.25).
_SEEN = np.arcsin(np.linspace(-0.97, 0.97, 32)) / (2 * np.pi) * TURN
_SHADE = (115 + 125 * np.cos(np.linspace(-1.35, 1.15, 32))).astype(np.uint8)
_SHADES = np.repeat(np.repeat(_SHADE[None, :, None], ROWS, 0), 3, 2)


@lru_cache(maxsize=4096)
def weave(garment: Garment) -> np.ndarray:
    """Paint the whole cloth of a garment.

    Returns:
        uint8 [ROWS TURN 3], shared between callers and therefore read-only.
    """
    cloth = np.empty((ROWS, TURN, 3), np.uint8)
    cloth[:] = garment.colour
    if garment.pattern != "plain":
        _DRAW[garment.pattern](cloth, garment)
    cloth[-2:] = (cloth[-2:] * 0.75).astype(np.uint8)  # the hem
    cloth.flags.writeable = False
    return cloth


def drape(garment: Garment, view: float, shades: np.ndarray = _SHADES) -> np.ndarray:
    """Compute the half of the cloth that faces the camera, shaded as a cylinder.

    Args:
        garment: the garment.
        view: radians, 0 from the front, pi / 2 when the person walks to the right of the picture,
            pi from behind.
        shades: uint8 [ROWS 32 3], the light on each point; 205 leaves the colour.

    Returns:
        uint8 [ROWS 32 3].
    """
    # A person turned to the right of the picture shows the part of the cloth left of the front.
    columns = (FRONT - view / (2 * np.pi) * TURN + _SEEN).astype(np.intp) % TURN
    return cv2.multiply(weave(garment)[:, columns], shades, scale=1 / 205)
