"""Person boxes of a frame, and reading them from files in MOT format."""

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike


class Boxes(NamedTuple):
    """The n boxes of persons in a frame.

    Attributes:
        box: f32[n 4], left, top, right, bottom in pixels; may reach beyond the frame.
        score: f32[n], greater is more certain; comparable among boxes of one detector.
        person: i32[n], the identity from 1 where it is known, else -1.
    """

    box: np.ndarray
    score: np.ndarray
    person: np.ndarray


def make(box: ArrayLike, score: ArrayLike, person: ArrayLike = -1) -> Boxes:
    """Boxes from lists or arrays; a single number is the person of all boxes."""
    box = np.asarray(box, np.float32).reshape(-1, 4)
    person = np.broadcast_to(np.asarray(person, np.int32), len(box)).copy()
    return Boxes(box, np.asarray(score, np.float32).reshape(len(box)), person)


def overlaps(
    one: Float[np.ndarray, "4"], others: Float[np.ndarray, "n 4"]
) -> Float[np.ndarray, "n"]:
    """Intersection over union of a box with each of the others; 0 where both areas are 0."""
    sides = np.minimum(one[2:], others[:, 2:]) - np.maximum(one[:2], others[:, :2])
    shared = np.prod(np.maximum(sides, 0), axis=1)
    union = np.prod(one[2:] - one[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1) - shared
    return np.where(union > 0, shared / np.where(union > 0, union, 1), 0)


def suppress(
    box: Float[np.ndarray, "n 4"], score: Float[np.ndarray, "n"], overlap: float
) -> Int[np.ndarray, "m"]:
    """The numbers of the boxes that non-maximum suppression keeps, best first.

    Each kept box removes the worse ones that overlap it by more than `overlap` (IoU). Of equal
    scores the earlier box is better.
    """
    order, kept = np.argsort(-score, kind="stable"), []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        order = order[overlaps(box[best], box[order]) <= overlap]
    return np.array(kept, np.int64)


def read_mot(path: str | Path) -> dict[int, Boxes]:
    """The boxes of each frame number, from a file in MOT format.

    A line is `frame,id,left,top,width,height[,score[,class,visible]]`. Lines that MOT's evaluation
    ignores are ignored: those of score 0, and those of a class other than 1 (pedestrian) in a file
    of nine columns. (In a file of ten columns the last three are a position on the ground.)

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line does not have that form; the message names it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path} with the boxes of a video")
    rows = defaultdict(list)
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip():
            continue
        try:
            numbers = [float(word) for word in line.replace(",", " ").split()]
            frame, person, left, top, width, height, *rest = numbers
            if not np.isfinite(numbers).all() or frame != int(frame) or person != int(person):
                raise ValueError
        except ValueError:
            raise ValueError(
                f"{path}, line {number}: {line[:80]!r} is not "
                "frame,id,left,top,width,height[,score,...]"
            ) from None
        score = rest[0] if rest else 1.0
        if score == 0 or (len(rest) == 3 and rest[1] not in (1, -1)):
            continue
        identity = max(person, 0) or -1
        rows[int(frame)].append((left, top, left + width, top + height, score, identity))
    tables = {frame: np.array(lines) for frame, lines in rows.items()}
    return {
        frame: make(table[:, :4], table[:, 4], table[:, 5].astype(np.int32))
        for frame, table in tables.items()
    }
