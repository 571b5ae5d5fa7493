"""Re-ranking by the k-reciprocal neighbours of query and gallery, sparse and exact.

A gallery row moves up where its neighbourhood among all pictures, queries included, overlaps the
query's. So the figures of one query depend on the other queries: they are no measure of an encoder
by itself, and stand beside the plain ones.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from reid_jax import distance
from reid_jax.clustering import jaccard, neighbours
from reid_jax.clustering.workers import kernel, map_rows
from reid_jax.retrieval.counting import Space
from reid_jax.retrieval.ranking import Ranking, rank_sides
from reid_jax.retrieval.sides import Sides, check


class How(NamedTuple):
    """The published options.

    Attributes:
        k1: neighbours among which the reciprocal ones are taken, >= 1.
        k2: rows that the query expansion averages, >= 1.
        weight: lambda, the share of the plain distance, in [0, 1].
    """

    k1: int = 20
    k2: int = 6
    weight: float = 0.3


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
    how: How | None = None,
) -> Ranking:
    """Rank the gallery for every query by the re-ranked distance, by the rules of `ranking.rank`.

    d = (1 - lambda) d_J(q, g) + lambda |q - g|^2 / max_j |q - x_j|^2

    d_J is the Jaccard distance (`clustering.jaccard`, variant Z) among all queries and gallery
    rows, x_j any of them. By cosine, rows are first divided by their lengths.

    The time is that of the products of all pairs among n + m rows, and of query and gallery again.
    Nothing is as large as rows squared: beside the embeddings, and a copy of them, the memory is
    that of `ranking.rank`, of (k1 + 9) 20 bytes for each row and of the sparse distances. All
    processes must call it together.

    Args:
        query: as `ranking.rank`, and so are the other arguments.
        gallery: f32[m d]. Rows of person -1 are in no list, but they are neighbours.
        query_person: i32[n].
        gallery_person: i32[m].
        query_camera: i32[n].
        gallery_camera: i32[m].
        metric: "cosine" or "euclidean".
        same_camera: keep gallery rows of the query's camera.
        how: the options; as published without it.

    Returns:
        Ranking.

    Raises:
        ValueError: as `ranking.rank`, or an option is out of range.

    Reference:
        Zhong et al., Re-ranking Person Re-identification with k-reciprocal Encoding, CVPR 2017,
        equations 1 to 12; the plain distance, squared and divided by the query's largest, is from
        their code (zhunzhong07/person-re-ranking).

    Departs from the paper:
        as `clustering.jaccard.distance`.
    """
    columns = (query_person, gallery_person, query_camera, gallery_camera)
    sides = check(query, gallery, columns, metric, same_camera)
    mixed = _mixed(sides, how or How())
    place = np.full(len(sides.gallery), -1)
    place[sides.entering] = np.arange(len(sides.entering))

    def change(tile: np.ndarray, rows: np.ndarray, first: int, end: int) -> np.ndarray:
        changed, part = np.empty_like(tile), (first, end)
        map_rows(_change, len(rows), tile, changed, rows, part, place, mixed.arrays)
        return changed

    return rank_sides(sides, Space(mixed.rows, distance.squared_euclidean, change))


def distances(
    query: Float[np.ndarray, "n d"],
    gallery: Float[np.ndarray, "m d"],
    *,
    metric: str = "cosine",
    how: How | None = None,
) -> Float[np.ndarray, "n m"]:
    """The re-ranked distance of each query to each gallery row, as `rank` computes it; dense.

    Args:
        query: f32[n d].
        gallery: f32[m d].
        metric: "cosine" or "euclidean".
        how: the options; as published without it.

    Returns:
        f32[n m], in [0, 1] up to rounding.

    Raises:
        ValueError: as `rank`.
    """
    some = (np.full(len(query), -1), np.zeros(len(gallery), int))
    sides = check(query, gallery, (*some, *some), metric, True)
    mixed, rows = _mixed(sides, how or How()), np.arange(len(query))
    plain = np.asarray(distance.squared_euclidean(*map(mixed.rows, sides[:2])))
    final, part = np.empty_like(plain), (0, len(gallery))
    map_rows(_change, len(rows), plain, final, rows, part, np.arange(len(gallery)), mixed.arrays)
    return final


class _Mixed(NamedTuple):
    """The sparse distances of n queries to m gallery rows, and what the plain ones are scaled by.

    Attributes:
        near: f32 CSR [n m], d_J where it is below 1.
        scale: f32[n], lambda / max_j |q - x_j|^2.
        weight: lambda.
        unit: whether rows are divided by their length.
    """

    near: sparse.csr_array
    scale: np.ndarray
    weight: float
    unit: bool

    def rows(self, embedding: np.ndarray) -> np.ndarray:
        return distance.unit(embedding) if self.unit else embedding

    @property
    def arrays(self) -> tuple:
        """All as the kernel takes it."""
        pointers, columns = self.near.indptr.astype(np.int64), self.near.indices.astype(np.int64)
        return pointers, columns, self.near.data, self.scale, np.float32(self.weight)


def _mixed(sides: Sides, how: How) -> _Mixed:
    if not 0 <= how.weight <= 1:
        raise ValueError(f"the weight of the plain distance is {how.weight}, expected 0 to 1")
    unit = sides.metric == "cosine"
    every = np.concatenate([sides.query, sides.gallery])
    every = distance.unit(every) if unit else every
    n, options = len(sides.query), {"k1": how.k1, "k2": how.k2, "variant": "Z"}
    near = neighbours.sweep(every, jaccard.width(len(every), **options), farthest=True)
    assert near.farthest is not None
    most = np.square(near.farthest[:n])
    scale = np.float32(how.weight) / np.where(most > 0, most, np.float32(1))
    graph = jaccard.distance(every, near=near, lines=n, **options)[:, n:].tocsr()
    return _Mixed(graph, scale, how.weight, unit)


@kernel
def _change(start, stop, tile, changed, rows, part, place, mixed):
    """Mix squared distances with the sparse ones.

    tile: f32[>=n >=w], those of the queries `rows` to the gallery rows at places part[0] to part[1]
    of the lists; changed: what is written; place: i64[m], the place of each gallery row, -1: none.
    """
    (pointers, columns, near, scale, weight), (first, end) = mixed, part
    for r in range(start, stop):
        q = rows[r]
        for c in range(end - first):
            changed[r, c] = (1 - weight) + scale[q] * tile[r, c]
        for e in range(pointers[q], pointers[q + 1]):
            c = place[columns[e]]
            if first <= c < end:
                changed[r, c - first] = (1 - weight) * near[e] + scale[q] * tile[r, c - first]
