r"""Reader of CUHK-SYSU (person search), cut out of its frames by its boxes, or cut out already.

Xiao et al., "Joint Detection and Identification Feature Learning for Person Search", CVPR 2017.
18,184 frames of streets and films. Person.mat has 11,934 persons, whom readers for domain
generalisation cut out as 34,574 pictures (counted by them); the search protocol has 5,532 persons
to train on and 2,900 queries. For research only.

    Image/SSM/s1.jpg     annotation/Person.mat              frames and boxes
    cropped_images/p1_s1_1.jpg                              person, frame, number; cut out already

All are training pictures; cameras are unknown. A frame that is a picture of several rows is decoded
for each of them: `reid-jax prepare` cuts them out once.
"""

import os
import re
from pathlib import Path

import numpy as np

from reid_jax.data import records
from reid_jax.data.crops import Crops
from reid_jax.data.sets import listing, mat
from reid_jax.data.sets.listing import Row
from reid_jax.data.sets.official import Official, Say, compare, silent
from reid_jax.types import Records

CROPPED = ("cropped_images", "cropped_image")
NAME = re.compile(r"p(-?\d+)_s(\d+)_(\d+)\.(?:jpg|png)$", re.IGNORECASE)
OFFICIAL = Official("CUHK-SYSU", {"train": (34_574, 11_934)}, sure=False)


def cuhk_sysu(folder: str | Path, *, official: Official = OFFICIAL, say: Say = silent) -> Records:
    """Read the persons of CUHK-SYSU.

    Args:
        folder: that contains Image/SSM/ and annotation/, or cropped_images/.
        official: the figures to compare with.
        say: is told what was found and how it differs from `official`.

    Returns:
        Records, all of them training pictures, person by person, whom the data set numbers from 1.

    Raises:
        FileNotFoundError: the folder or a part of it is missing.
        ValueError: Person.mat is another file, or names frames that are not there.
    """
    path = Path(folder)
    cropped = listing.below(path, CROPPED)
    if cropped is not None:
        files = listing.pictures(cropped)
        found = listing.matched(files, NAME, "cuhk_sysu", "CUHK-SYSU", "p1_s1_1.jpg")
        rows = [Row(file, int(match[1]), -1) for file, match in found if int(match[1]) >= 0]
        lowest = min((row.person for row in rows), default=1)
        data = listing.made([row._replace(person=row.person + 1 - min(lowest, 1)) for row in rows])
        compare(data, official, cropped.name, say)
        return data
    place = listing.root(path, "CUHK-SYSU", ("Image", "annotation"), ("CUHK-SYSU", "dataset"))
    files, boxes, persons = _persons(place)
    data = records.make(Crops(np.array(files, object), np.array(boxes)), np.array(persons))
    compare(data, official, "boxes of Person.mat", say)
    return data


def _persons(place: Path) -> tuple[list[str], list[np.ndarray], list[int]]:
    """(file, box, person) of every appearance."""
    path, frames = place / "annotation" / "Person.mat", place / "Image" / "SSM"
    kind = "CUHK-SYSU's persons"
    there = {*os.listdir(frames)} if frames.is_dir() else set()
    files, boxes, persons = [], [], []
    everyone = mat.load(path, "Person", kind=kind)["Person"].ravel()
    for person, one in enumerate(everyone, 1):
        for scene in one["scene"].ravel():
            name = str(np.ravel(scene["imname"])[0])
            if name not in there:
                raise ValueError(f"{path} names {name}, which {frames} lacks: half an archive?")
            files.append(str(frames / name))
            boxes.append(np.ravel(scene["idlocate"]).astype(np.float32))
            persons.append(person)
    if any(len(box) != 4 for box in boxes) or not files:
        raise ValueError(f"{path} is another file than {kind}: its boxes have not four numbers")
    return files, boxes, persons
