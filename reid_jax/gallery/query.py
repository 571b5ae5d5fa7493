"""The nearest rows of an embedding, by cosine, ties by the number of the row.

Without the index every row that is meant is looked at. Cosines are taken in float32 first, and in
float64 of all rows that rounding could have put on the wrong side of the last that is kept.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reid_jax.gallery import schema
from reid_jax.gallery.index import ALL, Index, matrix
from reid_jax.gallery.table import Table

if TYPE_CHECKING:
    import pyarrow as pa

ROUNDING = 1e-5  # of a cosine in float32


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
    if index is None:
        found = table.followed(lambda: _looked(table, query, k, where))
    else:
        found = _asked(table, query, k, where, index)
    number, embedding = found["row"].to_numpy(), matrix(found["embedding"])
    cosine = np.clip(embedding.astype(np.float64) @ query.astype(np.float64), -1, 1)
    order = np.lexsort((number, -cosine))[:k]
    return Near(cosine[order], found.select(schema.KEYS).take(order).to_pylist())


def _looked(table: Table, query: np.ndarray, k: int, where: str) -> "pa.Table":
    """`schema.KEYS` and embeddings of all rows that may be among the k nearest."""
    import pyarrow as pa

    names = [*schema.KEYS, "embedding"]
    found = pa.schema([table.schema.field(name) for name in names]).empty_table()
    near = np.zeros(0, np.float32)
    for batch in table.stream(names, where):
        found = pa.concat_tables([found, pa.Table.from_batches([batch.select(names)])])
        near = np.concatenate([near, matrix(batch["embedding"]) @ query])
        if len(near) > k:
            inside = near >= np.partition(near, -k)[-k] - ROUNDING
            found, near = found.filter(pa.array(inside)), near[inside]
    return found


def _asked(table: Table, query: np.ndarray, want: int, where: str, index: Index) -> "pa.Table":
    """`schema.KEYS` and embeddings of at most `want` rows that the index finds."""
    search = table.lance.search(query).distance_type("cosine").limit(want)
    search = search.select([*schema.KEYS, "embedding", "_distance"])
    if where:
        search = search.nprobes(ALL).refine_factor(index.refine_filtered)
        search = search.where(where, prefilter=True)
    else:
        search = search.nprobes(index.probes).refine_factor(index.refine)
    return table.followed(search.to_arrow)
