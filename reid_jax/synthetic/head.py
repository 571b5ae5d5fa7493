"""Painting of the head, a ball that turns: face, hair and headwear."""

from reid_jax.synthetic.brush import Brush
from reid_jax.synthetic.person import Person
from reid_jax.synthetic.pose import HEAD, NECK, Pose

# How far hair falls below the middle of the head, in body heights, by style.
_LENGTH = {"long": 0.16, "bob": 0.075, "tail": 0.15}


def neck(brush: Brush, person: Person, pose: Pose) -> None:
    """Paint the neck; the garment is painted over its lower end."""
    brush.limb(
        [((0.0, NECK - 0.02), (0.012 * pose.sin, HEAD - 0.03), 0.032, 0.03, person.skin)],
        dark=0.68,
        light=0.9,
    )


def paint_hair_behind(brush: Brush, person: Person, pose: Pose) -> None:
    """Paint the hair on the back.

    Call it before painting the body where the front is visible, after it where the back is.
    """
    fall = _LENGTH.get(person.style)
    if fall is None or person.headwear == "hood":
        return
    r = person.head
    back = -0.55 * r * pose.sin
    if person.style == "tail":
        back = -1.15 * r * pose.sin
        brush.limb(
            [((back, HEAD + 0.1 * r), (1.2 * back, HEAD - fall), 0.35 * r, 0.22 * r, person.hair)],
            light=1.2,
        )
        return
    wide = 0.86 * r * (1 - 0.3 * abs(pose.sin))
    brush.limb(
        [((back, HEAD), (1.1 * back, HEAD - fall), wide, 0.9 * wide, person.hair)], light=1.25
    )


def paint_head(brush: Brush, person: Person, pose: Pose) -> None:
    """Paint face, hair, scarf and headwear."""
    r, cos, sin = person.head, pose.cos, pose.sin
    x = 0.012 * sin
    hood = person.headwear == "hood"
    if hood:
        brush.oval((x, HEAD), (1.16 * r, 1.22 * r), person.upper.colour, 0.8)
    crown = person.skin if person.style == "bald" else person.hair
    if not hood or cos > -0.3:
        brush.oval((x, HEAD), (0.84 * r, 1.06 * r), crown, 0.85)
        brush.oval((x - 0.1 * r, HEAD + 0.08 * r), (0.66 * r, 0.86 * r), crown, 1.12)
    if person.style == "bun" and not hood:
        brush.oval((x - 0.75 * r * sin, HEAD + 1.0 * r), (0.42 * r, 0.4 * r), person.hair, 1.0)
    if cos > -0.45:
        _face(brush, person, pose, x)
    if person.scarf is not None:
        brush.limb([((-0.04, NECK + 0.012), (0.04, NECK + 0.004), 0.026, 0.026, person.scarf)])
        if cos > 0.2:
            brush.limb([((0.03, NECK), (0.035, NECK - 0.13), 0.018, 0.02, person.scarf)])
    _headwear(brush, person, pose, x)


def _face(brush: Brush, person: Person, pose: Pose, x: float) -> None:
    r, cos, sin = person.head, pose.cos, pose.sin
    middle, wide = x + 0.38 * r * sin, r * (0.45 + 0.3 * max(cos, -0.3))
    brush.oval((middle, HEAD - 0.16 * r), (wide, 0.84 * r), person.skin, 0.88)
    brush.oval((middle - 0.12 * r, HEAD - 0.14 * r), (0.68 * wide, 0.66 * r), person.skin, 1.05)
    for side in (-1, 1):
        if cos - side * sin > -0.2:  # the eye on this side is visible
            eye = x + 0.33 * r * side * cos + 0.66 * r * sin
            brush.oval((eye, HEAD - 0.02 * r), (0.1 * r, 0.1 * r), (30, 24, 24))
    mouth = x + 0.7 * r * sin
    brush.oval((mouth, HEAD - 0.56 * r), (0.22 * r * max(cos, 0.3), 0.06 * r), (150, 70, 66))


def _headwear(brush: Brush, person: Person, pose: Pose, x: float) -> None:
    r, colour = person.head, person.headwear_colour
    if person.headwear in ("cap", "beanie"):
        low = HEAD + (0.32 if person.headwear == "cap" else 0.2) * r
        tall = 0.86 * r if person.headwear == "cap" else 1.15 * r
        brush.oval((x, low), (0.94 * r, tall), colour, 0.82, dome=True)
        brush.oval((x - 0.1 * r, low), (0.7 * r, 0.85 * tall), colour, 1.06, dome=True)
    if person.headwear == "cap" and pose.cos > -0.6:
        tip = x + r * pose.sin
        brim = (x + 0.3 * r * pose.sin, HEAD + 0.32 * r), (tip * 1.3, HEAD + 0.26 * r)
        brush.flat([(*brim, 0.13 * r, 0.1 * r, colour)])
    if person.headwear == "beanie":
        left, right = (x - 0.72 * r, HEAD + 0.26 * r), (x + 0.72 * r, HEAD + 0.26 * r)
        brush.limb([(left, right, 0.2 * r, 0.2 * r, colour)])
