"""The domains: distributions over persons and cameras, as different as two real data sets are."""

import difflib
from types import MappingProxyType
from typing import NamedTuple

Colour = tuple[int, int, int]  # RGB
Odds = tuple[tuple[str, float], ...]  # (item, weight)
Span = tuple[float, float]  # (low, high)

SKINS = ((245, 214, 190), (226, 182, 150), (196, 146, 110), (150, 104, 74), (98, 66, 48))
HAIRS = ((28, 24, 24), (70, 46, 32), (120, 80, 46), (206, 172, 104), (150, 146, 144), (142, 58, 34))


class Style(NamedTuple):
    """The distribution of clothes and cameras in a domain.

    Palettes are small, so that many persons share their colours.

    Attributes:
        name: of the domain.
        upper: palette of upper garments.
        lower: palette of lower garments.
        accent: palette of patterns, bags, hats, scarfs and trims.
        shoes: palette of shoes.
        pattern: odds of the pattern of the upper garment.
        legs: odds of the lower garment.
        bag: odds of the bag.
        headwear: odds of the headwear.
        long: probability of long sleeves.
        coat: probability of a coat.
        scarf: probability of a scarf.
        places: the backdrops that a camera may see.
        grounds: the grounds that a camera may see.
        gain: range of the factor of each colour channel.
        gamma: range of the exponent of the tone curve.
        saturation: range of the saturation, 1 leaves it.
        haze: range of the share of haze.
        exposure: range of the factor on the light of one passage.
        blur: range of the blur in pixels at a crop height of 128.
        noise: range of the noise in grey levels.
        resolution: range of the share of rows and columns that the camera resolves.
        occlusion: probability that something stands in front of the person.
    """

    name: str
    upper: tuple[Colour, ...]
    lower: tuple[Colour, ...]
    accent: tuple[Colour, ...]
    shoes: tuple[Colour, ...]
    pattern: Odds
    legs: Odds
    bag: Odds
    headwear: Odds
    long: float
    coat: float
    scarf: float
    places: tuple[str, ...]
    grounds: tuple[str, ...]
    gain: Span
    gamma: Span
    saturation: Span
    haze: Span
    exposure: Span
    blur: Span
    noise: Span
    resolution: Span
    occlusion: float


PLAZA = Style(
    name="plaza",
    upper=(
        (238, 236, 230),
        (208, 58, 52),
        (52, 104, 190),
        (66, 152, 92),
        (236, 194, 72),
        (44, 46, 54),
    ),
    lower=((70, 92, 136), (42, 44, 52), (200, 184, 150), (122, 126, 130)),
    accent=((250, 248, 244), (34, 36, 44), (226, 96, 44), (40, 80, 168), (238, 206, 82)),
    shoes=((240, 240, 238), (40, 38, 40), (180, 60, 54)),
    pattern=(
        ("plain", 2),
        ("rings", 3),
        ("pales", 2),
        ("checks", 2),
        ("block", 2),
        ("logo", 3),
        ("dots", 2),
        ("halves", 1),
        ("band", 2),
        ("open", 1),
    ),
    legs=(("trousers", 4), ("shorts", 4), ("skirt", 2)),
    bag=(("none", 4), ("backpack", 3), ("shoulder", 3), ("hand", 1)),
    headwear=(("none", 7), ("cap", 3)),
    long=0.3,
    coat=0.0,
    scarf=0.0,
    places=("facade", "trees", "wall", "shops"),
    grounds=("paving", "road", "lawn"),
    gain=(0.84, 1.16),
    gamma=(0.75, 1.35),
    saturation=(0.7, 1.2),
    haze=(0.0, 0.12),
    exposure=(0.82, 1.18),
    blur=(0.2, 0.7),
    noise=(2.0, 6.0),
    resolution=(0.5, 1.0),
    occlusion=0.15,
)

STATION = Style(
    name="station",
    upper=(
        (226, 226, 228),
        (58, 66, 88),
        (34, 34, 38),
        (128, 132, 138),
        (132, 44, 58),
        (108, 152, 188),
    ),
    lower=((36, 38, 44), (66, 72, 92), (124, 118, 108), (52, 74, 112)),
    accent=((240, 240, 238), (150, 38, 48), (208, 168, 60), (24, 24, 28), (84, 144, 140)),
    shoes=((30, 28, 30), (110, 72, 46), (226, 226, 226)),
    pattern=(
        ("plain", 3),
        ("rings", 2),
        ("pales", 3),
        ("checks", 2),
        ("block", 2),
        ("logo", 1),
        ("dots", 1),
        ("halves", 1),
        ("band", 2),
        ("open", 4),
    ),
    legs=(("trousers", 7), ("shorts", 1), ("skirt", 3)),
    bag=(("none", 2), ("backpack", 3), ("shoulder", 4), ("hand", 3)),
    headwear=(("none", 8), ("cap", 1), ("beanie", 1)),
    long=0.7,
    coat=0.25,
    scarf=0.15,
    places=("hall", "platform", "shops"),
    grounds=("tiles", "platform"),
    gain=(0.82, 1.14),
    gamma=(0.8, 1.4),
    saturation=(0.65, 1.1),
    haze=(0.0, 0.1),
    exposure=(0.8, 1.15),
    blur=(0.3, 0.9),
    noise=(3.0, 8.0),
    resolution=(0.45, 0.95),
    occlusion=0.2,
)

HARBOUR = Style(
    name="harbour",
    upper=(
        (44, 52, 72),
        (92, 84, 56),
        (30, 32, 36),
        (118, 54, 44),
        (150, 146, 138),
        (188, 118, 40),
    ),
    lower=((34, 36, 42), (58, 66, 88), (88, 78, 62), (70, 72, 74)),
    accent=((208, 204, 194), (196, 74, 36), (60, 104, 112), (220, 180, 70), (28, 28, 32)),
    shoes=((36, 32, 30), (120, 86, 52), (90, 92, 96)),
    pattern=(
        ("plain", 3),
        ("rings", 2),
        ("pales", 1),
        ("checks", 3),
        ("block", 4),
        ("logo", 1),
        ("dots", 1),
        ("halves", 1),
        ("band", 4),
        ("open", 2),
    ),
    legs=(("trousers", 9), ("skirt", 1)),
    bag=(("none", 4), ("backpack", 3), ("shoulder", 2), ("hand", 2)),
    headwear=(("none", 4), ("beanie", 4), ("cap", 1), ("hood", 2)),
    long=1.0,
    coat=0.5,
    scarf=0.35,
    places=("quay", "containers", "wall", "facade"),
    grounds=("planks", "road", "wet"),
    gain=(0.76, 1.08),
    gamma=(0.9, 1.45),
    saturation=(0.6, 1.05),
    haze=(0.04, 0.22),
    exposure=(0.72, 1.12),
    blur=(0.3, 1.0),
    noise=(4.0, 10.0),
    resolution=(0.42, 0.9),
    occlusion=0.2,
)

DOMAINS = MappingProxyType({style.name: style for style in (PLAZA, STATION, HARBOUR)})


def find(name: str) -> Style:
    """Return the style of the domain called `name`.

    Raises:
        ValueError: there is no such domain; the message names the nearest one.
    """
    if name in DOMAINS:
        return DOMAINS[name]
    near = difflib.get_close_matches(str(name), DOMAINS, n=1, cutoff=0.0)[0]
    raise ValueError(
        f"no domain is called {name!r}; did you mean {near!r}? Choose one of {', '.join(DOMAINS)}"
    )
