"""Ranked lists by the rule of Market-1501, and their metrics: CMC, two forms of mAP, and mINP.

A gallery row of the query's person and camera is junk: it is removed from that query's list.
Gallery rows of person -1 are in no list, and a query of person -1 is not valid. Distractors (person
0 in Records) are in every list and match no query, since no query has person 0. Camera -1 (unknown)
differs from every camera, also from another -1, so it makes no junk: a query that is also in the
gallery is then its own match. Gallery rows at equal distances are ranked in gallery order.
"""

import difflib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from reid_jax import distance
from reid_jax.types import Array

# Squared, since the root would make neighbouring float32 values equal and so change the order.
METRICS = {"cosine": distance.cosine, "euclidean": distance.squared_euclidean}
BLOCK = 2**25  # maximum number of distances in memory, 128 MiB
LENGTH = 50  # number of ranks of the CMC curve


class Ranking(NamedTuple):
    """Metrics of the ranked lists of n queries and m gallery rows; means are over valid queries.

    A query is valid if its person is known and it has at least one match that is not junk.

    Attributes:
        cmc: f64[min(50, m)], cmc[k - 1] is the fraction of queries with a match in the first k
            ranks.
        mean_ap: mean average precision; AP is the mean precision at the ranks of the matches.
        mean_ap_trapezoid: mean AP by the trapezoids of the Market-1501 script, never above mean_ap.
        mean_inp: mean inverse negative penalty. INP is (number of matches) / (rank of the last
            match).
        queries: number of valid queries.
        ap: f64[n], AP of each query; NaN if it is not valid.
        ap_trapezoid: f64[n], AP by trapezoids of each query; NaN if it is not valid.
        inp: f64[n], INP of each query; NaN if it is not valid.
        first: i64[n], rank (from 1) of the first match of each query; 0 if it is not valid.
        last: i64[n], rank (from 1) of the last match of each query; 0 if it is not valid.
    """

    cmc: np.ndarray
    mean_ap: float
    mean_ap_trapezoid: float
    mean_inp: float
    queries: int
    ap: np.ndarray
    ap_trapezoid: np.ndarray
    inp: np.ndarray
    first: np.ndarray
    last: np.ndarray


def rank(
    query: Float[np.ndarray, "n d"],
    gallery: Float[np.ndarray, "m d"],
    *,
    query_person: Int[np.ndarray, " n"],
    gallery_person: Int[np.ndarray, " m"],
    query_camera: Int[np.ndarray, " n"],
    gallery_camera: Int[np.ndarray, " m"],
    metric: str = "cosine",
    same_camera: bool = False,
) -> Ranking:
    """Rank the gallery for every query and compute the metrics of the lists.

    r_1 < ... < r_R are the ranks of a query's R matches.
    AP = (1/R) sum_i i / r_i,  INP = R / r_R
    AP by trapezoids = (1/R) sum_i [(i - 1) / (r_i - 1) + i / r_i] / 2, first term 1 if r_i = 1

    Args:
        query: f32[n d], embeddings. Distances are computed in float32, means in float64.
        gallery: f32[m d], embeddings.
        query_person: i32[n]. A query of person -1 is not valid.
        gallery_person: i32[m]. A gallery row of person -1 is in no list.
        query_camera: i32[n], -1: unknown.
        gallery_camera: i32[m], -1: unknown.
        metric: "cosine" or "euclidean".
        same_camera: keep gallery rows of the query's camera (for data sets with one camera).

    Returns:
        Ranking.

    Raises:
        ValueError: the shapes do not fit together, the metric is unknown, an embedding is NaN,
            infinite or too long for float32, or there is no valid query.

    Reference:
        Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015, section 3.3 (CMC,
        mAP, junk); Ye et al., "Deep Learning for Person Re-identification: A Survey and Outlook",
        TPAMI 2021, section 4.1 (mINP).

    Departs from the paper:
        `mean_ap` sums rectangles, as almost all later code does. `mean_ap_trapezoid` is the value
        of the benchmark's script.
    """
    columns = (query_person, gallery_person, query_camera, gallery_camera)
    task = _task(query, gallery, columns, metric, same_camera)
    matches = [_matches(task, row) for row in range(len(query))]
    valid = np.array([row for row, (match, _) in enumerate(matches) if match.size], np.int64)
    if valid.size == 0:
        raise ValueError(_explain_no_match(task))
    scores = np.full((5, len(query)), np.nan)
    for row, distances in _distances(task, valid):
        scores[:, row] = _scores(_ranks(distances, *matches[row]))
    ap, ap_trapezoid, inp = scores[:3]
    first, last = np.nan_to_num(scores[3:]).astype(np.int64)
    cmc = np.array([np.mean(first[valid] <= k) for k in range(1, min(LENGTH, len(gallery)) + 1)])
    mean_ap, mean_ap_trapezoid, mean_inp = (
        float(values[valid].mean()) for values in (ap, ap_trapezoid, inp)
    )
    return Ranking(
        cmc, mean_ap, mean_ap_trapezoid, mean_inp, len(valid), ap, ap_trapezoid, inp, first, last
    )


def order(
    query: Float[np.ndarray, "n d"],
    gallery: Float[np.ndarray, "m d"],
    k: int,
    *,
    query_person: Int[np.ndarray, " n"],
    gallery_person: Int[np.ndarray, " m"],
    query_camera: Int[np.ndarray, " n"],
    gallery_camera: Int[np.ndarray, " m"],
    metric: str = "cosine",
    same_camera: bool = False,
) -> Int[np.ndarray, "n k"]:
    """List the first k gallery rows for every query without junk: the heads of the lists of `rank`.

    Args:
        query: f32[n d], embeddings.
        gallery: f32[m d], embeddings.
        k: length of the lists, at least 1.
        query_person: i32[n]. A query of person -1 has no junk.
        gallery_person: i32[m]. A gallery row of person -1 is in no list.
        query_camera: i32[n], -1: unknown.
        gallery_camera: i32[m], -1: unknown.
        metric: "cosine" or "euclidean".
        same_camera: keep gallery rows of the query's camera.

    Returns:
        i64[n k], gallery rows of least (distance, row), in this order; -1 fills shorter lists.

    Raises:
        ValueError: the shapes do not fit together, the metric is unknown, an embedding is NaN,
            infinite or too long for float32, or k is below 1.

    Reference:
        Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015, section 3.3
        (junk).

    Departs from the paper:
        nowhere.
    """
    if k < 1:
        raise ValueError(f"k is {k}, expected a length of at least 1")
    columns = (query_person, gallery_person, query_camera, gallery_camera)
    task = _task(query, gallery, columns, metric, same_camera)
    lists = np.full((len(query), k), -1, np.int64)
    for row, distances in _distances(task, np.arange(len(query))):
        _, junk = _matches(task, row)
        nearest = task.entering[_nearest(distances, junk, k)]
        lists[row, : len(nearest)] = nearest
    return lists


class _Task(NamedTuple):
    """Checked arguments; of the gallery only the rows that enter the lists, numbered `entering`."""

    query: np.ndarray
    gallery: np.ndarray
    query_person: np.ndarray
    gallery_person: np.ndarray
    query_camera: np.ndarray
    gallery_camera: np.ndarray
    entering: np.ndarray
    distance: Callable[[np.ndarray, np.ndarray], Array]
    same_camera: bool


def _task(
    query: np.ndarray,
    gallery: np.ndarray,
    columns: Sequence[np.ndarray],
    metric: str,
    same_camera: bool,
) -> _Task:
    if metric not in METRICS:
        near = difflib.get_close_matches(metric, METRICS, n=1, cutoff=0.0)[0]
        raise ValueError(
            f"metric {metric!r} is not known; did you mean {near!r}? Known are {sorted(METRICS)}"
        )
    query, gallery = np.asarray(query, np.float32), np.asarray(gallery, np.float32)
    if query.ndim != 2 or gallery.ndim != 2 or query.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"query and gallery are {list(query.shape)} and {list(gallery.shape)}, expected [n d] "
            "and [m d]; embed both with one model"
        )
    _check_finite("query", query)
    _check_finite("gallery", gallery)
    names = ("query_person", "gallery_person", "query_camera", "gallery_camera")
    columns = [np.asarray(column) for column in columns]
    for name, column, rows in zip(names, columns, (query, gallery) * 2, strict=True):
        if column.shape != (len(rows),):
            raise ValueError(
                f"{name} is {list(column.shape)}, expected [{len(rows)}]; give one per embedding"
            )
    query_person, gallery_person, query_camera, gallery_camera = columns
    entering = np.flatnonzero(gallery_person != -1)
    return _Task(
        query=query,
        gallery=gallery[entering],
        query_person=query_person,
        gallery_person=gallery_person[entering],
        query_camera=query_camera,
        gallery_camera=gallery_camera[entering],
        entering=entering,
        distance=METRICS[metric],
        same_camera=same_camera,
    )


def _check_finite(name: str, rows: np.ndarray) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        bad = np.flatnonzero(~(np.einsum("nd,nd->n", rows, rows) < 1e37))
    if bad.size:
        shown = ", ".join(map(str, bad[:10])) + (", ..." if bad.size > 10 else "")
        raise ValueError(
            f"{bad.size} of {len(rows)} {name} embeddings are NaN, infinite or too long for "
            f"float32: rows {shown}; check the model and the images"
        )


def _matches(task: _Task, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the gallery rows that match a query, and those that are junk for it."""
    person, camera = task.query_person[row], task.query_camera[row]
    if person < 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    same = np.flatnonzero(task.gallery_person == person)
    if task.same_camera or camera == -1:
        return same, np.empty(0, np.int64)
    junk = task.gallery_camera[same] == camera
    return same[~junk], same[junk]


def _distances(task: _Task, rows: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each of the query rows with its distances to the gallery, computed in blocks."""
    size = max(1, BLOCK // max(1, len(task.gallery)))
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        yield from zip(part, np.asarray(task.distance(task.query[part], task.gallery)), strict=True)


def _ranks(distances: np.ndarray, match: np.ndarray, junk: np.ndarray) -> np.ndarray:
    """Compute the ranks (from 1, ascending) of the matches from one query's distances."""
    # Sort and search are several times faster than a stable argsort; ties are counted afterwards.
    distances = distances.copy()
    distances[junk] = np.inf
    own, ascending = distances[match], np.sort(distances)
    nearer = np.searchsorted(ascending, own, "left")
    ranks = nearer + 1
    for tied in np.flatnonzero(np.searchsorted(ascending, own, "right") > nearer + 1):
        ranks[tied] += np.count_nonzero(distances[: match[tied]] == own[tied])
    return np.sort(ranks)


def _scores(ranks: np.ndarray) -> tuple[float, float, float, int, int]:
    """Compute AP, AP by trapezoids, INP, first rank and last rank."""
    hits = np.arange(1, len(ranks) + 1)
    precision = hits / ranks
    before = np.where(ranks == 1, 1.0, (hits - 1) / np.maximum(ranks - 1, 1))
    first, last = ranks[0], ranks[-1]
    return precision.mean(), (before + precision).mean() / 2, len(ranks) / last, first, last


def _nearest(distances: np.ndarray, junk: np.ndarray, k: int) -> np.ndarray:
    """Return the k rows of least (distance, row) that are not junk, or all if there are fewer."""
    rows = np.delete(np.arange(len(distances)), junk)
    if k < len(rows):
        rows = rows[distances[rows] <= np.partition(distances[rows], k - 1)[k - 1]]
    return rows[np.argsort(distances[rows], kind="stable")][:k]


def _explain_no_match(task: _Task) -> str:
    known = task.query_person[task.query_person >= 0]
    if known.size == 0:
        reason = f"none of the {len(task.query_person)} queries is of a known person (0 or above)"
    elif not np.isin(known, task.gallery_person).any():
        reason = "no person is in both; are both from one data set, with one numbering of persons?"
    else:
        single = len(np.unique(task.gallery_camera)) == 1
        reason = "the gallery has one camera" if single else "they share persons"
        reason += ", but every match is from its query's own camera, which is junk; "
        reason += "same_camera=True keeps them"
    return f"no query has a match in the gallery: {reason}"
