r"""Reader of PKU-Reid.

Ma, Liu and Hu, "Orientation Driven Bag of Appearances for Person Re-identification", 2016. 114
persons, eight directions by each of two cameras: 1,824 pictures (recalled). For research only.

    PKUv1a_128x48/001_1_....png     person, camera

All are training pictures; `split=N`: 57 persons to train on, the 57 others to test with, camera 1
as query. Split N is drawn by the seed N.
"""

import re
from pathlib import Path

from reid_jax.data.sets import listing
from reid_jax.data.sets.draw import by_camera
from reid_jax.data.sets.listing import Row
from reid_jax.data.sets.official import Official, Say, compare, silent
from reid_jax.types import Records

NAME = re.compile(r"(\d+)_[a-z]*(\d+)(?:_.*)?\.(?:png|jpg)$", re.IGNORECASE)
OFFICIAL = Official("PKU-Reid", {"train": (1_824, 114)}, 2, sure=False)


def pku_reid(
    folder: str | Path, *, split: int = 0, official: Official = OFFICIAL, say: Say = silent
) -> Records:
    """Read PKU-Reid.

    Args:
        folder: that contains PKUv1a_128x48/, or the pictures.
        split: the number of the draw; 0: all are training pictures.
        official: the figures to compare with, of all pictures.
        say: is told what was found and how it differs from `official`.

    Returns:
        Records; camera 1 is 0.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: there is no picture, or a name has another form.
    """
    path = Path(folder)
    inside = ("PKUv1a_128x48", "PKUv1a", "PKU-Reid/PKUv1a_128x48")
    place = listing.below(path, inside) or path
    files = listing.pictures(place)
    rows = [
        Row(file, int(match[1]), int(match[2]) - 1)
        for file, match in listing.matched(files, NAME, "pku_reid", "PKU-Reid", "001_1_1.png")
    ]
    least = 1 - min(row.person for row in rows)  # persons count from 1, cameras from 0
    lowest = min(row.camera for row in rows)
    rows = [
        row._replace(person=row.person + max(0, least), camera=row.camera - lowest) for row in rows
    ]
    data = listing.made(rows)
    compare(data, official, place.name + (f", split {split}" if split else ""), say)
    return listing.made(by_camera(rows, split)) if split else data
