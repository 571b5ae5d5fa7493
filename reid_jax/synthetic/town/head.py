"""The head of a body: face, hair and hat."""

import math
from typing import NamedTuple

import reid_jax.synthetic.town.raster as raster
from reid_jax.synthetic.town.parts import UPWARD, Parts, Point, moved
from reid_jax.synthetic.town.person import HAIR, HAT, SKIN, Person
from reid_jax.synthetic.town.pose import Joints, Pose


class _Skull(NamedTuple):
    """Where a head is, its radius in metres, its size over what is usual, where it looks."""

    middle: Point
    r: float
    size: float
    face: Point

    def at(self, y: float, z: float, x: float = 0.0) -> Point:
        """A point above the middle, ahead of it and to its side."""
        return moved(self.middle, x=self.face[0] * z + self.face[2] * x, y=y, z=self.face[2] * z)


def head(body: Parts, person: Person, at: Joints, pose: Pose) -> None:
    """Add the head."""
    size = 0.5 + 0.5 * person.height / 1.7
    face = (math.sin(pose.turn), 0.0, math.cos(pose.turn))
    skull = _Skull(at.head, 0.083 * size, size, face)
    hairline = {"cut": 0.0, "opening": -2.0} if person.hair == "none" else {"cut": 0.75}
    look = {"opening": 0.1, "flat": 1.14, "squash": 0.8, "blend": 0.01, **hairline}
    low, high, r = moved(at.head, y=-0.01), moved(at.head, y=0.01), skull.r
    body.add(low, high, r, r, SKIN, face, other=HAIR, role=raster.HEAD, **look)
    if person.hair != "none":
        _hair(body, person, skull)
    _hat(body, person.hat, skull)


def _hair(body: Parts, person: Person, skull: _Skull) -> None:
    r, face, at, long = skull.r, skull.face, skull.at, person.hair_length
    thick = r * {"short": 1.03, "full": 1.2}.get(person.hair, 1.1)
    look = {"flat": 1.1, "squash": 0.9, "blend": 0.01}
    body.add(at(0.018, -0.02), at(0.03, -0.022), thick, thick, HAIR, face, **look)
    if person.hair == "long":
        ends = at(0.0, -0.045), at(-long, -0.08)
        body.add(*ends, r * 1.12, r * 0.9, HAIR, face, flat=0.72, blend=0.01)
        for x in (-r * 0.75, r * 0.75):
            ends = at(0.02, -0.01, x), at(-0.5 * long, 0.0, x * 1.2)
            body.add(*ends, r * 0.42, r * 0.3, HAIR, blend=0.01)
    elif person.hair == "tail":
        ends = at(0.045, -0.1), at(-0.6 * long, -0.13)
        body.add(*ends, r * 0.42, r * 0.3, HAIR, blend=0.005)
    elif person.hair == "bun":
        body.add(at(0.08, -0.07), at(0.09, -0.07), r * 0.55, r * 0.55, HAIR, blend=0.005)


def _hat(body: Parts, hat: str, skull: _Skull) -> None:
    r, size, face, at = skull.r, skull.size, skull.face, skull.at
    if hat in ("cap", "beanie"):
        look = {"flat": 1.12, "squash": 0.85, "low": 0.028 * (hat == "cap"), "blend": 0.003}
        body.add(at(0.01, -0.008), at(0.035, -0.008), r * 1.16, r * 1.14, HAT, face, **look)
    if hat == "cap":
        ends = at(0.035, 0.05), at(0.028, 0.11)
        body.add(*ends, 0.07 * size, 0.06 * size, HAT, UPWARD, flat=0.16, blend=0.003)
    if hat == "brim":
        wide = 0.17 * size
        ends = at(0.045, -0.01), at(0.045, 0.0)
        body.add(*ends, wide, wide, HAT, UPWARD, flat=0.14, blend=0.003)
        ends = at(0.04, -0.01), at(0.08, -0.01)
        body.add(*ends, r * 1.15, r * 1.05, HAT, face, flat=1.1, blend=0.003)
