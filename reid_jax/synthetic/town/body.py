"""A person in a pose as parts that `raster.cast` draws."""

import math

import numpy as np

from reid_jax.synthetic.town import raster
from reid_jax.synthetic.town.person import (
    BAG, BELT, BOTTOM, HAIR, HAT, JACKET, LEG, SHOES, SKIN, TOP, Person,
)  # fmt: skip
from reid_jax.synthetic.town.pose import Joints, Point, Pose, joints

FORWARD, UPWARD, SIDEWARD = (0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)


class _Body:
    """Parts, added one by one."""

    def __init__(self) -> None:
        self.rows: list[np.ndarray] = []

    def add(
        self, a: Point, b: Point, ra: float, rb: float, cloth: int, *,
        flat: float = 1.0, squash: float = 1.0, front: Point = FORWARD, other: int = 0,
        cut: float = 9.0, opening: float = 0.0, role: int = raster.LIMB, low: float = -9.0,
        high: float = 9.0, blend: float = 0.02, strap: int = 0, straps: int = 0, start: float = 0.0,
    ) -> None:  # fmt: skip
        self.rows.append(
            np.array(
                [*a, *b, ra, rb, *front, flat, squash, cloth, other, cut, opening, role, low, high,
                 blend, strap, straps, start]
            )
        )  # fmt: skip


def parts(person: Person, pose: Pose) -> np.ndarray:
    """The parts of a person in a pose, f64[p raster.COLUMNS]."""
    body, at = _Body(), joints(person, pose)
    _legs(body, person, at)
    _trunk(body, person, at)
    _arms(body, person, at)
    _head(body, person, at, pose)
    _bag(body, person, at)
    return np.stack(body.rows)


def _moved(point: Point, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Point:
    return point[0] + x, point[1] + y, point[2] + z


def _legs(body: _Body, person: Person, at: Joints) -> None:
    size, girth = person.height / 1.7, person.girth
    covered = person.bottom_length if person.bottom in ("trousers", "shorts") else 0.0
    cloth = BOTTOM
    for i in (0, 1):
        hip, knee, ankle, toe = at.hip[i], at.knee[i], at.ankle[i], at.toe[i]
        thigh, shin = math.dist(hip, knee), math.dist(knee, ankle)
        end = covered * (thigh + shin)
        loose = person.loose if covered else 0.0
        wide = person.flare if covered else 1.0
        knee_r = (0.056 * size * girth**0.6) * (wide if end > thigh else 1.0)
        thigh_r = 0.09 * size * girth
        first = cloth if covered else SKIN
        body.add(hip, knee, thigh_r + loose, max(knee_r, 0.85 * thigh_r * wide if 0 < end < thigh else 0.0) + loose,
                 first, other=SKIN, cut=end, start=0.0, flat=1.0)  # fmt: skip
        ankle_r = 0.04 * size * (wide**1.3 if end > thigh + 0.5 * shin else 0.95)
        below = LEG if not covered and person.neckline > 0.06 else SKIN
        start = cloth if end > thigh else below
        body.add(knee, ankle, knee_r + loose * (end > thigh), ankle_r + loose * 0.7 * (end > thigh + 0.5 * shin), start,
                 other=SKIN, cut=end - thigh if end > thigh else 9.0, start=thigh)  # fmt: skip
        heel = _moved(ankle, y=-0.02 * size, z=-0.02)
        body.add(heel, toe, 0.042 * size, 0.036 * size, SHOES, blend=0.005)


def _trunk(body: _Body, person: Person, at: Joints) -> None:
    size, girth, loose = person.height / 1.7, person.girth, person.loose
    waist_r = (0.12 if person.woman else 0.138) * size * girth**1.2 + loose
    chest_r = (0.142 if person.woman else 0.158) * size * girth**0.8 + loose * 0.7
    hip_r = (0.16 if person.woman else 0.15) * size * girth + loose * 0.5
    flat = 0.62 * girth**0.3
    straps = {"backpack": raster.BACKPACK, "cross": raster.SLING_LEFT if person.side > 0 else raster.SLING_RIGHT}.get(person.bag, 0)
    under = straps if person.jacket == "none" else 0
    length = math.dist(at.waist, at.chest)
    body.add(at.pelvis, _moved(at.pelvis, y=0.04), hip_r, hip_r * 0.96, BOTTOM, flat=0.68, squash=1.7, start=-0.1)
    dressed = person.bottom == "dress"
    hem = TOP if dressed or not person.tucked else BOTTOM
    belt = raster.BELT if person.belt and person.tucked else 0
    body.add(at.waist, at.chest, waist_r, chest_r, TOP,
             flat=flat, squash=2.0, strap=BAG if under else BELT, straps=under or belt)  # fmt: skip
    body.add(_moved(at.pelvis, y=0.0 if not person.tucked else 0.03), at.waist, hip_r + 0.01 + loose * 0.6, waist_r, hem,
             flat=flat * 1.1, squash=1.6, low=-0.01, start=-math.dist(at.pelvis, at.waist))  # fmt: skip
    a, b = at.shoulder
    yoke = TOP if person.sleeve > 0 else SKIN
    body.add(at.chest, _moved(at.neck, y=-0.02), chest_r * 0.85, 0.055 * size, TOP, other=SKIN,
             cut=math.dist(at.chest, at.neck) - 0.01 - person.neckline, flat=0.62, start=length)  # fmt: skip
    body.add(a, b, 0.058 * size * girth**0.4 + loose * 0.4, 0.058 * size * girth**0.4 + loose * 0.4,
             yoke, start=0.3)  # fmt: skip
    if person.bottom in ("skirt", "dress"):
        drop = person.bottom_length * (at.pelvis[1] - 0.05)
        hem_at = _moved(at.pelvis, y=-drop)
        wide = hip_r * (0.95 + 0.5 * (person.flare - 0.75) * (0.5 + drop))
        body.add(hem_at, at.waist, wide, waist_r, TOP if dressed else BOTTOM, flat=0.8, squash=1.4, low=0.0,
                 start=-drop - math.dist(at.pelvis, at.waist))  # fmt: skip
    if person.jacket != "none":
        opening = person.opening if person.jacket == "open" else 0.0
        more = 0.014 + loose * 0.5
        body.add(at.waist, at.chest, waist_r + more + 0.012, chest_r + more, JACKET, other=TOP, opening=opening,
                 flat=flat * 1.05, squash=2.0, strap=BAG, straps=straps)  # fmt: skip
        down = 0.42 * at.pelvis[1] if person.jacket == "coat" else 0.05
        body.add(_moved(at.pelvis, y=-down), at.waist, hip_r + more + 0.1 * down + 0.012, waist_r + more + 0.012, JACKET,
                 other=TOP if down < 0.1 else BOTTOM, opening=opening * 0.9, flat=flat * 1.12, squash=1.6, low=-0.02,
                 start=-math.dist(at.pelvis, at.waist))  # fmt: skip
        body.add(at.chest, _moved(at.neck, y=-0.02), chest_r * 0.85 + more, 0.06 * size, JACKET, other=TOP, opening=opening * 0.8,
                 flat=0.65, start=length)  # fmt: skip
        body.add(a, b, 0.066 * size * girth**0.4, 0.066 * size * girth**0.4, JACKET, start=0.3)
    neck = HAT if person.scarf else SKIN
    thick = 0.075 if person.scarf else 0.047
    body.add(_moved(at.neck, y=-0.03), _moved(at.head, y=-0.05 * size), thick * size, 0.045 * size, neck)


def _arms(body: _Body, person: Person, at: Joints) -> None:
    size, girth, loose = person.height / 1.7, person.girth**0.7, person.loose
    jacket = person.jacket != "none"
    cloth = JACKET if jacket else TOP
    for i in (0, 1):
        shoulder, elbow, hand = at.shoulder[i], at.elbow[i], at.hand[i]
        upper, lower = math.dist(shoulder, elbow), math.dist(elbow, hand)
        end = (1.0 if jacket else person.sleeve) * (upper + lower) * 0.97
        thick = 0.047 * size * girth + (loose * 0.5 + 0.01 if end > 0.05 else 0.0)
        short = 0.05 < end < upper
        bare = 0.036 * size * girth
        body.add(shoulder, elbow, thick, bare + 0.35 * loose + 0.006 * (end > upper) + 0.012 * short, cloth if end > 0.05 else SKIN,
                 other=SKIN, cut=end, start=0.0)  # fmt: skip
        over = end > upper
        body.add(elbow, hand, bare + (0.35 * loose + 0.006) * over, 0.026 * size + (0.4 * loose + 0.006) * over,
                 cloth if over else SKIN, other=SKIN, cut=end - upper if over else 9.0, start=upper)  # fmt: skip
        body.add(hand, _moved(hand, y=-0.06 * size, z=0.01), 0.034 * size, 0.026 * size, SKIN)


def _head(body: _Body, person: Person, at: Joints, pose: Pose) -> None:
    size = 0.5 + 0.5 * person.height / 1.7
    head, r = at.head, 0.083 * size
    face = (math.sin(pose.turn), 0.0, math.cos(pose.turn))
    bare = person.hair == "none"
    body.add(_moved(head, y=-0.01), _moved(head, y=0.01), r, r, SKIN, other=HAIR, role=raster.HEAD, flat=1.14, squash=0.8,
             front=face, cut=0.75 if not bare else 0.0, opening=0.1 if not bare else -2.0, blend=0.01)  # fmt: skip

    def back(y: float, z: float) -> Point:
        return _moved(head, x=face[0] * z, y=y, z=face[2] * z)

    if not bare:
        thick = {"short": 1.03, "full": 1.2}.get(person.hair, 1.1)
        body.add(back(0.018, -0.02), back(0.03, -0.022), r * thick, r * thick, HAIR, flat=1.1, squash=0.9, front=face, blend=0.01)
    if person.hair == "long":
        body.add(back(0.0, -0.045), back(-person.hair_length, -0.08), r * 1.12, r * 0.9, HAIR, flat=0.72, front=face, blend=0.01)
        for side in (-1, 1):
            x = side * r * 0.75
            body.add(_moved(back(0.02, -0.01), x=x * face[2]), _moved(back(-0.5 * person.hair_length, 0.0), x=x * 1.2 * face[2]),
                     r * 0.42, r * 0.3, HAIR, blend=0.01)  # fmt: skip
    if person.hair == "tail":
        body.add(back(0.045, -0.1), back(-0.6 * person.hair_length, -0.13), r * 0.42, r * 0.3, HAIR, blend=0.005)
    if person.hair == "bun":
        body.add(back(0.08, -0.07), back(0.09, -0.07), r * 0.55, r * 0.55, HAIR, blend=0.005)
    if person.hat in ("cap", "beanie"):
        body.add(back(0.01, -0.008), back(0.035, -0.008), r * 1.16, r * 1.14, HAT, flat=1.12, squash=0.85, front=face,
                 low=0.028 if person.hat == "cap" else 0.0, blend=0.003)  # fmt: skip
    if person.hat == "cap":
        body.add(back(0.035, 0.05), back(0.028, 0.11), 0.07 * size, 0.06 * size, HAT, flat=0.16, front=UPWARD, blend=0.003)
    if person.hat == "brim":
        body.add(back(0.045, -0.01), back(0.045, 0.0), 0.17 * size, 0.17 * size, HAT, flat=0.14, front=UPWARD, blend=0.003)
        body.add(back(0.04, -0.01), back(0.08, -0.01), r * 1.15, r * 1.05, HAT, flat=1.1, front=face, blend=0.003)


def _bag(body: _Body, person: Person, at: Joints) -> None:
    size = person.bag_size * person.height / 1.7
    i, side = (0, -1) if person.side < 0 else (1, 1)
    thick = 0.62 * 0.158 * person.girth**0.9 * person.height / 1.7
    if person.bag == "backpack":
        z = -thick - 0.065 * size + at.waist[2]
        body.add(_moved(at.waist, y=0.02, z=z - at.waist[2]), _moved(at.chest, y=0.03, z=z - at.waist[2]), 0.135 * size, 0.12 * size,
                 BAG, flat=0.62, squash=2.0, blend=0.004)  # fmt: skip
        body.add(_moved(at.waist, y=0.03, z=z - 0.06 * size), _moved(at.waist, y=0.1, z=z - 0.06 * size), 0.09 * size, 0.09 * size,
                 BAG, flat=0.5, squash=1.8, blend=0.004, start=0.2)  # fmt: skip
    elif person.bag in ("shoulder", "cross"):
        x = side * (0.17 * person.girth + 0.05) * person.height / 1.7
        place = _moved(at.pelvis, x=x if person.bag == "shoulder" else -x * 0.9, y=0.08, z=-0.02)
        if person.bag == "shoulder":
            place = _moved(place, y=0.07)
            body.add(_moved(place, y=0.05), _moved(at.shoulder[i], y=0.045), 0.014, 0.014, BAG, blend=0.002)
        body.add(_moved(place, z=-0.06 * size), _moved(place, z=0.06 * size), 0.12 * size, 0.12 * size, BAG, flat=0.45,
                 squash=1.6, front=SIDEWARD, blend=0.004)  # fmt: skip
    elif person.bag == "hand":
        hand = at.hand[i]
        body.add(_moved(hand, y=-0.07), _moved(hand, y=-0.2 * size), 0.016, 0.014, BAG, blend=0.002)
        body.add(_moved(hand, y=-0.2 * size), _moved(hand, y=-0.34 * size), 0.11 * size, 0.13 * size, BAG, flat=0.45, squash=1.8,
                 front=SIDEWARD, blend=0.004)  # fmt: skip
