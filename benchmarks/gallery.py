"""Time, disk and recall of a gallery, beside exact search by numpy.

    python -m benchmarks.gallery
    python -m benchmarks.gallery --rows=1000000
    python -m benchmarks.gallery --rows=5000000

The embeddings are random: a centre for each person, 20 rows around it at a cosine of 0.7 to each
other, by 20 cameras over 30 days. Queries are further pictures of persons who are there. `filtered`
looks at 3 cameras in 10 of the days; by turns with the indices of cameras and times and without
them, where there is an index. Recall is the share of the ten nearest by numpy, float32.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from absl import app, flags

from reid_jax.gallery import index as indexing
from reid_jax.gallery.index import matrix
from reid_jax.gallery.store import Store, make
from reid_jax.gallery.where import Where, where

_ROWS = flags.DEFINE_integer("rows", 100_000, "rows of the gallery", 100)
_WIDTH = flags.DEFINE_integer("width", 512, "numbers of an embedding", 2)
_QUERIES = flags.DEFINE_integer("queries", 200, "queries that are timed", 1)
_COSINE = flags.DEFINE_float("cosine", 0.7, "of two rows of a person", 0.01, 1)
_SEED = flags.DEFINE_integer("seed", 0, "of the embeddings")
_FOLDER = flags.DEFINE_string("folder", None, "where the gallery is made; none: a temporary place")

PERSON, CAMERAS, PIECE, BEST, TURNS = 20, 20, 50_000, 10, 5
BEGIN, DAYS = 1_777_593_600, 30
FILTER = {"cameras": [1, 2, 3], "since": BEGIN + 5 * 86_400, "until": BEGIN + 15 * 86_400}


class People:
    """Embeddings that are drawn piece by piece, the same ones whenever they are asked for."""

    def __init__(self, rows: int, width: int, cosine: float, seed: int):
        self.rows, self.seed = rows, seed
        self.spread = np.float32((1 / cosine - 1) ** 0.5)
        rng = np.random.default_rng(seed)
        self.centre = rng.standard_normal((-(-rows // PERSON), width), np.float32)

    def drawn(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Rows of random persons, of length one."""
        noise = rng.standard_normal((n, self.centre.shape[1]), np.float32)
        rows = self.centre[rng.integers(0, len(self.centre), n)] + self.spread * noise
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def pieces(self) -> Iterator[tuple[np.ndarray, dict]]:
        """Embeddings and what is known of them."""
        for start in range(0, self.rows, PIECE):
            rng = np.random.default_rng([self.seed, start])
            n = min(PIECE, self.rows - start)
            camera = rng.integers(0, CAMERAS, n).tolist()
            at = BEGIN + (start + np.arange(n)) * (DAYS * 86_400 / self.rows)
            yield self.drawn(rng, n), {"camera": camera, "time": at.tolist()}


def times(asked: np.ndarray, body: Callable[[np.ndarray], object]) -> list[float]:
    """Milliseconds of each query."""
    spent = []
    for one in asked:
        began = time.perf_counter()
        body(one)
        spent.append(1000 * (time.perf_counter() - began))
    return spent


def timed(asked: np.ndarray, body: Callable[[np.ndarray], object]) -> tuple[float, float]:
    """(median, 95th percentile) of milliseconds."""
    spent = times(asked, body)
    return float(np.median(spent)), float(np.percentile(spent, 95))


def exact(store: Store, asked: np.ndarray, which: Where | None = None) -> list[set[int]]:
    """The numbers of the nearest of each query, by all products."""
    kept = None if which is None else {one["row"] for one in store.rows(which, ["row"])}
    best = np.full((len(asked), 0), -np.inf, np.float32)
    number = np.zeros((len(asked), 0), np.int64)
    for batch in store._rows.stream(["row", "embedding"]):
        row, rows = batch["row"].to_numpy(), matrix(batch["embedding"])
        if kept is not None:
            inside = np.array([one in kept for one in row.tolist()])
            row, rows = row[inside], rows[inside]
        best = np.hstack([best, asked @ rows.T])
        number = np.hstack([number, np.broadcast_to(row, (len(asked), len(row)))])
        keep = np.argpartition(-best, min(BEST, best.shape[1]) - 1, axis=1)[:, :BEST]
        best = np.take_along_axis(best, keep, 1)
        number = np.take_along_axis(number, keep, 1)
    return [set(one) for one in number.tolist()]


def recall(store: Store, asked: np.ndarray, which: Where | None = None) -> float:
    """The share of the nearest that the gallery finds."""
    true = exact(store, asked, which)
    found = [{one.row for one in store.search(query, where=which).matches} for query in asked]
    return sum(len(a & b) for a, b in zip(true, found, strict=True)) / sum(map(len, true))


def turns(store: Store, asked: np.ndarray, which: Where) -> Iterator[str]:
    """Lines of a filter with indices of values and without: the same queries, by turns."""
    ways = {"with": indexing.index_values, "without": indexing.drop_values}
    spent: dict[str, list[float]] = {name: [] for name in ways}
    load = [os.getloadavg()[0]]
    for part in np.array_split(asked, TURNS):
        for name, change in ways.items():
            change(store._rows)
            store.search(part[0], where=which)  # the first reads the index
            spent[name] += times(part, partial(store.search, where=which))
        load.append(os.getloadavg()[0])
    indexing.index_values(store._rows)
    for name, one in spent.items():
        told = f"{np.median(one):8.1f} ms, p95 {np.percentile(one, 95):.1f} ms, load {load[0]:.1f}"
        yield f"  {name:9} {told} to {load[-1]:.1f}, {name} indices of cameras and times"


def measure(folder: Path) -> Iterator[str]:
    """Lines of figures."""
    people = People(_ROWS.value, _WIDTH.value, _COSINE.value, _SEED.value)
    make(folder, "drawn", _WIDTH.value)
    store, spent = Store(folder), 0.0
    for rows, known in people.pieces():
        began = time.perf_counter()
        store.add(rows, **known, maintain=False)
        spent += time.perf_counter() - began
    yield f"written     {spent:8.1f} s, {_ROWS.value / spent:,.0f} rows a second"
    began = time.perf_counter()
    store.maintain()
    index = store.info()["index"]
    told = "no index" if index is None else f"its own recall {index['recall']:.3f}, {index}"
    yield f"index       {time.perf_counter() - began:8.1f} s, {told}"
    yield f"disk        {store.info()['bytes'] / 1e9:8.2f} GB"
    asked = people.drawn(np.random.default_rng(_SEED.value + 1), _QUERIES.value)
    began = time.perf_counter()
    Store(folder).search(asked[0])
    yield f"opened      {time.perf_counter() - began:8.2f} s, with the first query"
    few, which = asked[:100], where(**FILTER)
    for name, of, own in (("query", None, asked), ("filtered", which, asked)):
        median, late = timed(own, lambda one, of=of: store.search(one, where=of))
        share = recall(store, few, of)
        yield f"{name:11} {median:8.1f} ms, p95 {late:.1f} ms, recall@10 {share:.4f}"
    if index is not None:
        yield from turns(store, asked, which)
    if _ROWS.value * _WIDTH.value <= 2**30:
        held = matrix(store._rows.read(["embedding"])["embedding"])
        median, late = timed(few[:20], lambda one: np.argpartition(-(held @ one), BEST)[:BEST])
        yield f"numpy       {median:8.1f} ms, p95 {late:.1f} ms, exact, all in memory"
        del held
    began = time.perf_counter()
    store.remove(where(rows=range(1000, 1010)), erase=False)
    yield f"removed     {time.perf_counter() - began:8.2f} s, from all answers, 10 rows"
    began = time.perf_counter()
    with store.writing():
        yield f"erased      {time.perf_counter() - began:8.1f} s, from the disk"
    yield f"query       recall@10 {recall(store, few):.4f} then"
    unit = 1 if sys.platform == "darwin" else 1024
    yield f"memory      {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9:8.2f} GB"


def main(_: list[str]) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        print(f"{_ROWS.value:,} x {_WIDTH.value}", flush=True)
        for line in measure(Path(_FOLDER.value or name) / "gallery"):
            print(line, flush=True)


if __name__ == "__main__":
    app.run(main)
