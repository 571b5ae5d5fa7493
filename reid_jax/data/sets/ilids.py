r"""Reader of QMUL i-LIDS, the pictures of an airport.

Zheng, Gong and Xiang, "Associating Groups of People", BMVC 2009. 119 persons, 476 pictures, cameras
not given. For research only.

    Persons/0001001.jpg     person, number

A split has 59 persons to train on; of each of the 60 others one picture is a query and one is in
the gallery. Since cameras are not given, the query's is 0 and the gallery's 1, so that no match is
left out as one by the same camera; a training picture's is unknown. The lists of the papers differ;
here split N is drawn by the seed N.
"""

import re
from pathlib import Path

import numpy as np

from reid_jax.data.sets import listing
from reid_jax.data.sets.draw import half
from reid_jax.data.sets.listing import Row
from reid_jax.data.sets.official import Official, Say, compare, silent
from reid_jax.types import Records

NAME = re.compile(r"(\d{4})(\d{3})\.(?:jpg|png)$", re.IGNORECASE)
OFFICIAL = Official("i-LIDS", {"train": (476, 119)})


def ilids(
    folder: str | Path,
    *,
    split: int = 1,
    train: str = "",
    official: Official = OFFICIAL,
    say: Say = silent,
) -> Records:
    """Read i-LIDS.

    Args:
        folder: that contains Persons/, or i-LIDS_Pedestrian/ that does, or the pictures.
        split: the number of the draw.
        train: "all": all pictures are training pictures.
        official: the figures to compare with, of all pictures.
        say: is told what was found and how it differs from `official`.

    Returns:
        Records; half of the persons, rounded down, are training persons.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: there is no picture, a name has another form, or a person has one picture.
    """
    path = Path(folder)
    inside = ("i-LIDS_Pedestrian/Persons", "Persons", "ilids/i-LIDS_Pedestrian/Persons")
    place = listing.below(path, inside) or path
    files = listing.pictures(place)
    rows = [
        Row(file, int(match[1]), -1)
        for file, match in listing.matched(files, NAME, "ilids", "i-LIDS", "0001001.jpg")
    ]
    compare(
        listing.made(rows), official, "Persons" + (f", split {split}" if not train else ""), say
    )
    return listing.made(rows if train else _dealt(rows, split))


def _dealt(rows: list[Row], split: int) -> list[Row]:
    """The rows of a split."""
    persons = {row.person for row in rows}
    train = half(persons, split)
    dealt = [row for row in rows if row.person in train]
    rng = np.random.default_rng([split, 1])
    for person in sorted(persons - train):
        own = [row for row in rows if row.person == person]
        if len(own) < 2:
            raise ValueError(f"person {person} of i-LIDS has one picture, {own[0].file}")
        query, gallery = rng.permutation(len(own))[:2]
        dealt.append(own[query]._replace(camera=0, split="query"))
        dealt.append(own[gallery]._replace(camera=1, split="gallery"))
    return dealt
