"""Parts of a body, added one by one, as `raster.cast` draws them."""

import numpy as np

import reid_jax.synthetic.town.raster as raster

Point = tuple[float, float, float]
FORWARD, UPWARD, SIDEWARD = (0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)

# what else a part can have, and where it stands
_LOOK = {
    "flat": raster.FLAT,
    "squash": raster.SQUASH,
    "other": raster.OTHER,
    "cut": raster.CUT,
    "opening": raster.OPEN,
    "role": raster.ROLE,
    "low": raster.LOW,
    "high": raster.HIGH,
    "blend": raster.BLEND,
    "strap": raster.STRAP,
    "straps": raster.STRAPS,
    "start": raster.START,
}
_USUAL = {"flat": 1.0, "squash": 1.0, "cut": 9.0, "low": -9.0, "high": 9.0, "blend": 0.02}


class Parts:
    """Parts; `rows` has a row for each."""

    def __init__(self) -> None:
        self.rows: list[np.ndarray] = []

    def add(
        self,
        a: Point,
        b: Point,
        ra: float,
        rb: float,
        cloth: int,
        front: Point = FORWARD,
        **look: float,
    ) -> None:
        """Add a part from `a` to `b`, metres, of radii `ra` to `rb`; `look` names its columns."""
        row = np.zeros(raster.COLUMNS)
        row[raster.A : raster.A + 3], row[raster.B : raster.B + 3] = a, b
        row[raster.RADIUS_A], row[raster.RADIUS_B], row[raster.CLOTH] = ra, rb, cloth
        row[raster.FRONT : raster.FRONT + 3] = front
        for name, value in (_USUAL | look).items():
            row[_LOOK[name]] = value
        self.rows.append(row)


def moved(point: Point, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Point:
    """A point beside another."""
    return point[0] + x, point[1] + y, point[2] + z
