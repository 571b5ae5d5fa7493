"""How a person stands or walks: where the joints are."""

import math
from typing import NamedTuple

import numpy as np

from reid_jax.synthetic.town.parts import Point
from reid_jax.synthetic.town.person import Person


class Pose(NamedTuple):
    """A pose, drawn for a picture.

    Attributes:
        phase: of the walking cycle, radians.
        stride: how far legs swing, radians; 0: standing.
        swing: how far arms swing over the legs.
        arms: of either arm: hang, phone, strap, pocket, carry.
        bend: of the elbows, radians.
        apart: between the feet, over what is usual.
        turn: of the head, radians.
    """

    phase: float
    stride: float
    swing: float
    arms: tuple[str, str]
    bend: float
    apart: float
    turn: float


class Joints(NamedTuple):
    """Metres of the body's axes; pairs are of the sides -1 and 1."""

    hip: tuple[Point, Point]
    knee: tuple[Point, Point]
    ankle: tuple[Point, Point]
    toe: tuple[Point, Point]
    shoulder: tuple[Point, Point]
    elbow: tuple[Point, Point]
    hand: tuple[Point, Point]
    pelvis: Point
    waist: Point
    chest: Point
    neck: Point
    head: Point


def draw_pose(rng: np.random.Generator, person: Person) -> Pose:
    """Draw a pose."""
    walking = rng.random() < 0.75
    narrow = 0.6 if person.bottom in ("skirt", "dress") else 1.0
    kinds, odds = (
        ("hang", "phone", "strap", "pocket", "carry"),
        np.array([0.66, 0.09, 0.08, 0.1, 0.07]),
    )
    arms = rng.choice(len(kinds), 2, p=odds)
    return Pose(
        phase=2 * math.pi * rng.random(),
        stride=narrow * (0.25 + 0.3 * rng.random()) if walking else 0.06 * rng.random(),
        swing=0.4 + 0.9 * rng.random(),
        arms=(kinds[arms[0]], kinds[arms[1]]),
        bend=0.1 + 0.5 * rng.random(),
        apart=0.7 + 0.7 * rng.random(),
        turn=0.5 * rng.normal(),
    )


def _limb(start: Point, length: float, swing: float, out: float) -> Point:
    """The end of a limb that hangs, swung to the front and out to the side."""
    down = math.cos(swing) * math.cos(out)
    return (
        start[0] + length * math.sin(out),
        start[1] - length * down,
        start[2] + length * math.sin(swing),
    )


def _arm(
    kind: str, side: int, swing: float, pose: Pose, shoulder: Point, tall: float
) -> tuple[Point, Point]:
    """Elbow and hand."""
    upper, lower = 0.175 * tall, 0.19 * tall
    spec = {
        "hang": (swing, 0.12, swing + pose.bend, 0.06),
        "phone": (0.35, 0.15, 2.45, -0.25),
        "strap": (0.1, 0.3, 2.3, -0.45),
        "pocket": (-0.25, 0.35, 0.35, -0.1),
        "carry": (0.1, 0.15, 1.4 + pose.bend * 0.4, -0.3),
    }[kind]
    elbow = _limb(shoulder, upper, spec[0], side * spec[1])
    bent, out = spec[2], side * spec[3]
    hand = (
        elbow[0] + lower * math.sin(out),
        elbow[1] - lower * math.cos(bent) * math.cos(out),
        elbow[2] + lower * math.sin(bent) * math.cos(out),
    )
    return elbow, hand


def _lists(count: int) -> list[list[Point]]:
    return [[] for _ in range(count)]


def joints(person: Person, pose: Pose) -> Joints:
    """Where the joints of a person are in a pose; the lower foot is on the ground."""
    tall = person.height
    thigh, shin = 0.245 * tall * person.legs / 0.5, 0.235 * tall * person.legs / 0.5
    wide = (0.052 if person.woman else 0.05) * tall
    hip_y = thigh + shin + 0.04 * tall
    hips, knees, ankles, toes = _lists(4)
    for side in (-1, 1):
        swing = side * pose.stride * math.sin(pose.phase)
        forward = max(0.0, side * math.cos(pose.phase))
        flex = 0.06 + (pose.stride * 1.6) * forward
        hip = (side * wide, hip_y, 0.0)
        knee = _limb(hip, thigh, swing + 0.3 * flex, side * 0.02 * pose.apart)
        ankle = _limb(knee, shin, swing - 0.7 * flex, side * 0.02 * (pose.apart - 0.8))
        tip = 0.35 * max(0.0, -swing + 0.4 * flex)
        toe = (ankle[0] + side * 0.03, ankle[1] - 0.02 - 0.1 * tall * tip, ankle[2] + 0.1 * tall)
        for points, point in ((hips, hip), (knees, knee), (ankles, ankle), (toes, toe)):
            points.append(point)
    drop = min(one[1] for one in ankles) - 0.045 * tall
    lean = person.lean
    rise = tall * 0.93 - 0.04 * tall - hip_y + 0.04 * tall

    def up(share: float, x: float = 0.0) -> Point:
        return x, hip_y - drop + rise * share, math.sin(lean) * rise * share

    across = (0.098 if person.woman else 0.112) * tall * person.shoulders
    shoulders = [up(0.7, side * across) for side in (-1, 1)]
    elbows, hands = _lists(2)
    for i, side in enumerate((-1, 1)):
        swing = -side * pose.stride * pose.swing * math.sin(pose.phase)
        elbow, hand = _arm(pose.arms[i], side, swing, pose, shoulders[i], tall)
        elbows.append(elbow)
        hands.append(hand)

    def lower(points: list[Point]) -> tuple[Point, Point]:
        return tuple((x, y - drop, z) for x, y, z in points)  # type: ignore[return-value]

    return Joints(
        lower(hips), lower(knees), lower(ankles), lower(toes),
        tuple(shoulders), tuple(elbows), tuple(hands),  # type: ignore[arg-type]
        up(0.0), up(0.24), up(0.58), up(0.78), up(1.0),
    )  # fmt: skip
