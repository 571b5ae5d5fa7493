r"""Folders of pictures: one folder a person, or any folder of unlabelled ones.

root/PERSON/*.jpg            root/train/PERSON/...  root/query/PERSON/...  root/gallery/PERSON/...
root/PERSON/CAMERA/*.jpg     the camera is the sub-folder, or is read off a name: 0002_c1s1_000451.jpg, x_cam3.png
"""

import os
import re
from pathlib import Path

import numpy as np

from reid_jax.data import records
from reid_jax.types import Records

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
CAMERA = re.compile(r"(?:^|[_\W])(?:cam|c)(\d+)(?=s\d|[_\W]|$)", re.IGNORECASE)


def folders(path: str | Path, *, test_fraction: float = 0.0, seed: int = 0) -> Records:
    """A folder per person.

    Args:
        path: holds the persons' folders, or train/, query/ and gallery/ that do. test_fraction: without those, the share
            of the persons, drawn by `seed`, that become query (the first picture of each person and camera) and gallery.

    Returns: Records in the order of the names; persons from 1, cameras from 0 in the order of theirs, -1 where unknown.
    Raises: FileNotFoundError for a missing folder; ValueError where no person's folder holds a picture, or a picture lies
        beside those folders.
    """
    root = _folder(path)
    parts = [split for split in records.SPLITS if (root / split).is_dir()]
    found = [(*one, split) for split in parts for one in _persons(root / split)]
    if parts and test_fraction:
        raise ValueError(f"test_fraction={test_fraction} asks for a test part and {root} has {', '.join(parts)}")
    if not parts:
        found = [(*one, "train") for one in _persons(root)]
    if not found:
        raise ValueError(f"{root} should hold a folder per person with pictures inside; it holds none")
    files, names, cameras, splits = zip(*found, strict=True)
    person = 1 + np.unique(names, return_inverse=True)[1]
    known = np.array([camera is not None for camera in cameras])
    camera = np.full(len(files), -1)
    if known.any():
        camera[known] = np.unique([c for c in cameras if c is not None], return_inverse=True)[1]
    out = records.make(list(files), person, camera, split=np.array(splits))
    return _held_out(out, test_fraction, seed) if test_fraction and not parts else out


def pictures(folder: str | Path) -> Records:
    """All pictures below a folder, unlabelled: person -1, split "gallery", in the order of their names.

    Raises: FileNotFoundError for a missing folder; ValueError where it holds no picture.
    """
    root = _folder(folder)
    files = _files(root)
    if not files:
        raise ValueError(f"there is no picture ({', '.join(ENDINGS)}) below {root}")
    return records.make(files, -1, domain=1, split="gallery")


def _folder(path: str | Path) -> Path:
    root = Path(path)
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {root}")
    return root


def _files(root: Path) -> list[str]:
    """The pictures below a folder in the order of their names, hidden ones left out; asks for names only."""
    found = []
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if name[0] != "."]
        found += [os.path.join(folder, name) for name in names if _is_picture(name)]
    return sorted(found)


def _is_picture(name: str) -> bool:
    return name[0] != "." and os.path.splitext(name)[1].lower() in ENDINGS


def _persons(root: Path) -> list[tuple[str, str, str | None]]:
    """(file, person, camera or None) of each picture, in order."""
    inside = sorted(os.scandir(root), key=lambda entry: entry.name)
    loose = [entry.name for entry in inside if _is_picture(entry.name) and entry.is_file()]
    if loose:
        raise ValueError(
            f"{root} should hold a folder per person with pictures inside, and {loose[0]} lies beside them "
            f"({len(loose)} such); pictures of no person, for embedding, are read by pictures:PATH"
        )
    found = []
    for person in (entry for entry in inside if entry.is_dir() and entry.name[0] != "."):
        for file in _files(Path(person.path)):
            below = Path(file).relative_to(person.path).parts
            match = CAMERA.search(Path(file).stem)
            number = f"{int(match[1]):09d}" if match else None
            found.append((file, person.name, below[0] if len(below) > 1 else number))
    return found


def _held_out(out: Records, fraction: float, seed: int) -> Records:
    if not 0 < fraction < 1:
        raise ValueError(f"test_fraction is a share between 0 and 1, not {fraction}")
    persons = np.random.default_rng(seed).permutation(np.unique(out.person))
    test = np.isin(out.person, persons[: max(1, round(fraction * len(persons)))])
    split = np.where(test, "gallery", "train").astype("<U7")
    pairs = out.person.astype(np.int64) * (int(out.camera.max()) + 2) + out.camera + 1
    _, first = np.unique(np.where(test, pairs, -1), return_index=True)
    split[first[test[first]]] = "query"
    return out._replace(split=split)
