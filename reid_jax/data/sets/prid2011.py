r"""Reader of PRID 2011, its single pictures.

Hirzer et al., "Person Re-Identification by Descriptive and Discriminative Classification", SCIA
2011. Camera A has 385 persons, camera B 749; the first 200 numbers are the same persons in both,
all other numbers are different persons. For research only.

    single_shot/cam_a/person_0001.png    single_shot/cam_b/person_0001.png

A split has 100 of the 200 to train on; the 100 others by camera A are queries, and camera B's
pictures of them and of its 549 own persons the gallery. The lists of the papers differ; here split
N is drawn by the seed N. Camera A's 185 own persons are in no split; `train=all` has them.
"""

import re
from pathlib import Path

from reid_jax.data.sets import listing
from reid_jax.data.sets.draw import half
from reid_jax.data.sets.listing import Row
from reid_jax.data.sets.official import Official, Say, compare, silent
from reid_jax.types import Records

NAME = re.compile(r"person_(\d+)\.(?:png|jpg)$", re.IGNORECASE)
SHARED = 200  # persons 1 to 200 are seen by both cameras
APART = 10_000  # added to the numbers of camera A's own persons
OFFICIAL = Official(
    "PRID 2011", {"train": (200, 100), "query": (100, 100), "gallery": (649, 649)}, 2
)
EVERYONE = Official("PRID 2011", {"train": (1_134, 934)}, 2)


def prid2011(
    folder: str | Path,
    *,
    split: int = 1,
    train: str = "",
    shared: int = SHARED,
    official: Official | None = None,
    say: Say = silent,
) -> Records:
    """Read the single pictures of PRID 2011.

    Args:
        folder: that contains single_shot/, or prid_2011/ that does.
        split: the number of the draw.
        train: "all": all pictures are training pictures.
        shared: the persons up to this number are the same in both cameras.
        official: the figures to compare with; None: the published ones.
        say: is told what was found and how it differs from `official`.

    Returns:
        Records; half of the shared persons are training persons. cam_a is camera 0.

    Raises:
        FileNotFoundError: the folder or a camera's is missing.
        ValueError: there is no picture, or a name has another form.
    """
    inside = ("prid_2011", "prid2011", "prid_2011/prid_2011")
    place = listing.root(folder, "PRID 2011", ("single_shot",), inside) / "single_shot"
    rows = []
    for camera, part in enumerate(("cam_a", "cam_b")):
        files = listing.pictures(place / part)
        example = "person_0001.png"
        for file, match in listing.matched(files, NAME, "prid2011", "PRID 2011", example):
            number = int(match[1])
            own = APART if number > shared and not camera else 0
            rows.append(Row(file, number + own, camera, "gallery" if camera else "query"))
    both = {row.person for row in rows if row.person <= shared}
    chosen = half(both, split)
    if train:
        rows = [row._replace(split="train") for row in rows]
    else:
        rows = [row._replace(split="train") if row.person in chosen else row for row in rows]
        rows = [row for row in rows if row.person < APART]
    data = listing.made(rows)
    expected = official or (EVERYONE if train else OFFICIAL)
    compare(data, expected, "single_shot" + ("" if train else f", split {split}"), say)
    return data
