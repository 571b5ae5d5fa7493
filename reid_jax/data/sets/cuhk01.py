r"""Reader of CUHK01 ("campus").

Li, Zhao and Wang, "Human Reidentification with Transferred Metric Learning", ACCV 2012. 971
persons, two pictures by each of two cameras: 3,884. For research only.

    campus/0001001.png      person, number: 1 and 2 by camera A, 3 and 4 by camera B

Without a split all are training pictures, as where it is one source of several. `split=N`: 485
persons to train on, the 486 others to test with, camera A as query. The lists of the papers differ;
here split N is drawn by the seed N.
"""

import re
from pathlib import Path

from reid_jax.data.sets import listing
from reid_jax.data.sets.draw import by_camera
from reid_jax.data.sets.listing import Row
from reid_jax.data.sets.official import Official, Say, compare, silent
from reid_jax.types import Records

NAME = re.compile(r"(\d{4})(\d{3})\.(?:png|jpg)$", re.IGNORECASE)
OFFICIAL = Official("CUHK01", {"train": (3_884, 971)}, 2)


def cuhk01(
    folder: str | Path, *, split: int = 0, official: Official = OFFICIAL, say: Say = silent
) -> Records:
    """Read CUHK01.

    Args:
        folder: that contains campus/, or the pictures.
        split: the number of the draw; 0: all are training pictures.
        official: the figures to compare with, of all pictures.
        say: is told what was found and how it differs from `official`.

    Returns:
        Records; camera A is 0.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: there is no picture, or a name has another form.
    """
    path = Path(folder)
    inside = ("campus", "CUHK01/campus", "CUHK01", "cuhk01/campus")
    place = listing.below(path, inside) or path
    files = listing.pictures(place)
    rows = [
        Row(file, int(match[1]), (int(match[2]) - 1) // 2)
        for file, match in listing.matched(files, NAME, "cuhk01", "CUHK01", "0001001.png")
    ]
    data = listing.made(rows)
    compare(data, official, "campus" + (f", split {split}" if split else ""), say)
    return listing.made(by_camera(rows, split)) if split else data
