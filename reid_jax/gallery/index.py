"""The index: exact search below `ABOVE` rows, IVF with RaBitQ codes above, its recall measured.

With it, the columns that filters name most have indices of their values, `VALUES`.

Reference:
    Gao and Long, RaBitQ: Quantizing High-Dimensional Vectors with a Theoretical Error Bound for
    Approximate Nearest Neighbor Search, SIGMOD 2024; by LanceDB (IVF_RQ).
"""

import time
from typing import Any, NamedTuple

import numpy as np

from reid_jax.gallery.table import Table, told

Probes = tuple[int, int]
ABOVE = 50_000  # rows from which on there is an index; below, a search looks at every row
TAIL = 0.05  # share of the rows that the index may lack; they are looked at one by one
LEAST_TAIL = 5_000  # rows that it may lack in any case
GROWN = 2.0  # how many times as many rows make its centres stale
SAMPLE = 100  # rows that recall is measured by
BEST = 10  # of recall@10
RECALL = 0.995  # that is asked for: each row of the sample finds itself, strangers find less
PROBES = (10, 20, 30, 40, 60, 80, 120, 160)  # lists that are looked at: the fewest that do
ALL = 100_000  # as many lists as there are
REFINE = (10, 30, 100)  # times as many rows as are wanted are compared exactly
REFINE_FILTERED = (30, 100, 200, 300, 500, 1000)  # what a filter leaves is farther away, and alike
PART = 20
FILTER = f"row % {PART} = 0"
SEED = 0
VALUES = {"camera": "Bitmap", "time": "BTree"}  # classes of lancedb.index


class Index(NamedTuple):
    """How the index is asked, and what it was found to find.

    Attributes:
        rows: that there were when its centres were found.
        probes: lists that a search looks at; with a filter it looks at all.
        refine: how many times as many rows as are wanted it compares exactly.
        recall: the share of the ten nearest that it finds, of `sample` rows.
        refine_filtered: as `refine`, with a filter.
        recall_filtered: as `recall`, where a filter leaves one row in `PART`.
        sample: so many rows were looked for.
        seconds: that building and measuring took.
    """

    rows: int
    probes: int
    refine: int
    recall: float
    refine_filtered: int
    recall_filtered: float
    sample: int
    seconds: float


def built(table: Table) -> Index:
    """Build the index anew, and measure it.

    Raises:
        OSError: the disk is full.
    """
    from lancedb.index import IvfRq

    began, rows = time.monotonic(), table.count()
    index_values(table)
    with told(table.folder):
        table.lance.create_index("embedding", config=IvfRq(distance_type="cosine"), replace=True)
    query, true, part = _exact(table, rows)
    tried = [(probes, refine) for probes in (*PROBES, ALL) for refine in REFINE]
    (probes, refine), recall = _least(table, query, true, tried)
    filtered = [(ALL, refine) for refine in REFINE_FILTERED]
    (_, more), share = _least(table, query, part, filtered, FILTER)
    spent = round(time.monotonic() - began, 1)
    return Index(rows, probes, refine, recall, more, share, len(query), spent)


def index_values(table: Table) -> None:
    """Make the indices of `VALUES` that are missing, of all rows; less than a second for a million.

    Raises:
        OSError: the disk is full.
    """
    from lancedb import index

    there = _indices(table)
    with told(table.folder):
        for column, kind in VALUES.items():
            if column not in there:
                table.lance.create_index(column, config=getattr(index, kind)())


def drop_values(table: Table) -> None:
    """Remove the indices of `VALUES`, whose files keep values of rows that were deleted."""
    there = _indices(table)
    with told(table.folder):
        for column in VALUES:
            if column in there:
                table.lance.drop_index(there[column])


def lacking(table: Table) -> int | None:
    """How many rows the index lacks; None: there is no index."""
    name = _indices(table).get("embedding")
    return None if name is None else int(table.lance.index_stats(name).num_unindexed_rows)


def _indices(table: Table) -> dict[str, str]:
    """The names of the indices that there are, by column."""
    return {one.columns[0]: one.name for one in table.lance.list_indices()}


def due(table: Table, index: Index | None) -> str:
    """What is to be done for the indices: "build", "grow" or nothing, ""."""
    rows = table.count()
    if rows < ABOVE:
        return ""
    lacks = lacking(table)
    if index is None or lacks is None or rows > GROWN * index.rows:
        return "build"
    if VALUES.keys() - _indices(table).keys():
        return "grow"
    return "grow" if lacks > max(LEAST_TAIL, TAIL * rows) else ""


def _least(
    table: Table, query: np.ndarray, true: list, tried: list[Probes], where: str = ""
) -> tuple[Probes, float]:
    """The first (probes, refine) of those tried that find `RECALL`, or the last; what they find."""
    for probes, refine in tried:
        hits = 0
        for one, best in zip(query, true, strict=True):
            search: Any = table.lance.search(one).distance_type("cosine").limit(BEST)
            search = search.where(where, prefilter=True) if where else search
            search = search.select(["row", "_distance"]).nprobes(probes).refine_factor(refine)
            hits += len(set(search.to_arrow()["row"].to_pylist()) & set(best))
        recall = hits / max(1, sum(map(len, true)))
        if recall >= RECALL:
            break
    return (probes, refine), recall


def _exact(table: Table, rows: int) -> tuple[np.ndarray, list, list]:
    """Some rows' embeddings f32[s d]; numbers of the nearest of each, of all and with `FILTER`."""
    chosen = np.sort(np.random.default_rng(SEED).choice(rows, min(SAMPLE, rows), replace=False))
    query, at = [], 0
    for batch in table.stream(["embedding"]):
        inside = chosen[(chosen >= at) & (chosen < at + len(batch))] - at
        query.append(matrix(batch["embedding"])[inside])
        at += len(batch)
    sample = np.concatenate(query)
    every, part = _Best(len(sample)), _Best(len(sample))
    for batch in table.stream(["row", "embedding"]):
        row, cosine = batch["row"].to_numpy(), sample @ matrix(batch["embedding"]).T
        every.add(row, cosine)
        part.add(row[row % PART == 0], cosine[:, row % PART == 0])
    return sample, every.row.tolist(), part.row.tolist()


class _Best:
    """The numbers i64[s BEST] of the rows of the highest cosines of s queries so far."""

    def __init__(self, queries: int):
        self.row = np.zeros((queries, 0), np.int64)
        self._cosine = np.zeros((queries, 0), np.float32)

    def add(self, row: np.ndarray, cosine: np.ndarray) -> None:
        if not len(row):
            return
        every = np.hstack([self._cosine, cosine])
        rows = np.hstack([self.row, np.broadcast_to(row, cosine.shape)])
        keep = np.argpartition(-every, min(BEST, every.shape[1] - 1), axis=1)[:, :BEST]
        self._cosine = np.take_along_axis(every, keep, 1)
        self.row = np.take_along_axis(rows, keep, 1)


def matrix(column: Any) -> np.ndarray:
    """A column of embeddings as f32[n d]."""
    width = column.type.list_size
    if hasattr(column, "combine_chunks"):
        column = column.combine_chunks()
    return np.asarray(column.flatten(), np.float32).reshape(-1, width)
