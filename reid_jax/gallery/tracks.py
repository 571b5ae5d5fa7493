"""Tracks as units: pictures of one person by one camera, as a tracker or a clustering joined them.

A track is told by (camera, video, track): trackers count from 1 in each video.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from reid_jax.gallery import schema
from reid_jax.gallery.index import Index, matrix
from reid_jax.gallery.query import nearest
from reid_jax.gallery.table import Table
from reid_jax.gallery.where import quoted

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN = 3  # best pictures of a track
PICTURES = 10  # pictures that are looked at for each track that is wanted, to begin with
MANY = 1000  # tracks of one predicate
UNKNOWN = np.iinfo(np.int64).min  # for a time
MORE = 4  # times as many, where these are of too few tracks
Key = tuple


class Track(NamedTuple):
    """A track, or a picture of none, as an answer's unit.

    Attributes:
        cosine: of the query and the mean of the track's embeddings, scaled to length one.
        best: of the query and its nearest picture.
        row: the columns of that picture.
        rows: numbers of its nearest pictures, at most `SHOWN`.
        pictures: how many it has.
        since, until: its first and last moment, microseconds since 1970; None: unknown.
    """

    cosine: float
    best: float
    row: dict
    rows: tuple[int, ...]
    pictures: int
    since: int | None
    until: int | None


def key(row: dict) -> Key:
    """What tells the unit of a row: its track, or itself."""
    if row["track"] is None:
        return (row["row"],)
    return row["camera"], row["video"], row["track"]


def best(embedding: np.ndarray, track: Sequence, n: int) -> np.ndarray:
    """The rows that stand for their tracks: of each the n nearest to its mean.

    Args:
        embedding: f32[m d], of length one.
        track: [m], hashable; None: a row of no track, which is kept.
        n: how many of a track, at least 1.

    Returns:
        i64[k], ascending.
    """
    kept: list[int] = []
    members: dict[Any, list[int]] = {}
    for place, one in enumerate(track):
        (kept if one is None else members.setdefault(one, [])).append(place)
    for own in map(np.array, members.values()):
        near = embedding[own] @ _unit(embedding[own].mean(0))
        kept.extend(own[np.argsort(-near, kind="stable")[:n]].tolist())
    return np.sort(np.array(kept, np.int64))


def ranked(
    table: Table,
    query: np.ndarray,
    k: int,
    where: str = "",
    index: Index | None = None,
    without: Key | None = None,
) -> list[Track]:
    """The k units nearest to a query, by the cosine of their means.

    Units are found by their nearest picture, and ranked by their mean among those found: a track
    of which no picture is near is not looked at.

    Args:
        table: of the rows.
        query: f32[d], of length one.
        k: how many.
        where: the predicate; pictures that it does not mean are not in a mean.
        index: how the index is asked.
        without: the key of a unit that is left out.
    """
    want = PICTURES * (k + 1)
    while True:
        near = nearest(table, query, want, where, index)
        units = {key(row): row for row in reversed(near.row)}  # of each the nearest row
        if without is not None:
            units.pop(without, None)
        if len(units) >= k or len(near.row) < want:
            break
        want *= MORE
    alone, tracked = _split(units)
    cosine = {row["row"]: float(one) for row, one in zip(near.row, near.cosine, strict=True)}
    made = [_single(row, cosine[row["row"]]) for row in alone]
    made += _tracks(table, query, tracked, where, k)
    return sorted(made, key=lambda one: (-one.cosine, one.row["row"]))[:k]


def _split(units: dict[Key, dict]) -> tuple[list[dict], list[Key]]:
    """The pictures of no track, and the keys of the tracks."""
    alone = [row for one, row in units.items() if len(one) == 1]
    return alone, [one for one in units if len(one) > 1]


def _single(row: dict, cosine: float) -> Track:
    return Track(cosine, cosine, row, (row["row"],), 1, row["time"], row["time"])


def _tracks(table: Table, query: np.ndarray, keys: list[Key], where: str, k: int) -> list[Track]:
    """The k tracks of these whose means are the nearest, with all their pictures."""
    import pyarrow as pa

    if not keys:
        return []
    place = {one: number for number, one in enumerate(keys)}
    found = pa.concat_tables(
        _members(table, keys[start : start + MANY], where) for start in range(0, len(keys), MANY)
    )
    names = zip(*(found[name].to_pylist() for name in ("camera", "video", "track")), strict=True)
    unit = np.array([place.get(name, -1) for name in names], np.int64)
    row = found["row"].to_numpy()
    order = np.lexsort((row, unit))
    order = order[unit[order] >= 0]
    if not len(order):  # all were removed meanwhile
        return []
    row, unit = row[order], unit[order]
    time = found["time"].fill_null(UNKNOWN).to_numpy()[order]
    embedding = matrix(found["embedding"])[order].astype(np.float64)
    near = np.clip(embedding @ query.astype(np.float64), -1, 1)
    start = np.flatnonzero(np.r_[True, unit[1:] != unit[:-1]])
    ends = np.r_[start[1:], len(unit)]
    mean = np.add.reduceat(embedding, start) / (ends - start)[:, None]
    length = np.maximum(np.linalg.norm(mean, axis=1), 1e-12)
    cosine = np.clip(mean @ query.astype(np.float64) / length, -1, 1)
    first = np.array([near[one:end].argmax() for one, end in zip(start, ends, strict=True)]) + start
    best = np.lexsort((row[first], -cosine))[:k]
    known = found.select(schema.KEYS).take(order[first[best]]).to_pylist()
    parts = map(slice, start[best], ends[best])
    return [
        _track(one, shown, row[part], time[part], near[part])
        for one, shown, part in zip(cosine[best].tolist(), known, parts, strict=True)
    ]


def _members(table: Table, keys: list[Key], where: str) -> "pa.Table":
    """All columns of the tracks' rows, and of some rows of others."""
    parts = [f"track IN ({', '.join(sorted({quoted(one[-1]) for one in keys}))})"]
    videos = {one[1] for one in keys}
    if None not in videos:  # trackers count from 1 in each video
        parts.append(f"video IN ({', '.join(sorted(map(quoted, videos)))})")
    parts += [f"({where})"] * bool(where)
    return table.read([*schema.KEYS, "embedding"], " AND ".join(parts))


def _track(cosine: float, best: dict, row: np.ndarray, time: np.ndarray, near: np.ndarray) -> Track:
    order = np.argsort(-near, kind="stable")
    times = time[time != UNKNOWN].tolist()
    return Track(
        cosine,
        float(near[order[0]]),
        best,
        tuple(row[order[:SHOWN]].tolist()),
        len(row),
        min(times, default=None),
        max(times, default=None),
    )


def _unit(row: np.ndarray) -> np.ndarray:
    return row / max(float(np.linalg.norm(row)), 1e-12)
