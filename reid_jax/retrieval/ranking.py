"""Ranked lists by Market-1501's rule, and what is said of them: CMC, both average precisions, mINP.

A gallery row of the query's person and camera is junk: it is taken out of that query's list. Gallery rows of person -1
enter no list, and a query of person -1 is not valid. Distractors (person 0 in Records) are in every list and match
nobody, since no query is of person 0. Camera -1 (not known) equals nothing, itself included, so it makes no junk: a
query that lies in its own gallery is then its own match. Rows at equal distances stand in the gallery's order.
"""

import difflib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from reid_jax import distance

# Squared, because the root would make neighbouring float32 values equal and so change the order.
METRICS = {"cosine": distance.cosine, "euclidean": distance.squared_euclidean}
BLOCK = 2**25  # distances at a time, 128 MiB
LENGTH = 50  # ranks of the CMC curve


class Ranking(NamedTuple):
    """What the ranked lists of n queries in a gallery of m rows are worth; every mean is over the valid queries.

    cmc:               f64[min(50, m)], cmc[k - 1] is the share of queries with a match among the first k.
    mean_ap:           mean average precision; AP is the mean over the matches of the precision at their ranks.
    mean_ap_trapezoid: the same by the trapezoids of the Market-1501 script, never above mean_ap.
    mean_inp:          mean inverse negative penalty; INP is matches / rank of the last match.
    queries:           how many queries are valid: a known person with at least one match that is not junk.
    ap, ap_trapezoid, inp: f64[n], of each query; NaN where it is not valid.
    first, last:       i64[n], ranks (from 1) of each query's first and last match; 0 where it is not valid.
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
    """Rank the gallery for every query and measure the lists; r_1 < ... < r_R are the ranks of a query's R matches.

    AP = (1/R) sum_i i / r_i;  INP = R / r_R;
    AP by trapezoids = (1/R) sum_i [(i - 1) / (r_i - 1) + i / r_i] / 2, where the first term is 1 if r_i = 1.

    Args:
        query: f32[n d], embeddings. Distances are taken in float32, means in float64.
        gallery: f32[m d], embeddings.
        query_person: i32[n], -1 is not valid.
        gallery_person: i32[m], -1 enters no list.
        query_camera: i32[n], -1 where not known.
        gallery_camera: i32[m], -1 where not known.
        metric: "cosine" or "euclidean".
        same_camera: keep the rows of the query's own camera, as data sets of one camera need.

    Returns:
        Ranking.

    Raises:
        ValueError: shapes that do not belong together, an unknown metric, NaN or infinity, or no valid query.

    Reference:
        Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015, section 3.3 (CMC, mAP, junk);
        Ye et al., "Deep Learning for Person Re-identification: A Survey and Outlook", TPAMI 2021, section 4.1 (mINP).

    Departs from the paper:
        `mean_ap` sums rectangles, as nearly all later code; the trapezoids of the benchmark's script stand beside it.
    """
    columns = (query_person, gallery_person, query_camera, gallery_camera)
    task = _task(query, gallery, columns, metric, same_camera)
    found = [_matches(task, row) for row in range(len(query))]
    valid = np.array([row for row, (match, _) in enumerate(found) if match.size], np.int64)
    if valid.size == 0:
        raise ValueError(_why_none(task))
    scores = np.full((5, len(query)), np.nan)
    for row, line in _lines(task, valid):
        scores[:, row] = _scores(_ranks(line, *found[row]))
    *each, first, last = scores
    first, last = (np.nan_to_num(ranks).astype(np.int64) for ranks in (first, last))
    cmc = np.array([np.mean(first[valid] <= k) for k in range(1, min(LENGTH, len(gallery)) + 1)])
    return Ranking(cmc, *(float(one[valid].mean()) for one in each), len(valid), *each, first, last)


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
    """List the first k rows of the gallery for every query, junk taken out: the heads of the lists `rank` measures.

    row[i, :] = the k gallery rows of least (distance, row) that are not junk to query i

    Args:
        query: f32[n d], embeddings.
        gallery: f32[m d], embeddings.
        k: length of the lists, at least 1.
        query_person: i32[n]; a query of person -1 has no junk.
        gallery_person: i32[m], -1 enters no list.
        query_camera: i32[n], -1 where not known.
        gallery_camera: i32[m], -1 where not known.
        metric: "cosine" or "euclidean".
        same_camera: keep the rows of the query's own camera.

    Returns:
        i64[n k], rows of the gallery, nearest first; -1 where a list is shorter than k.

    Raises:
        ValueError: shapes that do not belong together, an unknown metric, NaN or infinity, or k below 1.

    Reference:
        Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015, section 3.3 (junk).

    Departs from the paper:
        nowhere.
    """
    if k < 1:
        raise ValueError(f"k is {k}, expected a length of at least 1")
    columns = (query_person, gallery_person, query_camera, gallery_camera)
    task = _task(query, gallery, columns, metric, same_camera)
    lists = np.full((len(query), k), -1, np.int64)
    for row, line in _lines(task, np.arange(len(query))):
        nearest = task.entering[_nearest(line, _matches(task, row)[1], k)]
        lists[row, : len(nearest)] = nearest
    return lists


class _Task(NamedTuple):
    """Checked arguments; of the gallery only the rows that enter, whose places are `entering`."""

    query: np.ndarray
    gallery: np.ndarray
    query_person: np.ndarray
    gallery_person: np.ndarray
    query_camera: np.ndarray
    gallery_camera: np.ndarray
    entering: np.ndarray
    distance: Callable
    same_camera: bool


def _task(query: np.ndarray, gallery: np.ndarray, columns: tuple, metric: str, same_camera: bool) -> _Task:
    if metric not in METRICS:
        near = difflib.get_close_matches(metric, METRICS, n=1, cutoff=0.0)[0]
        raise ValueError(f"metric {metric!r} is not known; did you mean {near!r}? There are {sorted(METRICS)}")
    query, gallery = np.asarray(query, np.float32), np.asarray(gallery, np.float32)
    if query.ndim != 2 or gallery.ndim != 2 or query.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"query and gallery are {list(query.shape)} and {list(gallery.shape)}, expected [n d] and "
            "[m d]; embed both with one model"
        )
    _check_finite("query", query)
    _check_finite("gallery", gallery)
    names = ("query_person", "gallery_person", "query_camera", "gallery_camera")
    columns = [np.asarray(column) for column in columns]
    for name, column, rows in zip(names, columns, (query, gallery) * 2, strict=True):
        if column.shape != (len(rows),):
            raise ValueError(f"{name} is {list(column.shape)}, expected [{len(rows)}]; give one per embedding")
    who, whom, where, there = columns
    entering = np.flatnonzero(whom != -1)
    return _Task(
        query, gallery[entering], who, whom[entering], where, there[entering], entering, METRICS[metric], same_camera
    )


def _check_finite(name: str, rows: np.ndarray) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        bad = np.flatnonzero(~(np.einsum("nd,nd->n", rows, rows) < 1e37))
    if bad.size:
        shown = ", ".join(map(str, bad[:10])) + (", ..." if bad.size > 10 else "")
        raise ValueError(
            f"{bad.size} of {len(rows)} {name} embeddings are NaN, infinite or too long for float32: "
            f"rows {shown}; look at the model or the pictures that made them"
        )


def _matches(task: _Task, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the gallery rows that match a query, and those that are junk to it."""
    person, camera = task.query_person[row], task.query_camera[row]
    if person < 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    same = np.flatnonzero(task.gallery_person == person)
    if task.same_camera or camera == -1:
        return same, np.empty(0, np.int64)
    junk = task.gallery_camera[same] == camera
    return same[~junk], same[junk]


def _lines(task: _Task, rows: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each of the query's rows with its distances to the gallery, taken a block at a time."""
    size = max(1, BLOCK // max(1, len(task.gallery)))
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        yield from zip(some, np.asarray(task.distance(task.query[some], task.gallery)), strict=True)


def _ranks(line: np.ndarray, match: np.ndarray, junk: np.ndarray) -> np.ndarray:
    """Rank (from 1, rising) the matches among one query's distances.

    Sorting bare numbers and searching them is several times faster than a stable argsort of the line and says the
    same, once the equally far rows before a match are counted.
    """
    line = line.copy()
    line[junk] = np.inf
    mine, rising = line[match], np.sort(line)
    nearer = np.searchsorted(rising, mine, "left")
    ranks = nearer + 1
    for tied in np.flatnonzero(np.searchsorted(rising, mine, "right") > nearer + 1):
        ranks[tied] += np.count_nonzero(line[: match[tied]] == mine[tied])
    return np.sort(ranks)


def _scores(ranks: np.ndarray) -> tuple[float, float, float, int, int]:
    """AP, AP by trapezoids, INP, first and last rank."""
    hits = np.arange(1, len(ranks) + 1)
    precision = hits / ranks
    before = np.where(ranks == 1, 1.0, (hits - 1) / np.maximum(ranks - 1, 1))
    return precision.mean(), (before + precision).mean() / 2, len(ranks) / ranks[-1], ranks[0], ranks[-1]


def _nearest(line: np.ndarray, junk: np.ndarray, k: int) -> np.ndarray:
    """Choose the k rows of least (distance, row) that are not junk; all of them if there are fewer."""
    rows = np.delete(np.arange(len(line)), junk)
    if k < len(rows):
        rows = rows[line[rows] <= np.partition(line[rows], k - 1)[k - 1]]
    return rows[np.argsort(line[rows], kind="stable")][:k]


def _why_none(task: _Task) -> str:
    start = "no query has a match in the gallery: "
    known = task.query_person[task.query_person >= 0]
    if known.size == 0:
        return start + f"none of the {len(task.query_person)} queries is of a known person (0 or above)"
    if not np.isin(known, task.gallery_person).any():
        return start + "no person is in both; were the two read from one data set, with one numbering of persons?"
    one = "the gallery has one camera" if len(np.unique(task.gallery_camera)) == 1 else "they share persons"
    return start + one + ", but every match is from its query's own camera, which is junk; same_camera=True keeps them"
