r"""Readers of picture folders: one folder per person, or any folder of unlabelled pictures.

    root/PERSON/*.jpg           or root/train/PERSON/..., root/query/..., root/gallery/...
    root/PERSON/CAMERA/*.jpg

The camera is the sub-folder or, without one, read from the name: 0002_c1s1_000451.jpg, x_cam3.png.
Files and folders whose names begin with a dot are passed over; other files that are no pictures
that can be read here are counted and named in a warning.
"""

import os
import re
from pathlib import Path

import numpy as np

from reid_jax.data import records
from reid_jax.data.decode import ENDINGS
from reid_jax.data.left import LINKS, Left, ending
from reid_jax.data.packed import COLUMNS
from reid_jax.types import Records

CAMERA = re.compile(r"(?:^|[_\W])(?:cam|c)(\d+)(?=s\d|[_\W]|$)", re.IGNORECASE)


def folders(path: str | Path, *, test_fraction: float = 0.0, seed: int = 0) -> Records:
    """Read a data set that has one folder per person.

    Args:
        path: the folder that contains the persons' folders, or train/, query/ and gallery/ that do.
        test_fraction: where there is no train/, query/ or gallery/, the share of the persons, in
            (0, 1), that become the test part: the first picture of each person and camera is a
            query, the others are gallery. 0: all are training pictures.
        seed: of the draw of these persons.

    Returns:
        Records in the order of the names. Persons are numbered from 1 and cameras from 0, in the
        order of their names; an unknown camera is -1.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: no person's folder contains a picture, a picture lies beside these folders, or
            `test_fraction` is out of range or given although there is a train/, query/ or gallery/.
    """
    root = _folder(path)
    parts = [split for split in records.SPLITS if (root / split).is_dir()]
    left = Left()
    rows = [(*row, split) for split in parts for row in _persons(root / split, left)]
    if parts and test_fraction:
        raise ValueError(
            f"test_fraction={test_fraction} asks for a test part and {root} has {', '.join(parts)}"
        )
    if not parts:
        rows = [(*row, "train") for row in _persons(root, left)]
    if not rows:
        raise ValueError(
            f"{root} should hold a folder per person with pictures inside; it holds none"
            f"{left.told('; ')}"
        )
    left.warn(root)
    files, names, cameras, splits = zip(*rows, strict=True)
    person = 1 + np.unique(names, return_inverse=True)[1]
    known = np.array([camera is not None for camera in cameras])
    camera = np.full(len(files), -1)
    if known.any():
        camera[known] = np.unique([c for c in cameras if c is not None], return_inverse=True)[1]
    out = records.make(list(files), person, camera, split=np.array(splits))
    return _held_out(out, test_fraction, seed) if test_fraction and not parts else out


def pictures(folder: str | Path) -> Records:
    """Read all pictures below a folder as unlabelled ones.

    Args:
        folder: searched with all its sub-folders.

    Returns:
        Records in the order of the names: person -1, domain 1, split "gallery".

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: it contains no picture, or a packed data set, whose sheets are no persons.
    """
    root = _folder(folder)
    left = Left()
    files = _files(root, left)
    if not files:
        raise ValueError(
            f"there is no picture ({', '.join(ENDINGS)}) below {root}{left.told('; ')}"
        )
    left.warn(root)
    return records.make(files, -1, domain=1, split="gallery")


def _folder(path: str | Path) -> Path:
    root = Path(path)
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {root}")
    return root


def _files(root: Path, left: Left) -> list[str]:
    """List the pictures below a folder in the order of their names, without hidden ones.

    Only names are looked at: no file is opened. `left` counts what else there is, by ending.
    """
    files: list[str] = []
    for folder, below, names in os.walk(root):
        if COLUMNS in names:
            raise ValueError(f"{folder} is a packed data set; use packed:{folder}")
        below[:] = [name for name in below if name[0] != "."]
        left[LINKS] += sum(os.path.islink(os.path.join(folder, name)) for name in below)
        files += [os.path.join(folder, name) for name in names if _is_picture(name)]
        for name in names:
            if not _is_picture(name):
                left.add(name)
    return sorted(files)


def _is_picture(name: str) -> bool:
    return name[0] != "." and ending(name) in ENDINGS


def _persons(root: Path, left: Left) -> list[tuple[str, str, str | None]]:
    """List (file, person, camera or None) of each picture, in order; `left` as in `_files`."""
    inside = sorted(os.scandir(root), key=lambda entry: entry.name)
    loose = [entry.name for entry in inside if entry.is_file() and entry.name[0] != "."]
    pictures = [name for name in loose if _is_picture(name)]
    if pictures:
        raise ValueError(
            f"{root} should hold a folder per person with pictures inside, and {pictures[0]} lies "
            f"beside them ({len(pictures)} such); pictures of no person, for embedding, are read "
            "by pictures:PATH"
        )
    for name in loose:
        left.add(name)
    rows: list[tuple[str, str, str | None]] = []
    for person in (entry for entry in inside if entry.is_dir() and entry.name[0] != "."):
        for file in _files(Path(person.path), left):
            below = Path(file).relative_to(person.path).parts
            match = CAMERA.search(Path(file).stem)
            number = f"{int(match[1]):09d}" if match else None
            rows.append((file, person.name, below[0] if len(below) > 1 else number))
    return rows


def _held_out(out: Records, fraction: float, seed: int) -> Records:
    """Make query and gallery pictures of a share of the persons, drawn by `seed`."""
    if not 0 < fraction < 1:
        raise ValueError(f"test_fraction is a share between 0 and 1, not {fraction}")
    persons = np.random.default_rng(seed).permutation(np.unique(out.person))
    test = np.isin(out.person, persons[: max(1, round(fraction * len(persons)))])
    split = np.where(test, "gallery", "train").astype("<U7")
    pairs = out.person.astype(np.int64) * (int(out.camera.max()) + 2) + out.camera + 1
    _, first = np.unique(np.where(test, pairs, -1), return_index=True)
    split[first[test[first]]] = "query"
    return out._replace(split=split)
