"""Painting of bags: backpacks, shoulder bags, and bags in the hand."""

from reid_jax.synthetic.brush import Brush, Point
from reid_jax.synthetic.domain import Colour
from reid_jax.synthetic.person import Person
from reid_jax.synthetic.pose import SHOULDER, Pose


def _darker(colour: Colour, share: float) -> Colour:
    red, green, blue = colour
    return int(red * share), int(green * share), int(blue * share)


def paint_pack(brush: Brush, person: Person, pose: Pose) -> None:
    """Paint a backpack: a box behind the shoulders, wider from behind than from the side."""
    x = -(pose.depth + 0.04) * pose.sin
    wide = 0.088 * abs(pose.cos) + 0.052 * abs(pose.sin)
    brush.limb(
        [((x, 0.79 - wide), (x, 0.53 + wide), wide, 1.08 * wide, person.bag_colour)],
        dark=0.7,
        light=1.0,
    )
    if pose.cos < -0.3:
        pocket = _darker(person.bag_colour, 0.62)
        brush.flat([((x - 0.4 * wide, 0.6), (x + 0.4 * wide, 0.6), 0.03, 0.03, pocket)])


def paint_straps(brush: Brush, person: Person, pose: Pose) -> None:
    """Paint the straps of a backpack or shoulder bag on the body."""
    front = pose.depth * pose.sin * 0.9
    if person.bag == "backpack" and pose.cos > -0.25:
        for side in (-1, 1):
            if pose.cos - side * pose.sin > -0.3:
                x = 0.58 * person.shoulder * side * pose.cos
                top, end = (x * 1.1, SHOULDER + 0.01), (x * 1.15 + 0.6 * front, 0.64)
                brush.flat([(top, end, 0.013, 0.012, person.bag_colour)])
    if person.bag == "shoulder":
        toward = 1 if pose.cos > 0 else -1
        start = -person.side * 0.55 * person.shoulder * pose.cos, SHOULDER + 0.012
        end = person.side * 0.95 * person.hip * pose.cos + toward * 0.5 * front, 0.53
        brush.flat([(start, end, 0.012, 0.012, person.bag_colour)])


def paint_shoulder(brush: Brush, person: Person, pose: Pose) -> None:
    """Paint a shoulder bag at the hip, unless the body hides it."""
    across = person.side * (person.hip + 0.045)
    if -across * pose.sin < -0.07:
        return
    wide = 0.035 * abs(pose.cos) + 0.07 * abs(pose.sin)
    x = across * pose.cos
    brush.limb([((x, 0.51), (x, 0.45), wide, 1.1 * wide, person.bag_colour)], dark=0.7)
    flap = _darker(person.bag_colour, 0.6)
    brush.flat([((x - 0.6 * wide, 0.515), (x + 0.6 * wide, 0.515), 0.012, 0.012, flap)])


def paint_hand(brush: Brush, person: Person, wrist: Point, pose: Pose) -> None:
    """Paint a bag in the hand."""
    wide = 0.03 * abs(pose.cos) + 0.065 * abs(pose.sin)
    x, up = wrist
    brush.flat([((x, up), (x, up - 0.06), 0.008, 0.008, person.bag_colour)])
    brush.limb([((x, up - 0.08), (x, up - 0.15), wide, 1.1 * wide, person.bag_colour)], dark=0.7)
