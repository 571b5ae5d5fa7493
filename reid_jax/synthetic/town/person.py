"""Who a person is: build, hair, clothes and bags, drawn from a seed."""

import colorsys
from functools import lru_cache
from typing import NamedTuple

import numpy as np

import reid_jax.synthetic.town.shade as shade
from reid_jax.synthetic.chance import between, generator, pick, weigh
from reid_jax.synthetic.town.switches import Switches

Colour = tuple[float, float, float]  # RGB in [0, 1]

# materials by number
SKIN, HAIR, TOP, BOTTOM, JACKET, SHOES, BAG, HAT, LEG, BELT = range(10)

SKINS = (
    (0.93, 0.78, 0.68),
    (0.86, 0.68, 0.55),
    (0.74, 0.55, 0.42),
    (0.5, 0.35, 0.26),
    (0.3, 0.2, 0.15),
)
HAIRS = (
    (0.06, 0.05, 0.05), (0.1, 0.08, 0.07), (0.22, 0.14, 0.09), (0.4, 0.27, 0.15),
    (0.7, 0.58, 0.38), (0.55, 0.54, 0.53), (0.42, 0.2, 0.12),
)  # fmt: skip
# (hue, saturation, value) and how often: what is worn on streets
MUTED = (
    ((0.0, 0.0, 0.07), 5), ((0.0, 0.0, 0.16), 3), ((0.6, 0.05, 0.35), 2), ((0.0, 0.02, 0.6), 2),
    ((0.1, 0.03, 0.92), 4), ((0.63, 0.55, 0.22), 3), ((0.6, 0.45, 0.42), 2), ((0.58, 0.3, 0.65), 1),
    ((0.11, 0.28, 0.76), 2), ((0.1, 0.4, 0.5), 1), ((0.06, 0.5, 0.3), 1), ((0.2, 0.35, 0.32), 1),
)  # fmt: skip
LEGWEAR = (
    ((0.0, 0.0, 0.06), 5), ((0.6, 0.1, 0.17), 3), ((0.61, 0.45, 0.3), 4), ((0.6, 0.4, 0.48), 2),
    ((0.58, 0.25, 0.7), 1), ((0.1, 0.3, 0.66), 2), ((0.12, 0.35, 0.42), 1), ((0.1, 0.02, 0.88), 1),
    ((0.0, 0.0, 0.4), 2), ((0.64, 0.5, 0.18), 1),
)  # fmt: skip


class Person(NamedTuple):
    """A person.

    Attributes:
        height: metres.
        girth: width over what is usual for the height.
        woman: whether built as most women are.
        legs: height of the hip over the body's.
        shoulders: their width over what is usual.
        lean: of the back, radians.
        hair: none, short, full, long, tail, bun.
        hair_length: metres.
        fringe: how far hair comes to the front, -1 to 1.
        hat: none, cap, brim, beanie.
        sleeve: share of the arm that the top covers, 0 to 1.
        neckline: metres of skin at the top.
        tucked: whether the top ends at the waist.
        bottom: trousers, shorts, skirt, dress.
        bottom_length: share of the leg that it covers.
        flare: its width below over above.
        jacket: none, open, closed, coat.
        opening: half the angle of an open jacket, radians.
        loose: metres that clothes stand off.
        bag: none, backpack, shoulder, hand, cross.
        side: of the bag, -1 or 1.
        bag_size: over what is usual.
        belt: whether there is one.
        scarf: whether there is one.
        materials: f64[10 shade.MATERIAL].
    """

    height: float
    girth: float
    woman: bool
    legs: float
    shoulders: float
    lean: float
    hair: str
    hair_length: float
    fringe: float
    hat: str
    sleeve: float
    neckline: float
    tucked: bool
    bottom: str
    bottom_length: float
    flare: float
    jacket: str
    opening: float
    loose: float
    bag: str
    side: int
    bag_size: float
    belt: bool
    scarf: bool
    materials: np.ndarray


def _vary(rng: np.random.Generator, hsv: Colour) -> Colour:
    """A colour near another."""
    hue = (hsv[0] + rng.normal(0, 0.025)) % 1
    saturation = min(1.0, max(0.0, hsv[1] + rng.normal(0, 0.06)))
    value = min(0.97, max(0.04, hsv[2] * (1 + rng.normal(0, 0.15))))
    return colorsys.hsv_to_rgb(hue, saturation, value)


def _colour(
    rng: np.random.Generator, muted: float, palette: tuple[tuple[Colour, float], ...] = MUTED
) -> Colour:
    """The colour of a garment; a share of `muted` is of the palette."""
    if rng.random() < muted:
        return _vary(rng, weigh(rng, palette))
    return colorsys.hsv_to_rgb(rng.random(), between(rng, (0.2, 0.85)), between(rng, (0.22, 0.92)))


def _cloth(
    rng: np.random.Generator, colours: list[Colour], pattern: int, cloth: bool
) -> np.ndarray:
    """A material of three colours."""
    one = np.zeros(shade.MATERIAL)
    one[shade.COLOURS : shade.COLOURS + 9] = np.clip(np.ravel(colours), 0, 1) ** 2.0
    one[shade.PATTERN] = pattern if cloth else shade.PLAIN
    one[shade.PERIOD] = 0.03 * 8 ** rng.random()
    one[shade.SHARE] = between(rng, (0.2, 0.65))
    one[shade.PHASE] = rng.random()
    one[shade.CREASE] = between(rng, (0.3, 1.5)) * cloth
    one[shade.SHINE] = (rng.random() < 0.15) * between(rng, (0.1, 0.5))
    one[shade.GRAIN] = between(rng, (0.0, 0.15)) * cloth
    one[shade.FOLDS] = between(rng, (8, 26))
    one[shade.NUMBER] = int(rng.integers(1, 10_000))
    one[shade.PRINT_HALF] = 1.0
    one[shade.PRINT_TALL] = 1.0
    return one


def _upper(rng: np.random.Generator, switches: Switches) -> np.ndarray:
    """The material of a top: its colours, pattern and print."""
    patterns = (
        (shade.PLAIN, 11), (shade.RINGS, 3), (shade.PALES, 1), (shade.CHECKS, 2),
        (shade.DOTS, 1), (shade.BLOTS, 3), (shade.BLOCK, 1.5), (shade.SLANT, 0.5),
        (shade.FADING, 1), (shade.SIDE, 1),
    )  # fmt: skip
    muted = 0.68 if switches.muted else 0.0
    base, more = _colour(rng, muted), [_colour(rng, muted) for _ in range(2)]
    if rng.random() < 0.4:  # tone on tone
        more[0] = tuple(np.clip(np.array(base) * between(rng, (0.5, 1.8)), 0.04, 0.96))
    one = _cloth(rng, [base, *more], weigh(rng, patterns), switches.cloth)
    if switches.cloth and rng.random() < 0.4:
        one[shade.PRINT] = weigh(rng, ((1, 3), (2, 1), (3, 1)))
        one[shade.PRINT_AT] = between(rng, (0.12, 0.24))
        one[shade.PRINT_HALF] = between(rng, (0.03, 0.12))
        one[shade.PRINT_TALL] = between(rng, (0.02, 0.13))
    return one


def _materials(
    cloth: np.random.Generator, body: np.random.Generator, switches: Switches
) -> np.ndarray:
    """All materials of a person; clothes by one generator, the rest by another."""
    muted = 0.68 if switches.muted else 0.0
    skin = weigh(body, tuple(zip(SKINS, (5, 5, 4, 2, 1.5), strict=True)))
    hair = weigh(body, tuple(zip(HAIRS, (6, 5, 4, 2, 2, 1.5, 0.5), strict=True)))
    skin, hair = (
        tuple(np.clip(np.array(c) * between(body, (0.85, 1.12)), 0, 1)) for c in (skin, hair)
    )
    plain = [(c,) * 3 for c in (skin, hair)]
    rows = [_cloth(body, list(c), shade.PLAIN, False) for c in plain]
    rows[1][[shade.CREASE, shade.GRAIN, shade.SHINE]] = 0.8, 0.4, 0.15
    legs = _colour(cloth, 0.85 if switches.muted else 0.0, LEGWEAR)
    odds = (
        (shade.PLAIN, 10),
        (shade.CHECKS, 1),
        (shade.BLOTS, 1.2),
        (shade.SIDE, 1.2),
        (shade.PALES, 0.4),
    )
    lower = _cloth(
        cloth,
        [legs, *(_colour(cloth, muted) for _ in range(2))],
        weigh(cloth, odds),
        switches.cloth,
    )
    lower[shade.FADE] = (cloth.random() < 0.25) * between(cloth, (0.1, 0.5)) * switches.cloth
    outer = _cloth(
        cloth,
        [_colour(cloth, 0.8 * bool(muted)), *(_colour(cloth, muted) for _ in range(2))],
        weigh(cloth, ((shade.PLAIN, 8), (shade.CHECKS, 1), (shade.BLOCK, 1), (shade.RINGS, 0.5))),
        switches.cloth,
    )
    small = [
        _cloth(
            body,
            [_colour(body, much * bool(muted)), *(_colour(body, muted) for _ in range(2))],
            weigh(body, ((shade.PLAIN, 5), (shade.RINGS, 1), (shade.BLOCK, 1))),
            switches.cloth,
        )
        for much in (0.92, 0.75, 0.65, 0.8, 0.9)
    ]
    return np.stack([*rows, _upper(cloth, switches), lower, outer, *small])


@lru_cache(maxsize=512)
def draw_person(seed: int, pool: str, number: int, switches: Switches) -> Person:
    """Draw the person of a number.

    With `switches.twins` a sixth of the persons share the clothes of the one before, and differ in
    build, hair and bag.
    """
    body = generator("town person", seed, pool, number)
    shared = switches.twins and number > 1 and body.random() < 1 / 6
    cloth = generator("town clothes", seed, pool, number - shared)
    materials = _materials(cloth, body, switches)
    woman = bool(cloth.random() < 0.5)
    bottoms = (
        (("trousers", 5), ("shorts", 2.5), ("skirt", 1.8), ("dress", 1.4))
        if woman
        else (("trousers", 6), ("shorts", 3))
    )
    bottom = weigh(cloth, bottoms)
    spans = {
        "trousers": (0.8, 1.0),
        "shorts": (0.18, 0.52),
        "skirt": (0.25, 0.95),
        "dress": (0.25, 0.95),
    }
    hairs = (
        (("short", 1), ("full", 2), ("long", 5), ("tail", 3), ("bun", 1))
        if woman
        else (("none", 1), ("short", 7), ("full", 2), ("long", 0.3))
    )
    hot = cloth.random() < 0.6
    jackets = (
        (("none", 9), ("open", 1))
        if hot
        else (("none", 2), ("open", 3), ("closed", 3), ("coat", 1.5))
    )
    return Person(
        height=float(np.clip(body.normal(1.63 if woman else 1.75, 0.075), 1.4, 2.0)),
        girth=float(np.clip(body.normal(1.0, 0.13), 0.78, 1.5)),
        woman=woman,
        legs=0.5 + 0.022 * body.normal(),
        shoulders=1 + 0.06 * body.normal(),
        lean=0.04 + 0.05 * body.normal(),
        hair=weigh(body, hairs),
        hair_length=between(body, (0.14, 0.45)),
        fringe=between(body, (-0.05, 0.35)),
        hat=weigh(body, (("none", 10), ("cap", 1.2), ("brim", 0.5), ("beanie", 0.5))),
        sleeve=weigh(cloth, ((0.0, 1), (between(cloth, (0.2, 0.45)), 6), (1.0, 3)))
        if hot
        else weigh(cloth, ((0.35, 1), (1.0, 6))),
        neckline=between(cloth, (0, 0.09)),
        tucked=bool(cloth.random() < 0.3),
        bottom=bottom,
        bottom_length=between(cloth, spans[bottom]),
        flare=between(cloth, (0.75, 1.35)),
        jacket=weigh(cloth, jackets),
        opening=between(cloth, (0.25, 0.85)),
        loose=between(cloth, (0.004, 0.04)),
        bag=weigh(
            body, (("none", 4), ("backpack", 3), ("shoulder", 1.5), ("hand", 1.5), ("cross", 1))
        ),
        side=pick(body, (-1, 1)),
        bag_size=between(body, (0.7, 1.35)),
        belt=bool(cloth.random() < 0.2),
        scarf=bool(not hot and cloth.random() < 0.15),
        materials=materials,
    )
