"""Tracks beside the truth: MOTA, MOTP, IDF1 and switches by motmetrics, and HOTA.

motmetrics pairs a person's box with the track that it was paired with in the frame before, if their
IoU is still 0.5 or more, and all others at least cost (Bernardin and Stiefelhagen, 2008).
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from reid_jax.tracking import assign, hota
from reid_jax.tracking.mot import Rows

OVERLAP = 0.5  # IoU of a pair, at least
_NAMES = {
    "boxes": "num_objects",
    "misses": "num_misses",
    "false": "num_false_positives",
    "switches": "num_switches",
    "pairs": "num_detections",
    "fragments": "num_fragmentations",
    "idtp": "idtp",
    "idfn": "idfn",
    "idfp": "idfp",
    "persons": "num_unique_objects",
    "mostly": "mostly_tracked",
}


class Counts(NamedTuple):
    """What the scores are made of; those of several videos are added by `added`.

    Attributes:
        boxes: of persons, in all frames.
        misses: of them, without a track.
        false: boxes of tracks that are no person's.
        switches: times that a person's track is another one than before.
        pairs: boxes of persons with a track.
        fragments: times that a track of a person is interrupted.
        idtp: boxes with the right identity, where each person has one track.
        idfn: other boxes of persons.
        idfp: other boxes of tracks.
        persons: how many.
        mostly: of them, those with a track in 80% of their frames.
        away: the sum of 1 - IoU over the pairs.
        whole: of HOTA, likewise.
    """

    boxes: int
    misses: int
    false: int
    switches: int
    pairs: int
    fragments: int
    idtp: int
    idfn: int
    idfp: int
    persons: int
    mostly: int
    away: float
    whole: hota.Counts


class Score(NamedTuple):
    """MOTA, MOTP (the mean IoU of pairs), IDF1, HOTA, DetA, AssA in [0, 1] and counts."""

    mota: float
    motp: float
    idf1: float
    hota: float
    deta: float
    assa: float
    switches: int
    fragments: int
    false: int
    misses: int
    boxes: int
    mostly: int
    persons: int


def count(truth: Rows, tracks: Rows) -> Counts:
    """Compare the tracks of a video with the truth.

    Raises:
        ImportError: motmetrics is not installed.
        ValueError: the truth has no box.
    """
    if not len(truth.frame):
        raise ValueError("the truth has no box of a person; nothing can be scored")
    library = _library()
    persons, person = np.unique(truth.number, return_inverse=True)
    names, track = np.unique(tracks.number, return_inverse=True)
    frames = list(_frames(truth, person, tracks, track))
    held = _accumulated(library, frames)
    host = library.metrics.create()
    asked = [*_NAMES.values(), "motp"]
    found = host.compute(held, metrics=asked, return_dataframe=False)
    numbers = {name: int(found[key]) for name, key in _NAMES.items()}
    away = float(found["motp"]) * numbers["pairs"] if numbers["pairs"] else 0.0
    return Counts(**numbers, away=away, whole=hota.count(frames, len(persons), len(names)))


def cleared(tracks: Rows, truth: Rows, others: Rows) -> Rows:
    """The tracks without the boxes that are of others rather than of the truth's persons.

    As MOT's own evaluation does it: in each frame boxes are paired with those of persons and others
    together, at an IoU of 0.5 or more and the greatest in all, and who is paired with another goes.
    """
    kept = np.ones(len(tracks.frame), bool)
    for frame in np.unique(others.frame):
        mine = np.flatnonzero(tracks.frame == frame)
        boxes = [one.box[one.frame == frame] for one in (truth, others)]
        away = 1 - assign.overlaps(np.concatenate(boxes), tracks.box[mine])
        found = assign.pairs(away, 1 - OVERLAP)
        kept[mine[found.column[found.row >= len(boxes[0])]]] = False
    return Rows(*(column[kept] for column in tracks))


def added(counts: Sequence[Counts]) -> Counts:
    """The counts of several videos together.

    Raises:
        ValueError: there are none.
    """
    if not counts:
        raise ValueError("there is no video to score")
    parts = zip(*(one.whole for one in counts), strict=True)
    whole = hota.Counts(*(np.sum(column, axis=0) for column in parts))
    summed = {name: sum(getattr(one, name) for one in counts) for name in Counts._fields[:-1]}
    return Counts(**summed, whole=whole)


def score(counts: Counts) -> Score:
    """The scores of counts."""
    whole, det, ass = hota.scores(counts.whole)
    wrong = counts.misses + counts.false + counts.switches
    return Score(
        mota=1 - wrong / counts.boxes,
        motp=1 - counts.away / counts.pairs if counts.pairs else 0.0,
        idf1=2 * counts.idtp / (2 * counts.idtp + counts.idfn + counts.idfp),
        hota=whole,
        deta=det,
        assa=ass,
        switches=counts.switches,
        fragments=counts.fragments,
        false=counts.false,
        misses=counts.misses,
        boxes=counts.boxes,
        mostly=counts.mostly,
        persons=counts.persons,
    )


def pairs(truth: Rows, tracks: Rows) -> np.ndarray:
    """Who was which track: i64[k 3], frame, person and track's number of each pair, by frame.

    Raises:
        ImportError: motmetrics is not installed.
    """
    frames = _frames(truth, truth.number, tracks, tracks.number)
    names = np.union1d(truth.frame, tracks.frame)
    events = _accumulated(_library(), list(frames)).mot_events
    events = events[events["Type"].isin(["MATCH", "SWITCH"])]
    at = names[events.index.get_level_values("FrameId").to_numpy(int)]
    return np.column_stack([at, events["OId"].to_numpy(int), events["HId"].to_numpy(int)])


def _frames(
    truth: Rows, person: np.ndarray, tracks: Rows, track: np.ndarray
) -> Iterator[hota.Frame]:
    """Each frame that has a box; rows are sorted by frame."""
    numbers = np.union1d(truth.frame, tracks.frame)
    ours = np.searchsorted(truth.frame, [numbers, numbers + 1])
    theirs = np.searchsorted(tracks.frame, [numbers, numbers + 1])
    for (a, b), (c, d) in zip(ours.T, theirs.T, strict=True):
        overlap = assign.overlaps(truth.box[a:b], tracks.box[c:d])
        yield hota.Frame(person[a:b], track[c:d], overlap)


def _accumulated(library: Any, frames: Sequence[hota.Frame]) -> Any:
    held = library.MOTAccumulator()
    for number, (person, track, overlap) in enumerate(frames):
        away = np.where(overlap < OVERLAP, np.nan, 1 - overlap)
        held.update(person, track, away, frameid=number)
    return held


def _library() -> Any:
    try:
        import motmetrics
    except ImportError as missing:
        raise ImportError(
            "scoring tracks needs motmetrics: pip install 'reid_jax[tracking]'"
        ) from missing
    return motmetrics
