"""Painting of one person in one pose, from far to near."""

import math

import numpy as np

from reid_jax.synthetic.brush import Brush, Capsule
from reid_jax.synthetic.cloth import drape
from reid_jax.synthetic.domain import Colour
from reid_jax.synthetic.head import neck, paint_hair_behind, paint_head
from reid_jax.synthetic.luggage import paint_hand, paint_pack, paint_shoulder, paint_straps
from reid_jax.synthetic.person import Garment, Person
from reid_jax.synthetic.pose import NECK, SHOULDER, Arm, Leg, Point, Pose, stand


def _toward(start: Point, end: Point, share: float) -> Point:
    """Interpolate between two points."""
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


def _ring(start: Point, end: Point, radius: float, share: float, colour: Colour) -> Capsule:
    """Compute a narrow band across a limb."""
    x, y = _toward(start, end, share)
    along = math.hypot(end[0] - start[0], end[1] - start[1]) + 1e-6
    across = radius / along
    dx, dy = -across * (end[1] - start[1]), across * (end[0] - start[0])
    return (x - dx, y - dy), (x + dx, y + dy), 0.011, 0.011, colour


def _paint_leg(brush: Brush, person: Person, leg: Leg) -> None:
    """Paint the shoe, the leg and its clothes."""
    thick = person.build**0.7
    thigh, knee, ankle = 0.056 * thick, 0.038 * thick, 0.026 * thick
    brush.limb([(leg.ankle, leg.toe, 0.026, 0.019, person.shoes)])
    if person.lower == "trousers":
        cloth, wide = person.lower_colour, 0.006
        brush.limb(
            [
                (leg.hip, leg.knee, thigh + wide, knee + wide, cloth),
                (leg.knee, leg.ankle, knee + wide, ankle + wide, cloth),
            ]
        )
    else:
        brush.limb(
            [
                (leg.hip, leg.knee, thigh, knee, person.skin),
                (leg.knee, leg.ankle, knee, ankle, person.skin),
            ]
        )
    if person.lower == "shorts":
        share = min(1.0, 2 * (person.leg - person.lower_end) / person.leg)
        end = _toward(leg.hip, leg.knee, share)
        brush.limb([(leg.hip, end, thigh + 0.008, knee + 0.02, person.lower_colour)])
    if person.trim is not None:
        stripe = [(leg.hip, leg.knee, 0.013, 0.012, person.trim)]
        if person.lower == "trousers":
            stripe.append((leg.knee, leg.ankle, 0.012, 0.011, person.trim))
        brush.flat(stripe)


def _paint_arm(brush: Brush, person: Person, arm: Arm, pose: Pose) -> None:
    """Paint the arm, the hand, the sleeve, and the bag in the hand."""
    thick = person.build**0.6
    top, mid, low = 0.033 * thick, 0.027 * thick, 0.02 * thick
    skin = person.skin
    bare: list[Capsule] = [
        (arm.shoulder, arm.elbow, top, mid, skin),
        (arm.elbow, arm.wrist, mid, low, skin),
    ]
    hand: Capsule = (arm.wrist, _toward(arm.elbow, arm.wrist, 1.15), 0.021, 0.017, skin)
    colour = person.sleeve_colour
    if person.sleeve < 1:
        brush.limb([*bare, hand])
        end = _toward(arm.shoulder, arm.elbow, 2 * person.sleeve)
        brush.limb([(arm.shoulder, end, top + 0.006, mid + 0.009, colour)], dark=0.68)
    else:
        brush.limb([hand])
        sleeve: list[Capsule] = [
            (arm.shoulder, arm.elbow, top + 0.006, mid + 0.006, colour),
            (arm.elbow, arm.wrist, mid + 0.006, low + 0.006, colour),
        ]
        brush.limb(sleeve, dark=0.68)
    if person.upper.pattern == "rings" and colour == person.upper.colour:
        spots = [
            (arm.shoulder, arm.elbow, top, share)
            for share in ((0.3, 0.8) if person.sleeve == 1 else (0.3,))
        ]
        if person.sleeve == 1:
            spots += [(arm.elbow, arm.wrist, mid, share) for share in (0.3, 0.8)]
        brush.flat([_ring(*spot, person.upper.second) for spot in spots])
    if person.bag == "hand" and arm.side == person.side:
        paint_hand(brush, person, arm.wrist, pose)


def _paint_skirt(brush: Brush, person: Person, pose: Pose, view: float) -> None:
    """Paint a skirt, which is wider the further the knees are apart."""
    sway = 0.035 + 0.35 * abs(pose.legs[0].knee[0] - pose.legs[1].knee[0])
    wide, end = pose.hip + sway, person.lower_end
    outline = [
        (-pose.waist, 0.56),
        (pose.waist, 0.56),
        (pose.hip, 0.5),
        (wide, end),
        (-wide, end),
        (-pose.hip, 0.5),
    ]
    skirt = Garment("plain", person.lower_colour, person.lower_colour, repeats=3, motif=0)
    brush.cloth(outline, drape(skirt, view))


def _paint_torso(brush: Brush, person: Person, pose: Pose, view: float) -> None:
    """Paint the upper garment."""
    shoulder, waist, hip, hem = pose.shoulder, pose.waist, pose.hip, person.hem
    right = [
        (0.035, NECK),
        (0.8 * shoulder, SHOULDER + 0.012),
        (1.06 * shoulder, SHOULDER - 0.022),
        (0.98 * shoulder, 0.73),
        (waist, 0.61),
        (max(hip, waist) + 0.004, 0.52),
    ]
    # A coat is wider at its hem, a shirt is straight.
    last = max(hip, waist) + (0.03 if hem < 0.4 else 0.006)
    right.append((last, hem))
    brush.cloth([*right, *((-x, y) for x, y in reversed(right))], drape(person.upper, view))


def paint_figure(
    canvas: np.ndarray, person: Person, view: float, phase: float, foot: Point, scale: float
) -> None:
    """Paint a walking person and the shadow at the feet, in place.

    Args:
        canvas: uint8 [h w 4], premultiplied RGBA; what lies outside is cut off.
        person: the person.
        view: radians, 0 from the front, pi / 2 when walking to the right of the picture, pi from
            behind.
        phase: radians of the walking cycle.
        foot: (x, y), the pixel on the ground between the feet.
        scale: the body height in pixels.
    """
    pose = stand(person, view, phase)
    brush = Brush([])
    brush.shadow((0.0, 0.012), (0.15, 0.02), opacity=96)
    from_behind = pose.cos < 0
    _paint_arm(brush, person, pose.arms[0], pose)
    if person.bag == "backpack" and not from_behind:
        paint_pack(brush, person, pose)
    if not from_behind:
        paint_hair_behind(brush, person, pose)
    for leg in pose.legs:
        _paint_leg(brush, person, leg)
    if person.lower == "skirt":
        _paint_skirt(brush, person, pose, view)
    neck(brush, person, pose)
    _paint_torso(brush, person, pose, view)
    paint_straps(brush, person, pose)
    if person.bag == "backpack" and from_behind:
        paint_pack(brush, person, pose)
    paint_head(brush, person, pose)
    if from_behind:
        paint_hair_behind(brush, person, pose)
    if person.bag == "shoulder":
        paint_shoulder(brush, person, pose)
    _paint_arm(brush, person, pose.arms[1], pose)
    brush.paint(canvas, foot, scale)
