"""The published figures of a data set, and how far what was read differs from them."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from reid_jax.types import Records

Say = Callable[[str], None]
WARNING = "warning: "  # a line that begins so tells of something that may be wrong


class Official(NamedTuple):
    """Published figures.

    Attributes:
        name: of the data set.
        parts: (pictures, persons) by split; person 0, a distractor, is not counted.
        cameras: of all splits; 0 where the data set does not give them.
        sure: read in the paper or the authors' files; else they are recalled from what others say.
    """

    name: str
    parts: Mapping[str, tuple[int, int]]
    cameras: int = 0
    sure: bool = True


def silent(line: str) -> None:
    """Say nothing."""


def counted(data: Records) -> dict[str, tuple[int, int]]:
    """(pictures, persons) by split; splits without pictures are left out."""
    found = {}
    for split in ("train", "query", "gallery"):
        rows = data.split == split
        if rows.any():
            person = data.person[rows]
            found[split] = int(rows.sum()), len(np.unique(person[person >= 1]))
    return found


def compare(data: Records, official: Official, layout: str, say: Say) -> None:
    """Say which layout was found and its counts, and warn where they are not the published ones."""
    found = counted(data)
    cameras = len(np.unique(data.camera[data.camera >= 0]))
    parts = ", ".join(f"{split} {_part(*found[split])}" for split in found)
    say(f"{official.name} ({layout}): {parts}, {cameras or 'no'} cameras")
    empty = (0, 0)
    wrong = [
        f"{split} has {_part(*found.get(split, empty))} instead of "
        f"{_part(*official.parts.get(split, empty))}"
        for split in ("train", "query", "gallery")
        if found.get(split, empty) != official.parts.get(split, empty)
    ]
    if official.cameras and cameras != official.cameras:
        wrong.append(f"{cameras} cameras instead of {official.cameras}")
    if wrong:
        sure = "published" if official.sure else "published, as recalled"
        say(f"{WARNING}{official.name} is not as {sure}: {'; '.join(wrong)}")


def _part(pictures: int, persons: int) -> str:
    return f"{pictures:,} pictures of {persons:,} persons"
