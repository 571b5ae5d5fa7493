r"""Readers of picture folders: one folder per person, or any folder of unlabelled pictures.

    root/PERSON/*.jpg           or root/train/PERSON/..., root/query/..., root/gallery/...
    root/PERSON/CAMERA/*.jpg    or root/train/PERSON/..., root/test/PERSON/...

The camera is the sub-folder or, without one, read from the name: 0002_c1s1_000451.jpg, x_cam3.png.
Files and folders whose names begin with a dot are passed over; other files that are no pictures
that can be read here are counted and named in a warning.
A part called test/ (or, without one, val/ or valid/) is dealt into query and gallery: the first
picture of each person and camera is a query.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from reid_jax.data import part, records
from reid_jax.data.decode import ENDINGS
from reid_jax.data.left import LINKS, Left, ending
from reid_jax.data.packed import COLUMNS
from reid_jax.data.sets.known import kind_of_names
from reid_jax.types import Records

CAMERA = re.compile(r"(?:^|[_\W])(?:cam|c)(\d+)(?=s\d|[_\W]|$)", re.IGNORECASE)
TESTS = ("test", "val", "valid")  # parts that are dealt into query and gallery, the first of them
OTHERS = ("training", "validation", "testing", "probe", "train_all")  # parts that are not known


def folders(
    path: str | Path,
    *,
    test: float = 0.0,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> Records:
    """Read a data set that has one folder per person.

    Args:
        path: the folder that contains the persons' folders, or train/ and query/ and gallery/, or
            test/, that do.
        test: where it has no such parts, the share of the persons, in (0, 1), that become the test
            part: the first picture of each person and camera is a query, the others are gallery.
            0: all are training pictures.
        seed: of the draw of these persons.
        say: is told which parts there are and which are left out.

    Returns:
        Records in the order of the names. Persons are numbered from 1 and cameras from 0, in the
        order of their names; an unknown camera is -1.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: no person's folder contains a picture, a picture lies beside these folders,
            `test` is out of range or given although there is a test part, or a part has a name
            that is not known.
    """
    root = _folder(path)
    left = Left()
    parts = _parts(root, say)
    has_test = [one for one in parts if one != "train"]
    if test and has_test:
        raise ValueError(f"test={test} asks for a test part and {root} has {', '.join(has_test)}")
    if test and not 0 < test < 1:
        raise ValueError(f"test is a share between 0 and 1, not {test}")
    rows = [(*row, split) for split in parts for row in _persons(root / split, left)]
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
    split = np.array(splits)
    held = np.isin(split, TESTS)
    if test:
        drawn = np.random.default_rng(seed).permutation(np.unique(person))
        held = np.isin(person, drawn[: max(1, round(test * len(drawn)))])
    split = np.where(held, "gallery", split)
    return part.dealt(records.make(list(files), person, camera, split=split), held)


def _parts(root: Path, say: Callable[[str], None]) -> list[str]:
    """The parts of a data set that are read, in order; none where its root holds the persons."""
    there = {entry.name for entry in os.scandir(root) if entry.is_dir()}
    parts = [split for split in records.SPLITS if split in there]
    others = [one for one in TESTS if one in there]
    if not parts and not others:
        strange = [one for one in OTHERS if one in there]
        if strange:
            raise ValueError(
                f"{root} holds {', '.join(strange)}, which are no persons; name the parts train, "
                "query and gallery, or train and test"
            )
        return []
    if not {"query", "gallery"} & set(parts) and others:
        parts.append(others.pop(0))
    left = sorted(others + [one for one in there if one not in (*parts, *others) and one[0] != "."])
    say(f"{root}: parts {', '.join(parts)}" + (f"; not read: {', '.join(left)}" if left else ""))
    return parts


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
        files += [os.path.join(folder, name) for name in names if is_picture(name)]
        for name in names:
            if not is_picture(name):
                left.add(name)
    return sorted(files)


def is_picture(name: str) -> bool:
    """Whether a file of this name, which is not hidden, is a picture that can be read here."""
    return name[0] != "." and ending(name) in ENDINGS


def _persons(root: Path, left: Left) -> list[tuple[str, str, str | None]]:
    """List (file, person, camera or None) of each picture, in order; `left` as in `_files`."""
    inside = sorted(os.scandir(root), key=lambda entry: entry.name)
    loose = [entry.name for entry in inside if entry.is_file() and entry.name[0] != "."]
    pictures = [name for name in loose if is_picture(name)]
    if pictures:
        other = kind_of_names(pictures)
        hint = f"; {other} names its pictures so: {other}:PATH" if other else ""
        raise ValueError(
            f"{root} should hold a folder per person with pictures inside, and {pictures[0]} lies "
            f"beside them ({len(pictures)} such); pictures of no person, for embedding, are read "
            f"by pictures:PATH{hint}"
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
