"""Tracks from frame to frame: predicted, paired with boxes, begun, confirmed, lost, forgotten.

Wojke et al., arXiv 1703.07402, sec. 2. A track is tentative until it was seen in three frames one
after the other, and confirmed from then on; a confirmed one that is not seen is lost, and forgotten
after 30 frames. Confirmed tracks are paired with boxes by looks within the gate of their motion,
those that were seen lately first; then tentative ones, and those that were seen in the frame
before, by overlap.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from reid_jax.tracking import assign, gallery, kalman
from reid_jax.tracking.kalman import Motion


class How(NamedTuple):
    """The options of tracking.

    The paper gives confirm, forget, budget and the gate's 95%; distance and overlap are those of
    its published program.

    Attributes:
        distance: greatest cosine distance of a box and a track's gallery.
        overlap: greatest 1 - IoU of a box and where a track is expected.
        gate: greatest squared Mahalanobis distance; infinity: none.
        budget: embeddings that a track keeps.
        confirm: frames in a row that a track is seen in before it has a number.
        forget: frames that a lost track is remembered for.
        coast: frames that a lost track's expected box is given out for; 1 in the published program.
        noise: see `kalman.predicted`. At low rates a person moves farther from frame to frame than
            the filter's noise allows for, and the gate refuses true pairs; the paper's own rate
            is 1.
    """

    distance: float = 0.2
    overlap: float = 0.7
    gate: float = kalman.GATE
    budget: int = 100
    confirm: int = 3
    forget: int = 30
    coast: int = 1
    noise: float = 1.0


PUBLISHED = How()


class Tracks(NamedTuple):
    """The n tracks that are remembered, in the order in which they began.

    Attributes:
        motion: where they are believed to be.
        number: i64[n], from 1 in the order of their confirmation; -1 of a tentative one.
        hits: i64[n], frames that they were seen in.
        missed: i64[n], frames since they were last seen; 0: in the last one.
        looks: a gallery of each.
        given: numbers that were given so far.
    """

    motion: Motion
    number: np.ndarray
    hits: np.ndarray
    missed: np.ndarray
    looks: tuple[np.ndarray, ...]
    given: int


class Seen(NamedTuple):
    """The k persons of a frame.

    Attributes:
        number: i64[k], of the track.
        box: f64[k 4], left, top, right, bottom in pixels, as the filter has it.
        row: i64[k], which of the frame's boxes it is; -1: none, the box is where it is expected.
    """

    number: np.ndarray
    box: np.ndarray
    row: np.ndarray


def begin() -> Tracks:
    """No tracks."""
    none = np.zeros(0, np.int64)
    return Tracks(Motion(np.zeros((0, 8)), np.zeros((0, 8, 8))), none, none, none, (), 0)


def step(
    tracks: Tracks,
    box: Float[np.ndarray, "m 4"],
    embedding: Float[np.ndarray, "m d"] | None,
    how: How = PUBLISHED,
    moved: Callable[[Motion], Motion] | None = None,
) -> tuple[Tracks, Seen]:
    """Go on by a frame.

    Args:
        tracks: those so far.
        box: f[m 4], left, top, right, bottom in pixels, each with an area.
        embedding: f32[m d], rows of length one; None: boxes are paired by overlap alone.
        how: the options.
        moved: moves states with the picture, where the camera moves.

    Returns:
        (tracks, the persons of the frame: confirmed tracks, missed for up to `how.coast` frames).
    """
    motion = kalman.predicted(tracks.motion, how.noise)
    tracks = tracks._replace(motion=moved(motion) if moved else motion, missed=tracks.missed + 1)
    measure = kalman.measured(np.asarray(box, float).reshape(-1, 4))
    found = _paired(tracks, measure, embedding, how)
    tracks = _taken(tracks, found, measure, embedding, how.budget)
    row = np.full(len(tracks.number), -1, np.int64)
    row[found.row] = found.column
    kept = (tracks.number > 0) & (tracks.missed <= how.forget) | (tracks.missed == 0)
    new = np.setdiff1d(np.arange(len(measure)), found.column)
    tracks = _begun(_chosen(tracks, kept), measure[new], _rows(embedding, new))
    tracks = _numbered(tracks, how.confirm)
    row = np.concatenate([row[kept], new])
    told = (tracks.number > 0) & (tracks.missed <= how.coast)
    return tracks, Seen(tracks.number[told], kalman.boxes(tracks.motion.mean[told]), row[told])


def passed(tracks: Tracks, frames: int, how: How = PUBLISHED) -> Tracks:
    """The tracks after frames that nobody has seen: all move on, and none counts as missed.

    After more than `how.forget` frames nothing is known any more.
    """
    if frames > how.forget:
        return begin()._replace(given=tracks.given)
    for _ in range(frames):
        tracks = tracks._replace(motion=kalman.predicted(tracks.motion, how.noise))
    return tracks


def _paired(
    tracks: Tracks, measure: np.ndarray, embedding: np.ndarray | None, how: How
) -> assign.Pairs:
    """Pair by looks, then what is left by overlap."""
    confirmed = np.flatnonzero(tracks.number > 0)
    near = assign.Pairs(confirmed[:0], confirmed[:0])
    if embedding is not None:
        cost = gallery.distances([tracks.looks[one] for one in confirmed], embedding)
        away = kalman.distances(_of(tracks.motion, confirmed), measure)
        cost = np.where(away > how.gate, assign.NEVER, cost)
        at = assign.cascade(cost, tracks.missed[confirmed], how.distance, how.forget)
        near = assign.Pairs(confirmed[at.row], at.column)
    rest = np.setdiff1d(np.flatnonzero(tracks.missed == 1), near.row)
    tentative = tracks.number[rest] < 1
    rest = np.concatenate([rest[tentative], rest[~tentative]])
    free = np.setdiff1d(np.arange(len(measure)), near.column)
    expected = kalman.boxes(tracks.motion.mean[rest])
    shared = assign.overlaps(expected, kalman.boxes(measure[free]))
    at = assign.pairs(1 - shared, how.overlap)
    return assign.Pairs(
        np.concatenate([near.row, rest[at.row]]), np.concatenate([near.column, free[at.column]])
    )


def _taken(
    tracks: Tracks,
    found: assign.Pairs,
    measure: np.ndarray,
    embedding: np.ndarray | None,
    budget: int,
) -> Tracks:
    """The tracks after each took the box that it was paired with."""
    mean, covariance = (part.copy() for part in tracks.motion)
    new = kalman.updated(_of(tracks.motion, found.row), measure[found.column])
    mean[found.row], covariance[found.row] = new
    hits, missed = tracks.hits.copy(), tracks.missed.copy()
    hits[found.row] += 1
    missed[found.row] = 0
    looks = list(tracks.looks)
    if embedding is not None:
        for row, column in zip(found.row, found.column, strict=True):
            looks[row] = gallery.added(looks[row], embedding[column], budget)
    return tracks._replace(
        motion=Motion(mean, covariance), hits=hits, missed=missed, looks=tuple(looks)
    )


def _begun(tracks: Tracks, measure: np.ndarray, embedding: np.ndarray | None) -> Tracks:
    """With a tentative track for each box that no track took."""
    new, count = kalman.begun(measure), len(measure)
    looks = tuple(embedding[:, None]) if embedding is not None else (np.zeros((0, 0)),) * count
    mean, covariance = map(np.concatenate, zip(tracks.motion, new, strict=True))
    return Tracks(
        Motion(mean, covariance),
        np.concatenate([tracks.number, np.full(count, -1)]),
        np.concatenate([tracks.hits, np.ones(count, np.int64)]),
        np.concatenate([tracks.missed, np.zeros(count, np.int64)]),
        tracks.looks + looks,
        tracks.given,
    )


def _numbered(tracks: Tracks, confirm: int) -> Tracks:
    """The tracks; tentative ones that were seen often enough are confirmed."""
    fresh = np.flatnonzero((tracks.number < 1) & (tracks.hits >= confirm))
    number = tracks.number.copy()
    number[fresh] = tracks.given + 1 + np.arange(len(fresh))
    return tracks._replace(number=number, given=tracks.given + len(fresh))


def _chosen(tracks: Tracks, kept: Bool[np.ndarray, "n"]) -> Tracks:
    looks = tuple(one for one, stays in zip(tracks.looks, kept, strict=True) if stays)
    return Tracks(
        _of(tracks.motion, kept),
        tracks.number[kept],
        tracks.hits[kept],
        tracks.missed[kept],
        looks,
        tracks.given,
    )


def _of(motion: Motion, rows: np.ndarray) -> Motion:
    return Motion(motion.mean[rows], motion.covariance[rows])


def _rows(embedding: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if embedding is None else np.asarray(embedding, np.float32)[rows]
