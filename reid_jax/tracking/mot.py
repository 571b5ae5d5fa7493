"""Tracks as rows, and files of them in MOT format."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reid_jax.video import boxes
from reid_jax.video.boxes import Boxes
from reid_jax.whole import whole

DISTRACTORS = ("2", "7", "8", "12")


class Rows(NamedTuple):
    """The n boxes of the tracks of a video, by frame.

    Attributes:
        frame: i64[n], its number.
        number: i64[n], of the person or the track, from 1.
        box: f64[n 4], left, top, right, bottom in pixels.
    """

    frame: np.ndarray
    number: np.ndarray
    box: np.ndarray


def make(frame: object, number: object, box: object) -> Rows:
    """Rows of lists or arrays, sorted by frame and number.

    Raises:
        ValueError: a number has two boxes in a frame.
    """
    rows = Rows(
        np.asarray(frame, np.int64).reshape(-1),
        np.asarray(number, np.int64).reshape(-1),
        np.asarray(box, float).reshape(-1, 4),
    )
    order = np.lexsort((rows.number, rows.frame))
    rows = Rows(*(column[order] for column in rows))
    twice = (np.diff(rows.frame) == 0) & (np.diff(rows.number) == 0)
    if twice.any():
        at = int(np.argmax(twice))
        raise ValueError(
            f"number {rows.number[at]} has two boxes in frame {rows.frame[at]}; a person is in a "
            "frame once"
        )
    return rows


def rows(given: Mapping[int, Boxes]) -> Rows:
    """The rows of boxes by frame, whose persons are known."""
    frame = np.repeat(list(given), [len(one.score) for one in given.values()])
    number = [one.person for one in given.values()] or [np.zeros(0, np.int64)]
    box = [one.box for one in given.values()] or [np.zeros((0, 4))]
    return make(frame, np.concatenate(number), np.concatenate(box))


def read(path: str | Path) -> Rows:
    """The tracks of a file in MOT format, see `boxes.read_mot`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line has another form, a box no number, or a number two boxes in a frame; the
            message names file and line or frame.
    """
    given = boxes.read_mot(path)
    for frame, one in given.items():
        if (one.person < 1).any():
            raise ValueError(
                f"{path} has a box without a number in frame {frame}; tracks are numbered from 1 "
                "(are these a detector's boxes?)"
            )
    try:
        return rows(given)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def distractors(path: str | Path) -> Rows:
    """Boxes of what a tracker may follow or not: persons who sit, who ride, reflections.

    Those of the classes 2, 7, 8 and 12 in the gt.txt of MOT17 and MOT20, numbered from 1; of MOT15
    none. MOT's own evaluation does not count tracks of them as false.
    """
    table = [line.split(",") for line in Path(path).read_text().splitlines() if line.strip()]
    rows = [line for line in table if len(line) == 9 and line[7].strip() in DISTRACTORS]
    box = np.array([line[2:6] for line in rows], float).reshape(-1, 4)
    box[:, 2:] += box[:, :2]
    return make([int(float(line[0])) for line in rows], np.arange(1, 1 + len(rows)), box)


def write(path: str | Path, tracks: Rows) -> None:
    """Write a file in MOT format: frame,id,left,top,width,height,1,-1,-1,-1."""
    corner, size = tracks.box[:, :2], tracks.box[:, 2:] - tracks.box[:, :2]
    with whole(path) as unfinished:
        np.savetxt(
            unfinished,
            np.column_stack([tracks.frame, tracks.number, corner, size]),
            fmt="%d,%d,%.2f,%.2f,%.2f,%.2f,1,-1,-1,-1",
        )
