"""The walking skeleton: joints in space, and how a camera at eye level sees them."""

import math
from typing import NamedTuple

from reid_jax.data.street.brush import Point
from reid_jax.data.street.person import Person

SHOULDER, NECK, HEAD = 0.815, 0.845, 0.925  # heights of the landmarks, in body heights


class Leg(NamedTuple):
    """Joints of a leg as seen; depth grows towards the camera."""

    hip: Point
    knee: Point
    ankle: Point
    toe: Point
    depth: float


class Arm(NamedTuple):
    """Joints of an arm as seen; side is +1 on the person's own side that lies right when we see the front."""

    shoulder: Point
    elbow: Point
    wrist: Point
    depth: float
    side: int


class Pose(NamedTuple):
    """A person in one moment: limbs from far to near, half widths of the body, and the cosine and sine of the view."""

    legs: tuple[Leg, Leg]
    arms: tuple[Arm, Arm]
    shoulder: float
    waist: float
    hip: float
    depth: float
    cos: float
    sin: float


def see(across: float, up: float, forward: float, pose_cos: float, pose_sin: float) -> Point:
    """Project a point of the body: its distance to the side, up and forward, in body heights."""
    return across * pose_cos + forward * pose_sin, up


def _leg(person: Person, side: int, phase: float, cos: float, sin: float) -> Leg:
    swing = person.stride * math.sin(phase)
    flex = 0.1 + 0.75 * max(0.0, math.cos(phase))  # the leg that swings forward bends its knee
    half = 0.5 * (person.leg - 0.035)
    across = 0.45 * side * person.hip * 2
    knee = half * math.sin(swing), person.leg - half * math.cos(swing)
    ankle = knee[0] + half * math.sin(swing - flex), knee[1] - half * math.cos(swing - flex)
    tilt = 0.5 * (swing - flex)
    toe = ankle[0] + 0.075 * math.cos(tilt), ankle[1] - 0.018 + 0.075 * math.sin(tilt)
    at = [see(across, up, forward, cos, sin) for forward, up in ((0.0, person.leg), knee, ankle, toe)]
    return Leg(*at, depth=0.5 * (knee[0] + ankle[0]) * cos - across * sin)


def _arm(person: Person, side: int, phase: float, out: float, cos: float, sin: float) -> Arm:
    swing, bend = -0.8 * person.stride * math.sin(phase), 0.35
    upper, lower = 0.17, 0.16
    elbow = upper * math.sin(swing), SHOULDER - 0.02 - upper * math.cos(swing)
    wrist = elbow[0] + lower * math.sin(swing + bend), elbow[1] - lower * math.cos(swing + bend)
    joints = ((out, SHOULDER - 0.02, 0.0), (out + 0.018, elbow[1], elbow[0]), (out + 0.012, wrist[1], wrist[0]))
    at = [see(side * across, up, forward, cos, sin) for across, up, forward in joints]
    return Arm(*at, depth=wrist[0] * cos - side * out * sin, side=side)


def stand(person: Person, view: float, phase: float) -> Pose:
    """Give the pose of a walking person.

    Args:
        person: whose proportions count.
        view: radians, 0 from the front, pi / 2 when walking to the right of the picture, pi from behind.
        phase: radians of the walking cycle; the legs are together at multiples of pi.
    """
    cos, sin = math.cos(view), math.sin(view)
    broad = person.build**0.8
    legs = [_leg(person, side, phase + (side < 0) * math.pi, cos, sin) for side in (1, -1)]
    arms = [_arm(person, s, phase + (s < 0) * math.pi, person.shoulder * broad, cos, sin) for s in (1, -1)]
    depth = 0.064 * person.build

    def width(front: float, side: float) -> float:
        return math.hypot(front * cos, side * sin)

    return Pose(
        legs=tuple(sorted(legs, key=lambda leg: leg.depth)),
        arms=tuple(sorted(arms, key=lambda arm: arm.depth)),
        shoulder=width(person.shoulder * broad, 0.9 * depth),
        waist=width(0.82 * person.shoulder * broad**1.4, depth * person.build**0.5),
        hip=width(1.05 * person.hip * broad, 1.1 * depth),
        depth=depth,
        cos=cos,
        sin=sin,
    )
