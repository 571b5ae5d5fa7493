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
from reid_jax.clustering import jaccard, neighbours, products
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
    sides, mixed = _mixed(sides, how or How())
    place = np.full(len(sides.gallery), -1)
    place[sides.entering] = np.arange(len(sides.entering))

    def change(tile: np.ndarray, rows: np.ndarray, first: int, end: int) -> np.ndarray:
        changed, part = np.empty_like(tile), (first, end)
        map_rows(_change, len(rows), tile, changed, rows, part, sides.entering, place, mixed.arrays)
        return changed

    return rank_sides(sides, Space(lambda rows: rows, products.multiplied, change))


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
    sides, mixed = _mixed(sides, how or How())
    plain, rows = np.asarray(products.multiplied(*sides[:2])), np.arange(len(query))
    final, place = np.empty_like(plain), sides.entering
    part = 0, len(gallery)
    map_rows(_change, len(rows), plain, final, rows, part, place, place, mixed.arrays)
    return final


class _Mixed(NamedTuple):
    """The sparse distances of n queries to m gallery rows, and what gives the plain ones.

    Attributes:
        near: f32 CSR [n m], d_J where it is below 1.
        scale: f32[n], lambda / max_j |q - x_j|^2.
        half: f32[n], |q|^2 / 2.
        half_others: f32[m], |g|^2 / 2.
        weight: lambda.
    """

    near: sparse.csr_array
    scale: np.ndarray
    half: np.ndarray
    half_others: np.ndarray
    weight: np.float32

    @property
    def arrays(self) -> tuple:
        """All as the kernel takes it."""
        pointers, columns = self.near.indptr.astype(np.int64), self.near.indices.astype(np.int64)
        return pointers, columns, self.near.data, *self[1:]


def _mixed(sides: Sides, how: How) -> tuple[Sides, _Mixed]:
    """The sides, by cosine with rows of length one, and what their products are mixed with."""
    if not 0 <= how.weight <= 1:
        raise ValueError(f"the weight of the plain distance is {how.weight}, expected 0 to 1")
    every = np.concatenate([sides.query, sides.gallery])
    every = distance.unit(every) if sides.metric == "cosine" else every
    n, width = len(sides.query), jaccard.width(len(every), k1=how.k1, k2=how.k2, variant="Z")
    near = neighbours.sweep(every, width, farthest=True)
    assert near.farthest is not None
    most = np.square(near.farthest[:n])
    scale = np.float32(how.weight) / np.where(most > 0, most, np.float32(1))
    graph = jaccard.distance(every, k1=how.k1, k2=how.k2, variant="Z", near=near, lines=n)
    half = neighbours.half_squares(every)
    mixed = _Mixed(graph[:, n:].tocsr(), scale, half[:n], half[n:], np.float32(how.weight))
    return sides._replace(query=every[:n], gallery=every[n:]), mixed


@kernel
def _change(start, stop, tile, changed, rows, part, entering, place, mixed):
    """Make products to distances and mix them with the sparse ones.

    tile: f32[>=n >=w], products of the queries `rows` with the gallery rows from part[0] to part[1]
    of `entering`; changed: what is written; place: i64[m], where each gallery row is in `entering`,
    -1: nowhere.
    """
    (pointers, columns, near, scale, half, half_others, weight), (first, end) = mixed, part
    rest = np.float32(1) - weight
    for r in range(start, stop):
        q = rows[r]
        for c in range(end - first):
            both = half[q] + half_others[entering[first + c]] - tile[r, c]
            changed[r, c] = rest + scale[q] * max(2 * both, np.float32(0))
        for e in range(pointers[q], pointers[q + 1]):
            c = place[columns[e]]
            if first <= c < end:
                changed[r, c - first] -= rest * (1 - near[e])
