"""What a search answers: ranked pictures or tracks, and whether anybody reaches the threshold."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from reid_jax.gallery import moment, schema
from reid_jax.gallery.tracks import Track
from reid_jax.retrieval.point import Point


class Match(NamedTuple):
    """A row or a track that was found. What is not known is None.

    Attributes:
        row: the number of the picture, of a track its nearest; `Store.thumbnails` takes it.
        cosine: with the query; of a track that of its mean.
        probability: that both show one person, where the encoder has labels' threshold.
        above: whether the cosine reaches the threshold; None without one.
        camera, track, person, video, name: texts, as they were added.
        time: ISO 8601, in UTC; of a track its first moment.
        until: of a track its last moment, else `time`.
        frame: of the video.
        box: left, top, width, height in pixels of the frame.
        best: the cosine of the nearest picture.
        rows: of a track its nearest pictures.
        pictures: how many a track has.
    """

    row: int
    cosine: float
    probability: float | None
    above: bool | None
    camera: str | None
    track: str | None
    person: str | None
    video: str | None
    name: str | None
    time: str | None
    until: str | None
    frame: int | None
    box: tuple[float, ...] | None
    best: float
    rows: tuple[int, ...]
    pictures: int


class Answer(NamedTuple):
    """The answer to a search.

    Attributes:
        matches: from the nearest on.
        looked: rows that the filter means.
        threshold: the cosine from which on two pictures are taken for one person; None: unknown.
        exact: whether every row that the filter means was looked at.
        recall: the share of the ten nearest that the index finds, as measured; 1.0 where exact.
    """

    matches: tuple[Match, ...]
    looked: int
    threshold: float | None
    exact: bool
    recall: float

    @property
    def nobody(self) -> bool:
        """Whether there is a threshold and nobody reaches it."""
        return self.threshold is not None and not any(one.above for one in self.matches)


def match(unit: Track, threshold: float | None, point: Point | None) -> Match:
    """A track, or a picture alone, as a match."""
    row: dict[str, Any] = unit.row
    chance = None
    if point is not None and point.logistic:
        chance = float(point.chance(unit.cosine))
    return Match(
        row=row["row"],
        cosine=unit.cosine,
        probability=chance,
        above=None if threshold is None else unit.cosine >= threshold,
        **{name: row[name] for name in schema.TEXTS},
        time=None if unit.since is None else moment.iso(unit.since),
        until=None if unit.until is None else moment.iso(unit.until),
        frame=row["frame"],
        box=None if row["box"] is None else tuple(row["box"]),
        best=unit.best,
        rows=unit.rows,
        pictures=unit.pictures,
    )


def alone(row: dict, cosine: float) -> Track:
    """A picture as a unit of its own."""
    return Track(cosine, cosine, row, (row["row"],), 1, row["time"], row["time"])


def listed(matches: Sequence[Match]) -> list[dict[str, Any]]:
    """Matches as plain dicts, for JSON."""
    return [one._asdict() for one in matches]
