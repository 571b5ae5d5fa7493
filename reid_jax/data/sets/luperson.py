r"""Reader of LUPerson, unlabelled people of street-view videos.

Fu et al., "Unsupervised Pre-training for Person Re-identification", CVPR 2021. 4,180,243 pictures,
of more than 200,000 persons, from 46,260 videos (recalled). Not to be passed on; for research only.

    COUNTRY/CITY/VIDEO/*.jpg        as the authors' code for making its LMDB reads it

Any folder that holds pictures is a video: a group, and a camera of its own. Persons are unknown and
all pictures are training pictures of the domain "unlabelled".
"""

import os
from pathlib import Path

import numpy as np

from reid_jax.data import records
from reid_jax.data.folders import is_picture
from reid_jax.data.sets import listing
from reid_jax.data.sets.official import WARNING, Say, silent
from reid_jax.types import Domain, Records

PATHS = np.dtypes.StringDType()
LMDB = ("data.mdb", "lock.mdb", "keys.pkl", "key.pkl")
OFFICIAL = (4_180_243, 46_260)  # pictures, videos; recalled


def luperson(
    folder: str | Path, *, official: tuple[int, int] = OFFICIAL, say: Say = silent
) -> Records:
    """Read LUPerson.

    Args:
        folder: with folders of videos below it, at any depth.
        official: (pictures, videos) to compare with.
        say: is told what was found and how it differs from `official`.

    Returns:
        Records, video by video in the order of their names.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: there is no picture, or it holds the LMDB, which is not read.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {root} (LUPerson)")
    parts, sizes = [], []
    for place, below, names in os.walk(root):
        below[:] = sorted(name for name in below if name[0] != ".")
        if {*LMDB} & {*names}:
            raise ValueError(
                f"{place} holds LUPerson's LMDB, which is not read; name the folder of its "
                "pictures, COUNTRY/CITY/VIDEO/*.jpg"
            )
        files = sorted(os.path.join(place, name) for name in names if is_picture(name))
        if files:
            parts.append(np.array(files, PATHS))
            sizes.append(len(files))
    if not parts:
        raise ValueError(f"{root} holds no folder of pictures; it holds {listing.held(root)}")
    video = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    data = records.make(
        np.concatenate(parts), -1, camera=video, domain=int(Domain.UNLABELLED), group=video
    )
    say(f"LUPerson: {len(video):,} pictures of {len(sizes):,} videos")
    if (len(video), len(sizes)) != official:
        say(
            f"{WARNING}LUPerson is not as published, as recalled: {len(video):,} pictures of "
            f"{len(sizes):,} videos instead of {official[0]:,} of {official[1]:,}"
        )
    return data
