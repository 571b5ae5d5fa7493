r"""Reader of Market-1501.

Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015. The data set has 6
cameras and 1,501 persons: 751 persons with 12,936 training pictures; 3,368 queries; and, without
the junk, 15,913 gallery pictures.

    bounding_box_train/  query/  bounding_box_test/

with names like 0002_c1s1_000451_03.jpg and -1_c3s2_...jpg. Person -1 is junk and always dropped.
Person 0000 is a distractor and kept in the gallery only.
"""

import re
from pathlib import Path

import numpy as np

from reid_jax.data import records
from reid_jax.types import Records

FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
NAME = re.compile(r"^(-?\d+)_c(\d+)s(\d+)_.*\.(?:jpg|jpeg|png)$", re.IGNORECASE)
SEQUENCES = 100  # more than any camera has: group = SEQUENCES * camera + sequence


def market1501(folder: str | Path, *, splits: tuple[str, ...] = tuple(FOLDERS)) -> Records:
    """Read the given parts of Market-1501.

    Args:
        folder: the folder that contains bounding_box_train/, query/ and bounding_box_test/.
        splits: the parts to read, of "train", "query" and "gallery".

    Returns:
        Records, one part after the other, each in the order of the names. Camera c1 is 0. A
        sequence of a camera, such as c1s1, is a group.

    Raises:
        FileNotFoundError: the folder or a part of it is missing.
        ValueError: a part contains no picture, or a name has another form.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"there is no folder {folder}; name the one that holds {', '.join(FOLDERS.values())}"
        )
    parts = [_part(folder, split) for split in splits]
    return records.make(
        [path for part in parts for path in part[0]],
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] for part in parts]),
        group=np.concatenate([part[3] for part in parts]),
        split=np.repeat(splits, [len(part[0]) for part in parts]),
    )


def _part(folder: Path, split: str) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """List the pictures of a part: (paths, person, camera, group)."""
    part = folder / FOLDERS[split]
    if not part.is_dir():
        inside = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
        raise FileNotFoundError(
            f"{folder} has no {FOLDERS[split]}/ (the {split} part of Market-1501); "
            f"it holds {inside}"
        )
    paths, persons, cameras, groups = [], [], [], []
    for path in sorted(part.iterdir()):
        if path.suffix.lower() not in (".jpg", ".jpeg", ".png"):
            continue
        match = NAME.match(path.name)
        if not match:
            raise ValueError(
                f"{path} is not named as Market-1501 names its pictures, "
                "e.g. 0002_c1s1_000451_03.jpg"
            )
        person = int(match[1])
        if person == -1 or (person == 0 and split != "gallery"):
            continue
        paths.append(str(path))
        persons.append(person)
        cameras.append(int(match[2]) - 1)
        groups.append(SEQUENCES * cameras[-1] + int(match[3]))
    if not paths:
        raise ValueError(f"{part} holds no picture of a person")
    return paths, np.array(persons), np.array(cameras), np.array(groups)
