r"""Reader of MSMT17, versions 1 and 2 (whose faces are masked).

Wei et al., "Person Transfer GAN to Bridge Domain Gap for Person Re-Identification", CVPR 2018. 15
cameras; 1,041 persons with 32,621 training pictures, in the lists train (30,248) and val (2,373);
3,060 others with 11,659 queries and 82,161 gallery pictures: 4,101 persons and 126,441 pictures in
all, which `train=all` makes training pictures ("MSMT17-merged"). For research only, by agreement.

    list_train.txt  list_val.txt  list_query.txt  list_gallery.txt      0000/0000_000_01_...jpg 0
    train/  test/                       version 1
    mask_train_v2/  mask_test_v2/       version 2

The persons of train and test are both numbered from 0; here those of the test come after the
others. The camera is the third part of a name.
"""

import os
import re
from pathlib import Path

from reid_jax.data.sets import listing
from reid_jax.data.sets.listing import Row
from reid_jax.data.sets.official import Official, Say, compare, silent
from reid_jax.types import Records

LISTS = {"train": ("train", "val"), "query": ("query",), "gallery": ("gallery",)}
NEEDED = tuple(f"list_{one}.txt" for names in LISTS.values() for one in names)
VERSIONS = {"V1": ("train", "test"), "V2": ("mask_train_v2", "mask_test_v2")}
NAME = re.compile(r"(\d+)_(\d+)_(\d+)_.*\.(?:jpg|png)$", re.IGNORECASE)
OFFICIAL = Official(
    "MSMT17", {"train": (32_621, 1_041), "query": (11_659, 3_060), "gallery": (82_161, 3_060)}, 15
)


def msmt17(folder: str | Path, *, official: Official = OFFICIAL, say: Say = silent) -> Records:
    """Read MSMT17.

    Args:
        folder: that contains the four lists, or MSMT17_V1/ or MSMT17_V2/ that does.
        official: the figures to compare with.
        say: is told which version was found and how it differs from `official`.

    Returns:
        Records in the order of the lists; camera 01 is 0.

    Raises:
        FileNotFoundError: the folder, a list or the folders of the pictures are missing.
        ValueError: both versions lie in one folder, a line has another form, or a list names
            pictures that are not there, as the lists of another version do.
    """
    inside = ("MSMT17_V2", "MSMT17_V1", "msmt17/MSMT17_V2", "msmt17/MSMT17_V1")
    there = [one for one in inside if (Path(folder) / one).is_dir()]
    if len(there) > 1:
        raise ValueError(f"{folder} holds {' and '.join(there)}; name one of them")
    place = listing.root(folder, "MSMT17", NEEDED, inside)
    version = _version(place)
    rows: list[Row] = []
    for split, names in LISTS.items():
        part = place / VERSIONS[version][0 if split == "train" else 1]
        first = 1 if split == "train" else 1 + max(r.person for r in rows if r.split == "train")
        for name in names:
            rows += _listed(place / f"list_{name}.txt", part, first, split, version)
    data = listing.made(rows)
    compare(data, official, version, say)
    return data


def _version(place: Path) -> str:
    found = [
        name for name, parts in VERSIONS.items() if all((place / part).is_dir() for part in parts)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(f"{place} holds the pictures of {' and '.join(found)}; keep one version")
    parts = " or ".join("/, ".join(parts) + "/" for parts in VERSIONS.values())
    raise FileNotFoundError(f"{place} has no {parts} (MSMT17); it holds {listing.held(place)}")


def _listed(path: Path, part: Path, first: int, split: str, version: str) -> list[Row]:
    """The rows of a list."""
    rows, there = [], dict[str, set[str]]()
    missing = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip():
            continue
        name, _, person = line.strip().rpartition(" ")
        match = NAME.match(os.path.basename(name))
        if not match or not person.isdecimal():
            raise ValueError(
                f"{path}, line {number}: {line[:80]!r} is no picture and person, e.g. "
                "0000/0000_000_01_0303morning_0008_0.jpg 0"
            )
        below = part / os.path.dirname(name)
        if str(below) not in there:
            there[str(below)] = set(os.listdir(below)) if below.is_dir() else set()
        if os.path.basename(name) not in there[str(below)]:
            missing.append(name)
        rows.append(Row(str(part / name), first + int(person), int(match[3]) - 1, split))
    if missing:
        raise ValueError(
            f"{path} names {len(missing):,} of {len(rows):,} pictures that {part} lacks, e.g. "
            f"{missing[0]}: these are pictures of MSMT17 {version} and the lists of another "
            "version, or the archive is incomplete"
        )
    if not rows:
        raise ValueError(f"{path} is empty")
    return rows
