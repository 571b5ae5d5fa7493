r"""Reader of CUHK02.

Li and Wang, "Locally Aligned Feature Transforms across Views", CVPR 2013. Five pairs of cameras
with 971, 306, 107, 193 and 239 persons: 1,816, two pictures by each of two cameras, 7,264 (product
of these, not counted). For research only.

    P1/cam1/001_0001.png    P1/cam2/...     P2 ... P5

As published the pairs P1 to P4 are training pictures, and P5 the test with camera 1 as query.
`train=all` makes all of them training pictures.
"""

import re
from pathlib import Path

from reid_jax.data.sets import listing
from reid_jax.data.sets.listing import Row
from reid_jax.data.sets.official import Official, Say, compare, silent
from reid_jax.types import Records

NAME = re.compile(r"(\d+)_.*\.(?:png|jpg)$", re.IGNORECASE)
PAIRS = ("P1", "P2", "P3", "P4", "P5")
TEST = "P5"
APART = 10_000  # between the persons of two pairs
OFFICIAL = Official(
    "CUHK02",
    {"train": (6_308, 1_577), "query": (478, 239), "gallery": (478, 239)},
    10,
    sure=False,
)


def cuhk02(folder: str | Path, *, official: Official = OFFICIAL, say: Say = silent) -> Records:
    """Read CUHK02.

    Args:
        folder: that contains P1/ to P5/, or Dataset/ that does.
        official: the figures to compare with.
        say: is told what was found and how it differs from `official`.

    Returns:
        Records; the cameras of P1 are 0 and 1, those of P5 8 and 9.

    Raises:
        FileNotFoundError: the folder or a part of it is missing.
        ValueError: there is no picture, or a name has another form.
    """
    place = listing.root(folder, "CUHK02", PAIRS, ("Dataset", "cuhk02/Dataset", "CUHK02/Dataset"))
    rows = []
    for number, pair in enumerate(PAIRS):
        for view, split in enumerate(("query", "gallery")):
            files = listing.pictures(place / pair / f"cam{view + 1}")
            rows += [
                Row(
                    file,
                    number * APART + 1 + int(match[1]),
                    2 * number + view,
                    split if pair == TEST else "train",
                )
                for file, match in listing.matched(files, NAME, "cuhk02", "CUHK02", "001_0001.png")
            ]
    data = listing.made(rows)
    compare(data, official, "P1 to P5", say)
    return data
