"""The trunk of a body, what is worn over it, and the bag."""

import math
from typing import NamedTuple

import reid_jax.synthetic.town.raster as raster
from reid_jax.synthetic.town.parts import FORWARD, SIDEWARD, Parts, moved
from reid_jax.synthetic.town.person import BAG, BELT, BOTTOM, HAT, JACKET, SKIN, TOP, Person
from reid_jax.synthetic.town.pose import Joints


class _Size(NamedTuple):
    """Measures of a trunk, in metres but for those over what is usual.

    Attributes:
        size: the height over what is usual.
        waist: its radius.
        chest: likewise.
        hip: likewise.
        flat: depth over width.
        arm: the radius of the shoulder but for clothes.
    """

    size: float
    waist: float
    chest: float
    hip: float
    flat: float
    arm: float


def _measured(person: Person) -> _Size:
    size, girth, loose = person.height / 1.7, person.girth, person.loose
    return _Size(
        size,
        (0.12 if person.woman else 0.138) * size * girth**1.2 + loose,
        (0.142 if person.woman else 0.158) * size * girth**0.8 + loose * 0.7,
        (0.16 if person.woman else 0.15) * size * girth + loose * 0.5,
        0.62 * girth**0.3,
        size * girth**0.4,
    )


def _straps(person: Person) -> int:
    if person.bag == "cross":
        return raster.SLING_LEFT if person.side > 0 else raster.SLING_RIGHT
    return raster.BACKPACK if person.bag == "backpack" else raster.NO_STRAP


def trunk(body: Parts, person: Person, at: Joints) -> None:
    """Add the trunk, its clothes and the neck."""
    its = _measured(person)
    _shirt(body, person, at, its)
    if person.bottom in ("skirt", "dress"):
        _skirt(body, person, at, its)
    if person.jacket != "none":
        _jacket(body, person, at, its)
    neck, thick = (HAT, 0.075) if person.scarf else (SKIN, 0.047)
    ends = moved(at.neck, y=-0.03), moved(at.head, y=-0.05 * its.size)
    body.add(*ends, thick * its.size, 0.045 * its.size, neck)


def _shirt(body: Parts, person: Person, at: Joints, its: _Size) -> None:
    """Add hips, waist, chest and shoulders, in what is worn on the skin."""
    loose, length = person.loose, math.dist(at.waist, at.chest)
    under = _straps(person) if person.jacket == "none" else raster.NO_STRAP
    body.add(
        at.pelvis,
        moved(at.pelvis, y=0.04),
        its.hip,
        its.hip * 0.96,
        BOTTOM,
        flat=0.68,
        squash=1.7,
        start=-0.1,
    )
    dressed = person.bottom == "dress"
    hem = TOP if dressed or not person.tucked else BOTTOM
    belt = raster.BELT if person.belt and person.tucked else 0
    body.add(
        at.waist,
        at.chest,
        its.waist,
        its.chest,
        TOP,
        flat=its.flat,
        squash=2.0,
        strap=BAG if under else BELT,
        straps=under or belt,
    )
    body.add(
        moved(at.pelvis, y=0.0 if not person.tucked else 0.03),
        at.waist,
        its.hip + 0.01 + loose * 0.6,
        its.waist,
        hem,
        flat=its.flat * 1.1,
        squash=1.6,
        low=-0.01,
        start=-math.dist(at.pelvis, at.waist),
    )
    a, b = at.shoulder
    yoke = TOP if person.sleeve > 0 else SKIN
    body.add(
        at.chest,
        moved(at.neck, y=-0.02),
        its.chest * 0.85,
        0.055 * its.size,
        TOP,
        other=SKIN,
        cut=math.dist(at.chest, at.neck) - 0.01 - person.neckline,
        flat=0.62,
        start=length,
    )
    body.add(
        a,
        b,
        0.058 * its.arm + loose * 0.4,
        0.058 * its.arm + loose * 0.4,
        yoke,
        start=0.3,
    )


def _skirt(body: Parts, person: Person, at: Joints, its: _Size) -> None:
    """Add the skirt."""
    drop = person.bottom_length * (at.pelvis[1] - 0.05)
    hem_at = moved(at.pelvis, y=-drop)
    wide = its.hip * (1.0 + 0.6 * (person.flare - 0.75) * (0.5 + drop) + 0.12 * drop)
    body.add(
        hem_at,
        at.waist,
        wide,
        its.waist,
        TOP if person.bottom == "dress" else BOTTOM,
        flat=0.8,
        squash=1.4,
        low=0.0,
        start=-drop - math.dist(at.pelvis, at.waist),
    )


def _jacket(body: Parts, person: Person, at: Joints, its: _Size) -> None:
    """Add the jacket; its sleeves are the arms'."""
    loose, length = person.loose, math.dist(at.waist, at.chest)
    opening = person.opening if person.jacket == "open" else 0.0
    more = 0.014 + loose * 0.5
    body.add(
        at.waist,
        at.chest,
        its.waist + more + 0.012,
        its.chest + more,
        JACKET,
        other=TOP,
        opening=opening,
        flat=its.flat * 1.05,
        squash=2.0,
        strap=BAG,
        straps=_straps(person),
    )
    down = 0.42 * at.pelvis[1] if person.jacket == "coat" else 0.05
    body.add(
        moved(at.pelvis, y=-down),
        at.waist,
        its.hip + more + 0.1 * down + 0.012,
        its.waist + more + 0.012,
        JACKET,
        other=TOP if down < 0.1 else BOTTOM,
        opening=opening * 0.9,
        flat=its.flat * 1.12,
        squash=1.6,
        low=-0.02,
        start=-math.dist(at.pelvis, at.waist),
    )
    body.add(
        at.chest,
        moved(at.neck, y=-0.02),
        its.chest * 0.85 + more,
        0.06 * its.size,
        JACKET,
        other=TOP,
        opening=opening * 0.8,
        flat=0.65,
        start=length,
    )
    a, b = at.shoulder
    body.add(a, b, 0.066 * its.arm, 0.066 * its.arm, JACKET, start=0.3)


def bag(body: Parts, person: Person, at: Joints) -> None:
    """Add the bag."""
    size = person.bag_size * person.height / 1.7
    i, side = (0, -1) if person.side < 0 else (1, 1)
    if person.bag == "backpack":
        z = -0.62 * 0.158 * person.girth**0.9 * person.height / 1.7 - 0.065 * size
        ends = moved(at.waist, y=0.02, z=z), moved(at.chest, y=0.03, z=z)
        body.add(*ends, 0.135 * size, 0.12 * size, BAG, flat=0.62, squash=2.0, blend=0.004)
        z += at.waist[2] - 0.06 * size
        low, high, pocket = moved(at.waist, y=0.03, z=z), moved(at.waist, y=0.1, z=z), 0.09 * size
        look = {"flat": 0.5, "squash": 1.8, "start": 0.2}
        body.add(low, high, pocket, pocket, BAG, FORWARD, blend=0.004, **look)
    elif person.bag in ("shoulder", "cross"):
        x = side * (0.17 * person.girth + 0.05) * person.height / 1.7
        place = moved(at.pelvis, x=x if person.bag == "shoulder" else -x * 0.9, y=0.08, z=-0.02)
        if person.bag == "shoulder":
            place = moved(place, y=0.07)
            ends = moved(place, y=0.05), moved(at.shoulder[i], y=0.045)
            body.add(*ends, 0.014, 0.014, BAG, blend=0.002)
        low, high, r = moved(place, z=-0.06 * size), moved(place, z=0.06 * size), 0.12 * size
        body.add(low, high, r, r, BAG, SIDEWARD, flat=0.45, squash=1.6, blend=0.004)
    elif person.bag == "hand":
        grip, low = moved(at.hand[i], y=-0.2 * size), moved(at.hand[i], y=-0.34 * size)
        body.add(moved(at.hand[i], y=-0.07), grip, 0.016, 0.014, BAG, blend=0.002)
        ends, sizes = (grip, low), (0.11 * size, 0.13 * size)
        body.add(*ends, *sizes, BAG, SIDEWARD, flat=0.45, squash=1.8, blend=0.004)
