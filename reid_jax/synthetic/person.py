"""The person as a vector: proportions, hair, skin, clothes, shoes, bag and headwear."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from reid_jax.synthetic.chance import between, generator, pick, weigh
from reid_jax.synthetic.domain import HAIRS, SKINS, Colour, Style, find


class Garment(NamedTuple):
    """The look of a garment.

    Attributes:
        pattern: such as "plain" or "rings", see `cloth`.
        colour: of the cloth.
        second: the colour of the pattern.
        repeats: how often the pattern repeats.
        motif: the variant of the pattern, 0 to 3.
    """

    pattern: str
    colour: Colour
    second: Colour
    repeats: int
    motif: int


class Person(NamedTuple):
    """The appearance of a person. Lengths are shares of the body height, except `height`.

    Attributes:
        height: body height in metres.
        build: width relative to an average person.
        shoulder: half the width of the shoulders.
        hip: half the width of the hips.
        leg: length of the legs.
        head: radius of the head.
        skin: colour of the skin.
        hair: colour of the hair.
        style: of the hair, such as "short".
        headwear: such as "cap", or "none".
        headwear_colour: of the headwear.
        upper: the upper garment.
        sleeve: share of the arm that it covers.
        sleeve_colour: of the sleeves.
        hem: height above the ground at which it ends.
        lower: "trousers", "shorts" or "skirt".
        lower_colour: of the lower garment.
        lower_end: height above the ground at which it ends.
        trim: colour of the stripe along the legs, None without one.
        shoes: colour of the shoes.
        bag: such as "backpack", or "none".
        bag_colour: of the bag.
        side: +1 or -1, the side of the bag.
        scarf: colour of the scarf, None without one.
        stride: amplitude of the legs' swing, radians.
    """

    height: float
    build: float
    shoulder: float
    hip: float
    leg: float
    head: float
    skin: Colour
    hair: Colour
    style: str
    headwear: str
    headwear_colour: Colour
    upper: Garment
    sleeve: float
    sleeve_colour: Colour
    hem: float
    lower: str
    lower_colour: Colour
    lower_end: float
    trim: Colour | None
    shoes: Colour
    bag: str
    bag_colour: Colour
    side: int
    scarf: Colour | None
    stride: float


def _other(rng: np.random.Generator, palette: tuple[Colour, ...], than: Colour) -> Colour:
    """Draw a colour of the palette that differs clearly from `than`, if there is one."""
    far = [c for c in palette if sum(abs(a - b) for a, b in zip(c, than, strict=True)) > 150]
    return pick(rng, far or palette)


def _upper(rng: np.random.Generator, style: Style) -> Garment:
    """Draw an upper garment."""
    colour = pick(rng, style.upper)
    return Garment(
        pattern=weigh(rng, style.pattern),
        colour=colour,
        second=_other(rng, style.accent, colour),
        repeats=int(rng.integers(3, 6)),
        motif=int(rng.integers(0, 4)),
    )


@lru_cache(maxsize=65536)
def draw_person(domain: str, seed: int, pool: str, number: int) -> Person:
    """Draw the person called (domain, seed, pool, number), on which alone it depends.

    Args:
        domain: a name in `DOMAINS`.
        seed: of the data set, at least 0.
        pool: the set of persons that the number belongs to, such as "train" or "test".
        number: at least 0.

    Returns:
        The person.
    """
    style = find(domain)
    rng = generator("person", domain, seed, pool, number)
    upper = _upper(rng, style)
    sleeve = 1.0 if rng.random() < style.long else pick(rng, (0.25, 0.45))
    coat = rng.random() < style.coat
    lower = weigh(rng, style.legs)
    lower_colour = (
        _other(rng, style.lower, upper.colour) if rng.random() < 0.5 else pick(rng, style.lower)
    )
    ends = {"trousers": (0.04, 0.06), "shorts": (0.24, 0.34), "skirt": (0.14, 0.34)}
    return Person(
        height=between(rng, (1.55, 1.92)),
        build=between(rng, (0.84, 1.26)),
        shoulder=between(rng, (0.105, 0.128)),
        hip=between(rng, (0.078, 0.1)),
        leg=between(rng, (0.46, 0.51)),
        head=between(rng, (0.062, 0.074)),
        skin=pick(rng, SKINS),
        hair=pick(rng, HAIRS),
        style=pick(rng, ("short", "long", "bald", "bun", "tail", "short", "bob")),
        headwear=weigh(rng, style.headwear),
        headwear_colour=pick(rng, style.accent),
        upper=upper,
        sleeve=sleeve,
        sleeve_colour=upper.second if rng.random() < 0.25 else upper.colour,
        hem=between(rng, (0.27, 0.36)) if coat else between(rng, (0.43, 0.49)),
        lower=lower,
        lower_colour=lower_colour,
        lower_end=between(rng, ends[lower]),
        trim=_other(rng, style.accent, lower_colour)
        if lower != "skirt" and rng.random() < 0.25
        else None,
        shoes=pick(rng, style.shoes),
        bag=weigh(rng, style.bag),
        bag_colour=_other(rng, style.accent, upper.colour),
        side=1 if rng.random() < 0.5 else -1,
        scarf=_other(rng, style.accent, upper.colour) if rng.random() < style.scarf else None,
        stride=between(rng, (0.36, 0.56)),
    )
