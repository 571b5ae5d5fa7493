"""The nearest rows of an embedding, by cosine, ties by the number of the row.

Lance proposes, numpy disposes: cosines are taken again in float64, and where a row that was left
out could be as near as the last that is kept, more are asked for.
"""

from typing import NamedTuple

import numpy as np

from reid_jax.gallery import schema
from reid_jax.gallery.index import Index, matrix
from reid_jax.gallery.table import Table

SPARE = 8  # rows beyond those that are wanted
ROUNDING = 1e-5  # of a cosine in float32
MORE = 4  # times as many rows, where the spare ones do not do


class Near(NamedTuple):
    """Rows from the nearest on: cosine f64[n], and their columns, `schema.KEYS`, as dicts."""

    cosine: np.ndarray
    row: list[dict]


def nearest(
    table: Table, query: np.ndarray, k: int, where: str = "", index: Index | None = None
) -> Near:
    """The k nearest rows that a predicate means.

    Args:
        table: of the rows.
        query: f32[d], of length one.
        k: how many, at least 1; fewer are found where there are fewer.
        where: the predicate.
        index: how its index is asked; None: every row is looked at, and the answer is exact.
    """
    want = k + SPARE
    while True:
        cosine, found = _proposed(table, query, want, where, index)
        order = np.lexsort((found["row"].to_numpy(), -cosine))
        whole = len(order) < want or index is not None
        # the least cosine of what was proposed bounds that of what was not
        if whole or cosine[order[k - 1]] > cosine.min() + ROUNDING:
            kept = order[:k]
            rows = found.drop_columns(["embedding"]).take(kept).to_pylist()
            return Near(cosine[kept], rows)
        want *= MORE


def _proposed(
    table: Table, query: np.ndarray, want: int, where: str, index: Index | None
) -> tuple[np.ndarray, "object"]:
    """Cosines f64[n] of at most `want` rows that Lance finds nearest, and their columns."""

    def once() -> "object":
        search = table.lance.search(query).distance_type("cosine")
        search = search.select([*schema.KEYS, "embedding", "_distance"]).limit(want)
        if index is None:
            search = search.bypass_vector_index()
        else:
            search = search.nprobes(index.probes).refine_factor(index.refine)
        return (search.where(where, prefilter=True) if where else search).to_arrow()

    found = table.followed(once).drop_columns(["_distance"])
    cosine = matrix(found["embedding"]).astype(np.float64) @ query.astype(np.float64)
    return np.clip(cosine, -1, 1), found
