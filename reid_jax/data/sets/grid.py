r"""Reader of QMUL GRID (underground re-identification).

Loy, Xiang and Gong, "Multi-Camera Activity Correlation Analysis", CVPR 2009. 250 persons seen by
two of 8 cameras, and 775 pictures of others: 1,275 pictures. For research only.

    probe/0001_1_25004_107_32_106_221.jpeg     gallery/...     person, camera, ...
    features_and_partitions.mat                the ten published splits

A split has 125 persons to train on; the 125 others of probe/ are queries, and gallery/'s of them
and the 775 others, whose number is 0, the gallery.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np

from reid_jax.data.sets import listing, mat
from reid_jax.data.sets.draw import half
from reid_jax.data.sets.listing import Row
from reid_jax.data.sets.official import WARNING, Official, Say, compare, silent
from reid_jax.types import Records

NAME = re.compile(r"(\d+)_(\d+)_.*\.(?:jpeg|jpg|png)$", re.IGNORECASE)
LISTS = "features_and_partitions.mat"
OFFICIAL = Official("GRID", {"train": (250, 125), "query": (125, 125), "gallery": (900, 125)}, 8)


def grid(
    folder: str | Path, *, split: int = 1, official: Official = OFFICIAL, say: Say = silent
) -> Records:
    """Read GRID.

    Args:
        folder: that contains probe/ and gallery/, or underground_reid/ that does.
        split: the number of the published split; without their file, of a draw.
        official: the figures to compare with.
        say: is told what was found and how it differs from `official`.

    Returns:
        Records; the pictures of others are distractors, person 0. Camera 1 is 0.

    Raises:
        FileNotFoundError: the folder or a part of it is missing.
        ValueError: there is no picture, a name has another form, or the file of the splits is
            another one.
    """
    place = listing.root(folder, "GRID", ("probe", "gallery"), ("underground_reid", "grid"))
    rows = [
        Row(file, int(match[1]), int(match[2]) - 1, part)
        for part, name in (("query", "probe"), ("gallery", "gallery"))
        for file, match in listing.matched(
            listing.pictures(place / name), NAME, "grid", "GRID", "0001_1_25004_107_32_106_221.jpeg"
        )
    ]
    if (place / LISTS).is_file():
        train, how = _listed(place / LISTS, split), "published"
    else:
        persons = {row.person for row in rows} - {0}
        train, how = half(persons, split), "drawn"
        say(f"{WARNING}{place} has no {LISTS}, so split {split} is drawn, not the published one")
    data = listing.made([r._replace(split="train") if r.person in train else r for r in rows])
    compare(data, official, f"probe and gallery, {how} split {split}", say)
    return data


def _listed(path: Path, split: int) -> set[int]:
    """The training persons of a published split: the third field of its struct."""
    splits = mat.load(path, "trainIdxAll", kind="GRID's list of splits")["trainIdxAll"].ravel()
    if split > len(splits):
        raise ValueError(f"split={split} and {path} has {len(splits)}")
    struct: Any = splits[split - 1]
    while getattr(struct, "shape", ()) == (1, 1):
        struct = struct[0, 0]
    names: tuple[str, ...] = struct.dtype.names or ()
    if len(names) < 3:
        raise ValueError(f"{path} is not GRID's: a split of it has {len(names)} fields, not three")
    return {int(one) for one in np.ravel(struct[names[2]])}
