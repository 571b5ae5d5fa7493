"""A person in a pose as parts that `raster.cast` draws."""

import math

import numpy as np

from reid_jax.synthetic.town.head import head
from reid_jax.synthetic.town.parts import Parts, moved
from reid_jax.synthetic.town.person import BOTTOM, JACKET, LEG, SHOES, SKIN, TOP, Person
from reid_jax.synthetic.town.pose import Joints, Pose, joints
from reid_jax.synthetic.town.trunk import bag, trunk


def parts(person: Person, pose: Pose) -> np.ndarray:
    """The parts of a person in a pose, f64[p raster.COLUMNS]."""
    body, at = Parts(), joints(person, pose)
    _legs(body, person, at)
    trunk(body, person, at)
    _arms(body, person, at)
    head(body, person, at, pose)
    bag(body, person, at)
    return np.stack(body.rows)


def _legs(body: Parts, person: Person, at: Joints) -> None:
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
        body.add(
            hip,
            knee,
            thigh_r + loose,
            max(knee_r, 0.85 * thigh_r * wide if 0 < end < thigh else 0.0) + loose,
            first,
            other=SKIN,
            cut=end,
            start=0.0,
            flat=1.0,
        )
        ankle_r = 0.04 * size * (wide**1.3 if end > thigh + 0.5 * shin else 0.95)
        below = LEG if not covered and person.neckline > 0.06 else SKIN
        start = cloth if end > thigh else below
        body.add(
            knee,
            ankle,
            knee_r + loose * (end > thigh),
            ankle_r + loose * 0.7 * (end > thigh + 0.5 * shin),
            start,
            other=SKIN,
            cut=end - thigh if end > thigh else 9.0,
            start=thigh,
        )
        heel = moved(ankle, y=-0.02 * size, z=-0.02)
        body.add(heel, toe, 0.042 * size, 0.036 * size, SHOES, blend=0.005)


def _arms(body: Parts, person: Person, at: Joints) -> None:
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
        body.add(
            shoulder,
            elbow,
            thick,
            bare + 0.35 * loose + 0.006 * (end > upper) + 0.012 * short,
            cloth if end > 0.05 else SKIN,
            other=SKIN,
            cut=end,
            start=0.0,
        )
        over = end > upper
        body.add(
            elbow,
            hand,
            bare + (0.35 * loose + 0.006) * over,
            0.026 * size + (0.4 * loose + 0.006) * over,
            cloth if over else SKIN,
            other=SKIN,
            cut=end - upper if over else 9.0,
            start=upper,
        )
        body.add(hand, moved(hand, y=-0.06 * size, z=0.01), 0.034 * size, 0.026 * size, SKIN)
