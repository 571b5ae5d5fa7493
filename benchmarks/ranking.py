"""Time and memory of ranking and re-ranking, beside the product, a sort per line and dense arrays.

At the size of Market-1501, without the dense re-ranking, which takes 12 GB there:
    python -m benchmarks.ranking
With it, at half that size:
    python -m benchmarks.ranking --queries=1684 --gallery=9866 --parts=rank,rerank,dense
At the size of MSMT17:
    python -m benchmarks.ranking --queries=11659 --gallery=82161 --parts=product,rank
More than a matrix of distances could hold:
    python -m benchmarks.ranking --queries=20000 --gallery=200000 --width=512 --parts=product,rank

Each part runs in a process of its own, one after the other, `--rounds` times, so that what else
the machine does falls on all of them. `product` multiplies blocks and forgets them: less cannot be
done. `sorted` sorts each line of the same blocks, as this project once did. Memory is the peak
above what the process holds before, which are the embeddings and compiled programs. The embeddings
are random: a centre for each person, noise around it; a seventh of the gallery is distractors.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from absl import app, flags

_QUERIES = flags.DEFINE_integer("queries", 3368, "rows of the query", 1)
_GALLERY = flags.DEFINE_integer("gallery", 19732, "rows of the gallery", 1)
_WIDTH = flags.DEFINE_integer("width", 2048, "numbers of an embedding", 1)
_PERSONS = flags.DEFINE_integer("persons", 0, "persons; 0: one for 4.5 queries", 0)
_NOISE = flags.DEFINE_float("noise", 3.4, "around each person, in units of a person's spread")
_PARTS = flags.DEFINE_list("parts", ["product", "sorted", "rank", "rerank"], "what is measured")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "times that each part runs; medians are printed", 1)
_SEED = flags.DEFINE_integer("seed", 0, "of the embeddings")
_PART = flags.DEFINE_string("part", "", "one of the parts, in a process of its own")
_FOLDER = flags.DEFINE_string("folder", "", "of the embeddings")

NAMES = ("query_person", "gallery_person", "query_camera", "gallery_camera")
BLOCK = 2048
Data = tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]


def drawn(queries: int, gallery: int, width: int, persons: int, noise: float, seed: int) -> Data:
    """Embeddings of both sides, rows of length one, and persons and cameras by name."""
    rng = np.random.default_rng(seed)
    centre = rng.standard_normal((persons + 1, width), np.float32)
    centre[0] = 0
    sides = []
    person = rng.integers(1, persons + 1, queries), rng.integers(1, persons + 1, gallery)
    person[1][rng.random(gallery) < 1 / 7] = 0
    for whose in person:
        rows = np.empty((len(whose), width), np.float32)
        for start in range(0, len(rows), BLOCK):
            part = slice(start, min(start + BLOCK, len(rows)))
            rows[part] = rng.standard_normal((part.stop - start, width), np.float32)
            rows[part] = centre[whose[part]] + noise * rows[part]
            rows[part] /= np.linalg.norm(rows[part], axis=1, keepdims=True)
        sides.append(rows)
    camera = (rng.integers(0, 6, len(whose)) for whose in person)
    return sides[0], sides[1], dict(zip(NAMES, (*person, *camera), strict=True))


def product(query: np.ndarray, gallery: np.ndarray, named: dict) -> dict:
    """Multiply all blocks on the device."""
    from reid_jax import distance

    for start in range(0, len(query), 2 * BLOCK):
        for other in range(0, len(gallery), BLOCK):
            last = distance.product(
                query[start : start + 2 * BLOCK], gallery[other : other + BLOCK]
            )
        last.block_until_ready()
    return {}


def sorted_lines(query: np.ndarray, gallery: np.ndarray, named: dict) -> dict:
    """Rank by a sort of each line of distances, 2**25 of them at once."""
    from reid_jax import distance

    step = max(1, 2**25 // len(gallery))
    parts = (
        np.asarray(distance.cosine(query[start : start + step], gallery))
        for start in range(0, len(query), step)
    )
    return {"mAP": mean_ap((line for part in parts for line in part), named)}


def mean_ap(lines: object, named: dict) -> float:
    """The mAP of lines of distances, each sorted."""
    scores = []
    for row, line in enumerate(lines):  # type: ignore[arg-type,var-annotated]
        same = named["gallery_person"] == named["query_person"][row]
        junk = same & (named["gallery_camera"] == named["query_camera"][row])
        line = np.where(junk, np.inf, line)
        match, ascending = np.flatnonzero(same & ~junk), np.sort(line)
        ranks = 1 + np.searchsorted(ascending, line[match], "left")
        for tied in np.flatnonzero(np.searchsorted(ascending, line[match], "right") > ranks):
            ranks[tied] += np.count_nonzero(line[: match[tied]] == line[match[tied]])
        ranks.sort()
        if len(ranks):
            scores.append((np.arange(1, len(ranks) + 1) / ranks).mean())
    return float(np.mean(scores))


def rank(query: np.ndarray, gallery: np.ndarray, named: dict) -> dict:
    """Rank as this project does."""
    from reid_jax.retrieval import ranking

    return {"mAP": ranking.rank(query, gallery, **named).mean_ap}


def rerank(query: np.ndarray, gallery: np.ndarray, named: dict) -> dict:
    """Re-rank as this project does."""
    from reid_jax.retrieval import rerank as ours

    return {"mAP": ours.rank(query, gallery, **named).mean_ap}


def dense(query: np.ndarray, gallery: np.ndarray, named: dict) -> dict:
    """Re-rank with arrays [n + m, n + m], each line sorted, as the published code does."""
    k1, k2, weight = 20, 6, np.float32(0.3)
    every, n = np.concatenate([query, gallery]), len(query)
    far = np.maximum(2 - 2 * (every @ every.T), 0)
    far /= far.max(1)[:, None]
    order = np.argsort(far).astype(np.int32)

    def reciprocal(i: int, k: int) -> np.ndarray:
        near = order[i, : k + 1]
        return near[(order[near, : k + 1] == i).any(1)]

    vector = np.zeros_like(far)
    for i in range(len(every)):
        first = members = reciprocal(i, k1)
        for q in first:
            half = reciprocal(q, k1 // 2)
            if len(np.intersect1d(half, first)) > 2 / 3 * len(half):
                members = np.append(members, half)
        members = np.unique(members)
        value = np.exp(-far[i, members])
        vector[i, members] = value / value.sum()
    far = far[:n].copy()
    mean = np.empty_like(vector)
    for i in range(len(every)):
        mean[i] = vector[order[i, :k2]].mean(0)
    del order, vector
    holders = [np.flatnonzero(mean[:, j]) for j in range(len(every))]
    for i in range(n):
        shared = np.zeros(len(every), np.float32)
        for j in np.flatnonzero(mean[i]):
            shared[holders[j]] += np.minimum(mean[i, j], mean[holders[j], j])
        far[i] = (1 - weight) * (1 - shared / (2 - shared)) + weight * far[i]
    return {"mAP": mean_ap(far[:, n:], named)}


PARTS = {
    "product": product,
    "sorted": sorted_lines,
    "rank": rank,
    "rerank": rerank,
    "dense": dense,
}


def measure(part: str, folder: Path) -> dict:
    """Run one part in this process; returns seconds, bytes and its mAP."""
    query, gallery = np.load(folder / "query.npy"), np.load(folder / "gallery.npy")
    named = dict(np.load(folder / "named.npz"))
    if part in ("product", "sorted", "rank") and len(query) * len(gallery) < 2**27:
        PARTS[part](query, gallery, named)  # compile
    elif part != "dense":
        tried = {"query": BLOCK, "gallery": 2 * BLOCK}
        some = {name: column[: tried[name.split("_")[0]]] for name, column in named.items()}
        PARTS[part](query[:BLOCK], gallery[: 2 * BLOCK], some)
    before, started = held(), _now()
    answer = PARTS[part](query, gallery, named)
    wall, cpu = (now - then for now, then in zip(_now(), started, strict=True))
    return {"wall": wall, "cpu": cpu, "peak": max(0, peak() - before), **answer}


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def held() -> int:
    """Bytes of memory that this process has now, where the system says so."""
    path = Path("/proc/self/statm")
    return int(path.read_text().split()[1]) * resource.getpagesize() if path.exists() else peak()


def peak() -> int:
    """Bytes of memory that this process has had at most."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main(_: list[str]) -> None:
    """Measure, and print the medians and what they are in units of the product."""
    if _PART.value:
        print(json.dumps(measure(_PART.value, Path(_FOLDER.value))))
        return
    persons = _PERSONS.value or max(2, round(_QUERIES.value / 4.5))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        query, gallery, named = drawn(
            _QUERIES.value, _GALLERY.value, _WIDTH.value, persons, _NOISE.value, _SEED.value
        )
        np.save(folder / "query.npy", query)
        np.save(folder / "gallery.npy", gallery)
        np.savez(folder / "named.npz", **named)
        print(f"{len(query):,} x {len(gallery):,} x {query.shape[1]}, {persons:,} persons")
        del query, gallery
        every: dict[str, list[dict]] = {part: [] for part in _PARTS.value}
        for _round in range(_ROUNDS.value):
            for part in _PARTS.value:
                every[part].append(apart(part, folder))
    figures = {
        part: {name: float(np.median([one[name] for one in runs])) for name in runs[0]}
        for part, runs in every.items()
    }
    base = figures.get("product")
    for part, one in figures.items():
        line = f"{part:8} {one['wall']:8.2f} s wall {one['cpu']:8.2f} s cpu "
        line += f"{one['peak'] / 2**30:6.2f} GiB above the embeddings"
        if base and part != "product":
            line += f"  x product: {one['wall'] / base['wall']:.2f} wall"
            line += f" {one['cpu'] / base['cpu']:.2f} cpu"
        print(line + (f"  mAP {100 * one['mAP']:.6f}" if "mAP" in one else ""), flush=True)


def apart(part: str, folder: Path) -> dict:
    """Run a part in a new process; an error in it ends the benchmark."""
    command = [sys.executable, "-m", "benchmarks.ranking", f"--part={part}", f"--folder={folder}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    app.run(main)
