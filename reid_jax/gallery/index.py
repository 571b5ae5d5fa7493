"""The index: exact search below `ABOVE` rows, IVF with RaBitQ codes above, its recall measured.

Reference:
    Gao and Long, RaBitQ: Quantizing High-Dimensional Vectors with a Theoretical Error Bound for
    Approximate Nearest Neighbor Search, SIGMOD 2024; by LanceDB (IVF_RQ).
"""

import time
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from reid_jax.gallery.table import Table, told

ABOVE = 50_000  # rows from which on there is an index; below, a search looks at every row
TAIL = 0.05  # share of the rows that the index may lack; they are looked at one by one
LEAST_TAIL = 5_000  # rows that it may lack in any case
GROWN = 2.0  # how many times as many rows make its centres stale
SAMPLE = 100  # rows that recall is measured by
BEST = 10  # of recall@10
RECALL = 0.99  # that is asked for
PROBES = (10, 20, 40, 80, 160)  # lists that are looked at: the fewest that do
REFINE = (10, 30)  # times as many rows as are wanted are compared exactly
SEED = 0


class Index(NamedTuple):
    """How the index is asked, and what it was found to find.

    Attributes:
        rows: that there were when its centres were found.
        probes: lists that a search looks at.
        refine: how many times as many rows as are wanted it compares exactly.
        recall: the share of the ten nearest that it finds, of `sample` rows.
        sample: so many rows were looked for.
        seconds: that building and measuring took.
    """

    rows: int
    probes: int
    refine: int
    recall: float
    sample: int
    seconds: float


def built(table: Table) -> Index:
    """Build the index anew, and measure it.

    Raises:
        OSError: the disk is full.
    """
    from lancedb.index import IvfRq

    began, rows = time.monotonic(), table.count()
    with told(table.folder):
        table.lance.create_index("embedding", config=IvfRq(distance_type="cosine"), replace=True)
    found = measured(table, rows)
    return Index(rows, *found, round(time.monotonic() - began, 1))


def lacking(table: Table) -> int | None:
    """How many rows the index lacks; None: there is no index."""
    for one in table.lance.list_indices():
        if one.columns == ["embedding"]:
            return int(table.lance.index_stats(one.name).num_unindexed_rows)
    return None


def due(table: Table, index: Index | None) -> str:
    """What is to be done for the index: "build", "grow" or nothing, ""."""
    rows = table.count()
    if rows < ABOVE:
        return ""
    lacks = lacking(table)
    if index is None or lacks is None or rows > GROWN * index.rows:
        return "build"
    return "grow" if lacks > max(LEAST_TAIL, TAIL * rows) else ""


def measured(table: Table, rows: int) -> tuple[int, int, float, int]:
    """(probes, refine, recall@10 with them, rows looked for): the least of some that do."""
    query, true = _exact(table, rows)
    tried = [probes for probes in PROBES if probes < rows**0.5] + [round(rows**0.5)]
    for probes, refine in product(tried, REFINE):
        found = [approximate(table, one, BEST, probes, refine) for one in query]
        hits = [len(set(one) & set(best)) for one, best in zip(found, true, strict=True)]
        recall = sum(hits) / max(1, sum(map(len, true)))
        if recall >= RECALL:
            break
    return probes, refine, recall, len(query)


def approximate(table: Table, query: np.ndarray, k: int, probes: int, refine: int) -> list[int]:
    """The numbers of the k nearest rows as the index finds them."""
    search: Any = table.lance.search(query).distance_type("cosine").select(["row", "_distance"])
    found = search.nprobes(probes).refine_factor(refine).limit(k).to_arrow()
    return found["row"].to_pylist()


def _exact(table: Table, rows: int) -> tuple[np.ndarray, list[list[int]]]:
    """Some rows' embeddings f32[s d], and the numbers of the nearest of each, by all products."""
    chosen = np.sort(np.random.default_rng(SEED).choice(rows, min(SAMPLE, rows), replace=False))
    query, at = [], 0
    for batch in table.stream(["embedding"]):
        inside = chosen[(chosen >= at) & (chosen < at + len(batch))] - at
        query.append(matrix(batch["embedding"])[inside])
        at += len(batch)
    sample = np.concatenate(query)
    best = np.full((len(sample), 0), -np.inf, np.float32)
    row = np.zeros((len(sample), 0), np.int64)
    for batch in table.stream(["row", "embedding"]):
        cosine = sample @ matrix(batch["embedding"]).T
        best = np.hstack([best, cosine])
        row = np.hstack([row, np.broadcast_to(batch["row"].to_numpy(), cosine.shape)])
        keep = np.argpartition(-best, min(BEST, best.shape[1]) - 1, axis=1)[:, :BEST]
        best, row = np.take_along_axis(best, keep, 1), np.take_along_axis(row, keep, 1)
    return sample, row.tolist()


def matrix(column: Any) -> np.ndarray:
    """A column of embeddings as f32[n d]."""
    width = column.type.list_size
    if hasattr(column, "combine_chunks"):
        column = column.combine_chunks()
    return np.asarray(column.flatten(), np.float32).reshape(-1, width)
