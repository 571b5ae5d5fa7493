"""The person as a vector: proportions, hair, skin, clothes, shoes, bag and hat."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from reid_jax.data.street.chance import between, generator, pick, weigh
from reid_jax.data.street.domain import HAIRS, SKINS, Colour, Domain, find


class Garment(NamedTuple):
    """A cloth: `pattern` in `colour` and `second`, `count` repeats, `motif` the kind of logo or fold."""

    pattern: str
    colour: Colour
    second: Colour
    count: int
    motif: int


class Person(NamedTuple):
    """Who someone is. Lengths are shares of the body height, except height (metres).

    sleeve is the share of the arm that is covered, hem the height at which the upper garment ends; side is +1 or -1,
    the shoulder on which a bag hangs; trim is the stripe along the trousers, None without one.
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
    """Draw a colour of the palette that stands out against `than`."""
    far = [c for c in palette if sum(abs(a - b) for a, b in zip(c, than, strict=True)) > 150]
    return pick(rng, far or palette)


def _upper(rng: np.random.Generator, domain: Domain) -> Garment:
    colour = pick(rng, domain.upper)
    return Garment(
        pattern=weigh(rng, domain.pattern),
        colour=colour,
        second=_other(rng, domain.accent, colour),
        count=int(rng.integers(3, 6)),
        motif=int(rng.integers(0, 4)),
    )


@lru_cache(maxsize=65536)
def draw_person(domain: str, seed: int, pool: str, number: int) -> Person:
    """Draw the person called `number`; another seed, pool or domain has other people.

    Args:
        domain: a name in `DOMAINS`.
        seed: of the data set, at least 0.
        pool: the people among whom the number counts, such as "train" or "test".
        number: at least 0.

    Returns:
        The person, always the same for the same arguments.
    """
    of = find(domain)
    rng = generator("person", domain, seed, pool, number)
    upper = _upper(rng, of)
    sleeve = 1.0 if rng.random() < of.long else pick(rng, (0.25, 0.45))
    coat = rng.random() < of.coat
    lower = weigh(rng, of.legs)
    lower_colour = _other(rng, of.lower, upper.colour) if rng.random() < 0.5 else pick(rng, of.lower)
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
        headwear=weigh(rng, of.headwear),
        headwear_colour=pick(rng, of.accent),
        upper=upper,
        sleeve=sleeve,
        sleeve_colour=upper.second if rng.random() < 0.25 else upper.colour,
        hem=between(rng, (0.27, 0.36)) if coat else between(rng, (0.43, 0.49)),
        lower=lower,
        lower_colour=lower_colour,
        lower_end=between(rng, ends[lower]),
        trim=_other(rng, of.accent, lower_colour) if lower != "skirt" and rng.random() < 0.25 else None,
        shoes=pick(rng, of.shoes),
        bag=weigh(rng, of.bag),
        bag_colour=_other(rng, of.accent, upper.colour),
        side=1 if rng.random() < 0.5 else -1,
        scarf=_other(rng, of.accent, upper.colour) if rng.random() < of.scarf else None,
        stride=between(rng, (0.36, 0.56)),
    )
