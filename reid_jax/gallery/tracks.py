"""Tracks as units: pictures of one person by one camera, as a tracker or a clustering joined them.

A track is told by (camera, video, track): trackers count from 1 in each video.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from reid_jax.gallery import schema
from reid_jax.gallery.index import Index, matrix
from reid_jax.gallery.query import Near, nearest
from reid_jax.gallery.table import Table
from reid_jax.gallery.where import quoted

SHOWN = 3  # best pictures of a track
PICTURES = 10  # pictures that are looked at for each track that is wanted, to begin with
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
    made = _made(table, query, near, units, where)
    return sorted(made, key=lambda one: (-one.cosine, one.row["row"]))[:k]


def _made(
    table: Table, query: np.ndarray, near: Near, units: dict[Key, dict], where: str
) -> list[Track]:
    """The units with all their pictures."""
    cosine = {row["row"]: float(one) for row, one in zip(near.row, near.cosine, strict=True)}
    made, names = [], sorted({one[-1] for one in units if len(one) > 1})
    for row in (row for one, row in units.items() if len(one) == 1):
        own, at = cosine[row["row"]], row["time"]
        made.append(Track(own, own, row, (row["row"],), 1, at, at))
    members: dict[Key, list[tuple[dict, np.ndarray]]] = {}
    for start in range(0, len(names), 1000):
        part = f"track IN ({', '.join(map(quoted, names[start : start + 1000]))})"
        both = f"({where}) AND {part}" if where else part
        found = table.read([*schema.KEYS, "embedding"], both)
        rows = found.drop_columns(["embedding"]).to_pylist()
        for row, one in zip(rows, matrix(found["embedding"]), strict=True):
            members.setdefault(key(row), []).append((row, one))
    made += [_track(query, members[name]) for name in units if name in members]
    return made


def _track(query: np.ndarray, own: list[tuple[dict, np.ndarray]]) -> Track:
    own = sorted(own, key=lambda one: one[0]["row"])
    rows, embedding = [row for row, _ in own], np.stack([one for _, one in own]).astype(np.float64)
    near = np.clip(embedding @ query.astype(np.float64), -1, 1)
    order = np.argsort(-near, kind="stable")
    mean = float(np.clip(_unit(embedding.mean(0)) @ query, -1, 1))
    times = [row["time"] for row in rows if row["time"] is not None]
    return Track(
        mean,
        float(near[order[0]]),
        rows[order[0]],
        tuple(rows[place]["row"] for place in order[:SHOWN]),
        len(rows),
        min(times, default=None),
        max(times, default=None),
    )


def _unit(row: np.ndarray) -> np.ndarray:
    return row / max(float(np.linalg.norm(row)), 1e-12)
