r"""Reader of Market-1501, and of archives of its layout.

Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015. The data set has 6
cameras and 1,501 persons: 751 persons with 12,936 training pictures; 3,368 queries; and, without
the junk, 15,913 gallery pictures (counted by its public readers). For research only.

    bounding_box_train/  query/  bounding_box_test/

with names like 0002_c1s1_000451_03.jpg and -1_c3s2_...jpg. Person -1 is junk and always dropped.
Person 0000 is a distractor and kept in the gallery only. `gt_bbox/` and `gt_query/` are not read.
"""

import re
from pathlib import Path

from reid_jax.data.sets import listing
from reid_jax.data.sets.listing import Row
from reid_jax.data.sets.official import Official, Say, compare, silent
from reid_jax.types import Records

FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
INSIDE = ("Market-1501-v15.09.15", "Market-1501", "market1501")  # as the archive unpacks
NAME = re.compile(r"(-?\d+)_c(\d+)s(\d+)_.*\.(?:jpg|jpeg|png)$", re.IGNORECASE)
SEQUENCES = 100  # more than any camera has: group = SEQUENCES * camera + sequence
OFFICIAL = Official(
    "Market-1501", {"train": (12_936, 751), "query": (3_368, 750), "gallery": (15_913, 750)}, 6
)


def market1501(
    folder: str | Path,
    *,
    splits: tuple[str, ...] = tuple(FOLDERS),
    official: Official = OFFICIAL,
    say: Say = silent,
) -> Records:
    """Read the given parts of Market-1501.

    Args:
        folder: the folder that contains bounding_box_train/, query/ and bounding_box_test/.
        splits: the parts to read, of "train", "query" and "gallery".
        official: the figures to compare with.
        say: is told what was found and how it differs from `official`.

    Returns:
        Records, one part after the other, each in the order of the names. Camera c1 is 0. A
        sequence of a camera, such as c1s1, is a group.

    Raises:
        FileNotFoundError: the folder or a part of it is missing.
        ValueError: a part contains no picture, or a name has another form.
    """
    place = listing.root(folder, "Market-1501", [FOLDERS[split] for split in splits], INSIDE)
    rows = []
    for split in splits:
        part = place / FOLDERS[split]
        files = listing.matched(
            listing.pictures(part), NAME, "market1501", "Market-1501", "0002_c1s1_000451_03.jpg"
        )
        kept = [_row(file, match, split) for file, match in files if _counts(match, split)]
        if not kept:
            raise ValueError(f"{part} holds no picture of a person")
        rows += kept
    data = listing.made(rows)
    compare(data, official, "bounding_box folders", say)
    return data


def _counts(match: re.Match[str], split: str) -> bool:
    person = int(match[1])
    return person > 0 or (person == 0 and split == "gallery")


def _row(file: str, match: re.Match[str], split: str) -> Row:
    camera = int(match[2]) - 1
    return Row(file, int(match[1]), camera, split, SEQUENCES * camera + int(match[3]))
