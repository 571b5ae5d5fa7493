"""Tracks from looks, at any rate."""

import time
from typing import NamedTuple

import numpy as np

from reid_jax.app.tracks.films import Film
from reid_jax.app.tracks.looks import Look
from reid_jax.tracking import mot, moving, score, tracks
from reid_jax.tracking.mot import Rows
from reid_jax.tracking.tracks import How

PACES = ("stride", "published")


class Moment(NamedTuple):
    """All confirmed tracks at a frame.

    Attributes:
        frame: its number.
        number: i64[k].
        box: f64[k 4], where they are or are expected.
        missed: i64[k], frames since they were last seen; 0: seen now.
    """

    frame: int
    number: np.ndarray
    box: np.ndarray
    missed: np.ndarray


class Followed(NamedTuple):
    """What became of a film.

    Attributes:
        rows: the persons of each frame.
        moments: all that is known of each frame.
        number: i64[t], of the tracks, increasing.
        embedding: f32[t d], the mean of each, rows of length one; [t 0] without an encoder.
        seconds: that tracking took.
    """

    rows: Rows
    moments: list[Moment]
    number: np.ndarray
    embedding: np.ndarray
    seconds: float


def stride(rate: float, hertz: float) -> int:
    """Every so many frames of a film are kept for a rate: rate / hertz, rounded, at least 1.

    A rate that does not divide the film's gives the nearest that does; one above it, the film's
    own; 0 keeps all. That the paper kept frames in this way is inferred.
    """
    return max(1, round(rate / hertz)) if rate > 0 and hertz > 0 else 1


def noise(pace: str, step: int) -> float:
    """The factor of the filter's noise, see `kalman.predicted`.

    Args:
        pace: "stride", the frames of the film from one that is tracked to the next: inferred, the
            paper does not say how its gate lets persons through at 2 Hz; "published", 1.
        step: those frames.
    """
    return float(step) if pace == "stride" else 1.0


def kept(numbers: np.ndarray, step: int) -> np.ndarray:
    """The frames 1, 1 + step, ... of those that there are, counted from the first."""
    return numbers[(numbers - numbers[:1].sum()) % step == 0]


def follow(looks: list[Look], step: int, how: How, first: int) -> Followed:
    """Track in every `step`-th frame, counted from the frame `first`.

    Frames that are missing pass without anybody counting as missed.
    """
    state, moments, last = tracks.begin(), [], first - step
    rows: list[tuple[int, np.ndarray, np.ndarray]] = []
    sums: dict[int, np.ndarray] = {}
    warp, spent = np.eye(3), 0.0
    for look in looks:
        warp = look.warp @ warp
        if (look.frame - first) % step:
            continue
        began = time.perf_counter()
        state = tracks.passed(state, (look.frame - last) // step - 1, how)
        still = np.array_equal(warp, np.eye(3))
        moved = None if still else moving.moved(warp[:2])
        state, seen = tracks.step(state, look.box, look.embedding, how, moved)
        spent += time.perf_counter() - began
        last, warp = look.frame, np.eye(3)
        rows.append((look.frame, seen.number, seen.box))
        known = state.number > 0
        box = tracks.kalman.boxes(state.motion.mean[known])
        moments.append(Moment(look.frame, state.number[known], box, state.missed[known]))
        if look.embedding is not None:
            for number, row in zip(seen.number.tolist(), seen.row.tolist(), strict=True):
                if row >= 0:
                    sums[number] = sums.get(number, 0) + look.embedding[row]
    numbers = np.array(sorted({int(one) for _, found, _ in rows for one in found}), np.int64)
    vectors = np.array([sums[one] for one in numbers if one in sums], np.float32)
    vectors = vectors.reshape(len(numbers), -1) if sums else np.zeros((len(numbers), 0), np.float32)
    length = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return Followed(_rows(rows), moments, numbers, vectors / length, spent)


def _rows(found: list[tuple[int, np.ndarray, np.ndarray]]) -> Rows:
    frame = np.repeat([one[0] for one in found], [len(one[1]) for one in found])
    number = np.concatenate([one[1] for one in found] or [np.zeros(0)])
    return mot.make(frame, number, np.concatenate([one[2] for one in found] or [np.zeros((0, 4))]))


def scored(film: Film, truth: Rows, followed: Followed) -> score.Counts:
    """The counts of a film's tracks beside the truth in the frames that were tracked in."""
    frames = np.array([one.frame for one in followed.moments], np.int64)
    rows, wanted = followed.rows, restricted(truth, frames)
    if film.others is not None:
        rows = score.cleared(rows, wanted, film.others)
    return score.count(wanted, rows)


def restricted(rows: Rows, frames: np.ndarray) -> Rows:
    """The rows of some frames: of a truth, those that were tracked in."""
    inside = np.isin(rows.frame, frames)
    return Rows(*(column[inside] for column in rows))
