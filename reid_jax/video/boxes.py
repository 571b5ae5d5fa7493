"""Person boxes of a frame, and those that a file gives in MOT format."""

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Boxes(NamedTuple):
    """What a detector finds in a frame.

    box:    f32[n 4], left, top, right, bottom in pixels; may reach beyond the frame.
    score:  f32[n], by which boxes of one detector may be compared.
    person: i32[n], who it is where that is known, from 1; -1 elsewhere.
    """

    box: np.ndarray
    score: np.ndarray
    person: np.ndarray


def make(box, score, person=-1) -> Boxes:
    """Boxes from lists or arrays; a number stands for all persons."""
    box = np.asarray(box, np.float32).reshape(-1, 4)
    person = np.broadcast_to(np.asarray(person, np.int32), len(box)).copy()
    return Boxes(box, np.asarray(score, np.float32).reshape(len(box)), person)


def overlaps(one: Float[np.ndarray, "4"], others: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n"]:
    """Intersection over union of a box with each of the others; 0 where both are without area."""
    sides = np.minimum(one[2:], others[:, 2:]) - np.maximum(one[:2], others[:, :2])
    shared = np.prod(np.maximum(sides, 0), axis=1)
    union = np.prod(one[2:] - one[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1) - shared
    return np.where(union > 0, shared / np.where(union > 0, union, 1), 0)


def suppress(box: Float[np.ndarray, "n 4"], score: Float[np.ndarray, "n"], overlap: float) -> Int[np.ndarray, "m"]:
    """Which boxes stay, best first: each takes away the worse ones that overlap it by more than `overlap` (IoU).

    Of equal scores the earlier box is the better.
    """
    order, kept = np.argsort(-score, kind="stable"), []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        order = order[overlaps(box[best], box[order]) <= overlap]
    return np.array(kept, np.int64)


def read_mot(path: str | Path) -> dict[int, Boxes]:
    """The boxes of each frame number of a file `frame,id,left,top,width,height[,score[,class,visible]]` (MOT format).

    Lines that MOT's own scoring leaves out are left out: score 0, or a class other than 1 (pedestrian) in a file of
    nine columns (of ten, the last three are a place on the ground).

    Raises: FileNotFoundError for a missing file; ValueError, naming the line, for one that is not of that form.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path} with the boxes of a video")
    found = defaultdict(list)
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip():
            continue
        try:
            frame, person, left, top, width, height, *rest = (float(word) for word in line.replace(",", " ").split())
        except ValueError:
            raise ValueError(
                f"{path}, line {number}: {line[:80]!r} is not frame,id,left,top,width,height[,score,...]"
            ) from None
        score = rest[0] if rest else 1.0
        if score == 0 or (len(rest) == 3 and rest[1] not in (1, -1)):
            continue
        found[int(frame)].append((left, top, left + width, top + height, score, max(person, 0) or -1))
    lines = {frame: np.array(rows) for frame, rows in found.items()}
    return {frame: make(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int32)) for frame, rows in lines.items()}
