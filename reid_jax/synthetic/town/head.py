"""The head of a body: face, hair and hat."""

import math

import reid_jax.synthetic.town.raster as raster
from reid_jax.synthetic.town.parts import UPWARD, Parts, Point, moved
from reid_jax.synthetic.town.person import HAIR, HAT, SKIN, Person
from reid_jax.synthetic.town.pose import Joints, Pose


def head(body: Parts, person: Person, at: Joints, pose: Pose) -> None:
    """Add the head."""
    size = 0.5 + 0.5 * person.height / 1.7
    top, r = at.head, 0.083 * size
    face = (math.sin(pose.turn), 0.0, math.cos(pose.turn))
    bare = person.hair == "none"
    body.add(
        moved(top, y=-0.01),
        moved(top, y=0.01),
        r,
        r,
        SKIN,
        other=HAIR,
        role=raster.HEAD,
        flat=1.14,
        squash=0.8,
        front=face,
        cut=0.75 if not bare else 0.0,
        opening=0.1 if not bare else -2.0,
        blend=0.01,
    )

    def back(y: float, z: float) -> Point:
        return moved(top, x=face[0] * z, y=y, z=face[2] * z)

    if not bare:
        thick = {"short": 1.03, "full": 1.2}.get(person.hair, 1.1)
        body.add(
            back(0.018, -0.02),
            back(0.03, -0.022),
            r * thick,
            r * thick,
            HAIR,
            flat=1.1,
            squash=0.9,
            front=face,
            blend=0.01,
        )
    if person.hair == "long":
        body.add(
            back(0.0, -0.045),
            back(-person.hair_length, -0.08),
            r * 1.12,
            r * 0.9,
            HAIR,
            flat=0.72,
            front=face,
            blend=0.01,
        )
        for side in (-1, 1):
            x = side * r * 0.75
            body.add(
                moved(back(0.02, -0.01), x=x * face[2]),
                moved(back(-0.5 * person.hair_length, 0.0), x=x * 1.2 * face[2]),
                r * 0.42,
                r * 0.3,
                HAIR,
                blend=0.01,
            )
    if person.hair == "tail":
        body.add(
            back(0.045, -0.1),
            back(-0.6 * person.hair_length, -0.13),
            r * 0.42,
            r * 0.3,
            HAIR,
            blend=0.005,
        )
    if person.hair == "bun":
        body.add(back(0.08, -0.07), back(0.09, -0.07), r * 0.55, r * 0.55, HAIR, blend=0.005)
    if person.hat in ("cap", "beanie"):
        body.add(
            back(0.01, -0.008),
            back(0.035, -0.008),
            r * 1.16,
            r * 1.14,
            HAT,
            flat=1.12,
            squash=0.85,
            front=face,
            low=0.028 if person.hat == "cap" else 0.0,
            blend=0.003,
        )
    if person.hat == "cap":
        body.add(
            back(0.035, 0.05),
            back(0.028, 0.11),
            0.07 * size,
            0.06 * size,
            HAT,
            flat=0.16,
            front=UPWARD,
            blend=0.003,
        )
    if person.hat == "brim":
        body.add(
            back(0.045, -0.01),
            back(0.045, 0.0),
            0.17 * size,
            0.17 * size,
            HAT,
            flat=0.14,
            front=UPWARD,
            blend=0.003,
        )
        body.add(
            back(0.04, -0.01),
            back(0.08, -0.01),
            r * 1.15,
            r * 1.05,
            HAT,
            flat=1.1,
            front=face,
            blend=0.003,
        )
