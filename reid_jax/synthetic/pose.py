"""The walking skeleton: its joints as a camera at eye level sees them."""

import math
from typing import NamedTuple

from reid_jax.synthetic.brush import Point
from reid_jax.synthetic.person import Person

SHOULDER, NECK, HEAD = 0.815, 0.845, 0.925  # heights of the landmarks, in body heights


class Leg(NamedTuple):
    """The joints of a leg in the picture, in body heights.

    Attributes:
        hip: (to the right, up) from the point between the feet, and so the others.
        knee: see `hip`.
        ankle: see `hip`.
        toe: see `hip`.
        depth: larger is nearer to the camera.
    """

    hip: Point
    knee: Point
    ankle: Point
    toe: Point
    depth: float


class Arm(NamedTuple):
    """The joints of an arm in the picture, in body heights.

    Attributes:
        shoulder: (to the right, up) from the point between the feet, and so the others.
        elbow: see `shoulder`.
        wrist: see `shoulder`.
        depth: larger is nearer to the camera.
        side: +1 for the arm that is on the right of a picture from the front, -1 for the other.
    """

    shoulder: Point
    elbow: Point
    wrist: Point
    depth: float
    side: int


class Pose(NamedTuple):
    """The pose of a person at one moment, lengths in body heights.

    Attributes:
        legs: the far one, the near one.
        arms: the far one, the near one.
        shoulder: half the visible width of the shoulders.
        waist: half the visible width of the waist.
        hip: half the visible width of the hips.
        depth: half the depth of the body.
        cos: cosine of the view.
        sin: sine of the view.
    """

    legs: tuple[Leg, Leg]
    arms: tuple[Arm, Arm]
    shoulder: float
    waist: float
    hip: float
    depth: float
    cos: float
    sin: float


def see(across: float, up: float, forward: float, pose_cos: float, pose_sin: float) -> Point:
    """Project a point of the body, in body heights: to the side, up and forward -> (right, up)."""
    return across * pose_cos + forward * pose_sin, up


def _leg(person: Person, side: int, phase: float, cos: float, sin: float) -> Leg:
    """Compute a leg at a phase of the walking cycle."""
    swing = person.stride * math.sin(phase)
    flex = 0.1 + 0.75 * max(0.0, math.cos(phase))  # the leg that swings forward bends its knee
    half = 0.5 * (person.leg - 0.035)
    across = 0.45 * side * person.hip * 2
    knee = half * math.sin(swing), person.leg - half * math.cos(swing)
    ankle = knee[0] + half * math.sin(swing - flex), knee[1] - half * math.cos(swing - flex)
    tilt = 0.5 * (swing - flex)
    toe = ankle[0] + 0.075 * math.cos(tilt), ankle[1] - 0.018 + 0.075 * math.sin(tilt)
    return Leg(
        hip=see(across, person.leg, 0.0, cos, sin),
        knee=see(across, knee[1], knee[0], cos, sin),
        ankle=see(across, ankle[1], ankle[0], cos, sin),
        toe=see(across, toe[1], toe[0], cos, sin),
        depth=0.5 * (knee[0] + ankle[0]) * cos - across * sin,
    )


def _arm(person: Person, side: int, phase: float, out: float, cos: float, sin: float) -> Arm:
    """Compute an arm, whose shoulder is `out` from the middle, at a phase of the walking cycle."""
    swing, bend = -0.8 * person.stride * math.sin(phase), 0.35
    upper, lower = 0.17, 0.16
    elbow = upper * math.sin(swing), SHOULDER - 0.02 - upper * math.cos(swing)
    wrist = elbow[0] + lower * math.sin(swing + bend), elbow[1] - lower * math.cos(swing + bend)
    return Arm(
        shoulder=see(side * out, SHOULDER - 0.02, 0.0, cos, sin),
        elbow=see(side * (out + 0.018), elbow[1], elbow[0], cos, sin),
        wrist=see(side * (out + 0.012), wrist[1], wrist[0], cos, sin),
        depth=wrist[0] * cos - side * out * sin,
        side=side,
    )


def stand(person: Person, view: float, phase: float) -> Pose:
    """Compute the pose of a walking person.

    Args:
        person: the person; its proportions are used.
        view: radians, 0 from the front, pi / 2 when walking to the right of the picture, pi from
            behind.
        phase: radians of the walking cycle; the legs are together at multiples of pi.

    Returns:
        The pose.
    """
    cos, sin = math.cos(view), math.sin(view)
    broad = person.build**0.8
    out = person.shoulder * broad
    sides = (1, phase), (-1, phase + math.pi)
    legs = [_leg(person, side, own_phase, cos, sin) for side, own_phase in sides]
    arms = [_arm(person, side, own_phase, out, cos, sin) for side, own_phase in sides]
    far_leg, near_leg = sorted(legs, key=lambda leg: leg.depth)
    far_arm, near_arm = sorted(arms, key=lambda arm: arm.depth)
    depth = 0.064 * person.build

    def width(front: float, side: float) -> float:
        return math.hypot(front * cos, side * sin)

    return Pose(
        legs=(far_leg, near_leg),
        arms=(far_arm, near_arm),
        shoulder=width(out, 0.9 * depth),
        waist=width(0.82 * person.shoulder * broad**1.4, depth * person.build**0.5),
        hip=width(1.05 * person.hip * broad, 1.1 * depth),
        depth=depth,
        cos=cos,
        sin=sin,
    )
