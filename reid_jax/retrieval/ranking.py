"""Ranked lists by the rule of Market-1501, and their metrics: CMC, two forms of mAP, and mINP.

A gallery row of the query's person and camera is junk: it is removed from that query's list.
Gallery rows of person -1 are in no list, and a query of person -1 is not valid. Distractors (person
0 in Records) are in every list and match no query, since no query has person 0. Camera -1 (unknown)
differs from every camera, also from another -1, so it makes no junk: a query that is also in the
gallery is then its own match. Gallery rows at equal distances are ranked in gallery order.
"""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils
from jaxtyping import Float, Int

from reid_jax.retrieval.counting import SPACES, Counted, Space, count
from reid_jax.retrieval.sides import Sides, check, explain_no_match

BLOCK = 2**25  # maximum number of distances that `order` has in memory, 128 MiB
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

    The time is that of the products of query and gallery, on all devices. The memory on the host,
    beside the embeddings, is below 0.7 GB for rows of 2,048 numbers. With several processes each
    ranks a share of the queries, and all must call this together.

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
    sides = check(query, gallery, columns, metric, same_camera)
    return rank_sides(sides, SPACES[metric])


def rank_sides(sides: Sides, space: Space) -> Ranking:
    """`rank` of checked arguments by the distances of any space."""
    scores = np.zeros((5, len(sides.query)))
    for counted in count(sides, space):
        scores[:, counted.rows] = _scores(counted)
    scores = of_all(scores)
    first, last = scores[3:].astype(np.int64)
    valid = first > 0
    if not valid.any():
        raise ValueError(explain_no_match(sides))
    length = min(LENGTH, len(sides.gallery))
    cmc = np.array([np.mean(first[valid] <= k) for k in range(1, length + 1)])
    ap, ap_trapezoid, inp = np.where(valid, scores[:3], np.nan)
    mean_ap, mean_trapezoid, mean_inp = (
        float(values[valid].mean()) for values in (ap, ap_trapezoid, inp)
    )
    return Ranking(
        cmc, mean_ap, mean_trapezoid, mean_inp, int(valid.sum()), ap, ap_trapezoid, inp, first, last
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
    sides = check(query, gallery, columns, metric, same_camera)
    lists = np.full((len(query), k), -1, np.int64)
    for row, distances in _distances(sides):
        _, column, junk = sides.pairs(np.array([row]))
        distances[sides.entering[column[junk]]] = np.inf
        nearest = _nearest(distances, k)
        lists[row, : len(nearest)] = nearest
    return lists


def _distances(sides: Sides) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each query with its distances to the gallery, computed in blocks; inf: in no list."""
    size = max(1, BLOCK // max(1, len(sides.gallery)))
    outside = np.ones(len(sides.gallery), bool)
    outside[sides.entering] = False
    for start in range(0, len(sides.query), size):
        block = np.array(sides.distance(sides.query[start : start + size], sides.gallery))
        block[:, outside] = np.inf
        yield from enumerate(block, start)


def _nearest(distances: np.ndarray, k: int) -> np.ndarray:
    """The k rows of least (distance, row), or all that are not at inf if there are fewer."""
    rows = np.flatnonzero(np.isfinite(distances))
    if k < len(rows):
        rows = rows[distances[rows] <= np.partition(distances[rows], k - 1)[k - 1]]
    return rows[np.argsort(distances[rows], kind="stable")][:k]


def _scores(counted: Counted) -> np.ndarray:
    """AP, AP by trapezoids, INP, first rank and last rank of each query, f64[5 k]; 0: no match."""
    size, ranks = np.diff(counted.pointers), counted.ranks
    scores, matched = np.zeros((5, len(size))), np.flatnonzero(size)
    first, own = counted.pointers[matched], size[matched]
    hits = np.arange(1, len(ranks) + 1) - np.repeat(first, own)
    precision = hits / ranks
    before = np.where(ranks == 1, 1.0, (hits - 1) / np.maximum(ranks - 1, 1))
    if len(matched):
        last = ranks[first + own - 1]
        ap = np.add.reduceat(precision, first) / own
        trapezoid = np.add.reduceat(before + precision, first) / own / 2
        scores[:, matched] = ap, trapezoid, own / last, ranks[first], last
    return scores


def of_all(scores: np.ndarray) -> np.ndarray:
    """The sum over all processes of f64[a b]; jax moves no 64-bit numbers."""
    if jax.process_count() == 1:
        return scores
    every = np.asarray(multihost_utils.process_allgather(scores.view(np.int32)))
    return np.ascontiguousarray(every).view(np.float64).sum(0)
