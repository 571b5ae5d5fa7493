r"""Reader of VIPeR.

Gray, Brennan and Tao, "Evaluating Appearance Models for Recognition, Reacquisition, and Tracking",
PETS 2007. 632 persons, one picture by each of two cameras. For research only.

    cam_a/000_45.bmp    cam_b/000_90.bmp        person, angle

A split has 316 persons to train on and 316 to test with, camera A as query; figures are means over
ten. The ten lists of the papers differ; here split N is drawn by the seed N.
"""

import re
from pathlib import Path

from reid_jax.data.sets import listing
from reid_jax.data.sets.draw import half
from reid_jax.data.sets.listing import Row
from reid_jax.data.sets.official import Official, Say, compare, silent
from reid_jax.types import Records

NAME = re.compile(r"(\d+)_(\d+)\.(?:bmp|png|jpg)$", re.IGNORECASE)
OFFICIAL = Official("VIPeR", {"train": (632, 316), "query": (316, 316), "gallery": (316, 316)}, 2)


def viper(
    folder: str | Path, *, split: int = 1, official: Official = OFFICIAL, say: Say = silent
) -> Records:
    """Read VIPeR.

    Args:
        folder: that contains cam_a/ and cam_b/.
        split: the number of the draw.
        official: the figures to compare with.
        say: is told what was found and how it differs from `official`.

    Returns:
        Records; half of the persons, rounded down, are training persons. cam_a is camera 0.

    Raises:
        FileNotFoundError: the folder or a camera's is missing.
        ValueError: there is no picture, or a name has another form.
    """
    place = listing.root(folder, "VIPeR", ("cam_a", "cam_b"), ("VIPeR", "VIPeR.v1.0", "viper"))
    rows = [
        Row(file, 1 + int(match[1]), camera, "gallery" if camera else "query")
        for camera, part in enumerate(("cam_a", "cam_b"))
        for file, match in listing.matched(
            listing.pictures(place / part), NAME, "viper", "VIPeR", "000_45.bmp"
        )
    ]
    train = half((row.person for row in rows), split)
    data = listing.made([r._replace(split="train") if r.person in train else r for r in rows])
    compare(data, official, f"cam_a and cam_b, split {split}", say)
    return data
