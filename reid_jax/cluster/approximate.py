"""Labels of very many images, by neighbours that are nearly the nearest, and what that costs, measured every time.

Exact neighbours cost images squared. Here products of short vectors, or an index of faiss, propose candidates, whose
distances are then taken exactly. Pseudo labels are sensitive to missing neighbours, so each call searches some rows
exactly as well, tells the recall and how far the labels differ, and refuses to go on below a recall.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from absl import logging
from jax.experimental import multihost_utils
from jaxtyping import Float, Int
from sklearn.metrics import adjusted_rand_score

from reid_jax.cluster import dbscan, exact, jaccard, neighbours, products, select
from reid_jax.cluster.reliability import singletons

FIT = 20_000  # rows that the principal components are taken from


class Search(NamedTuple):
    """How to find neighbours of more than `above` rows.

    above:  rows up to which the search is exact.
    index:  "PCA512": inner products of that many principal components; or a string of faiss's `index_factory`, as
            "HNSW32" (needs the extra `approximate`).
    pool:   candidates of each row whose distance is taken exactly.
    recall: of the k nearest, the part that must be found; below it the search is exact after all.
    looked: rows that are searched exactly, to measure that.
    """

    above: int = 200_000
    index: str = "PCA512"
    pool: int = 200
    recall: float = 0.999
    looked: int = 10_000


DEFAULT = Search()


def labels(
    features: Float[np.ndarray, "n d"],
    *,
    eps: float | Sequence[float],
    min_samples: int = 4,
    k1: int = 30,
    k2: int = 6,
    how: Search = DEFAULT,
    seed: int = 0,
) -> tuple[Int[np.ndarray, "n"] | Int[np.ndarray, "e n"], dict[str, float]]:
    """DBSCAN on the k-reciprocal Jaccard distance (variant F) for any number of rows.

    Args:
        features: f32[n d], rows of length one.
        eps, min_samples: as in `dbscan.labels`.
        k1, k2: as in `jaccard.distance`.
        how: the approximation, and from where on.
        seed: of the rows that are looked at.

    Returns:
        (labels as `dbscan.labels` gives them, a report): neighbour_recall, of the k nearest of `how.looked` random rows,
        and label_ari, an estimate of the adjusted Rand index of these labels and exact ones (at the middle eps, each
        outlier a label of its own): those rows' neighbours are made exact, and the index by which the labels then
        differ is scaled from those rows to all. Both are 1 where the search was exact.

    Raises:
        ValueError: as `neighbours.search`, `jaccard.distance` and `dbscan.labels`; an index that nobody knows.
        ImportError: an index of faiss without faiss.
    """
    rows = neighbours.check("features", features)
    wanted = jaccard.width(len(rows), k1=k1, k2=k2)
    reach = float(np.max(eps))

    def cluster(near: neighbours.Swept, eps: float | Sequence[float]) -> np.ndarray:
        distance = jaccard.distance(rows, k1=k1, k2=k2, reach=reach, near=near)
        return dbscan.labels(distance, eps=eps, min_samples=min_samples)

    if len(rows) > how.above:
        near = search(rows, wanted, how)
        looked = np.random.default_rng(seed).choice(len(rows), min(how.looked, len(rows)), replace=False)
        truth = _exact(rows, looked, wanted)
        report = {"neighbour_recall": float((near.index[looked, :, None] == truth.index[:, None, :]).any(1).mean())}
        if report["neighbour_recall"] >= how.recall:
            found = cluster(near, eps)
            middle = sorted(np.atleast_1d(eps))[np.size(eps) // 2]
            same = found if np.ndim(eps) == 0 else found[list(eps).index(middle)]
            for whole, part in zip(near[:2], truth[:2], strict=True):
                whole[looked] = part
            changed = 1 - adjusted_rand_score(singletons(same), singletons(cluster(near, middle)))
            report["label_ari"] = max(0.0, 1 - float(changed) * len(rows) / len(looked))
            return found, report
        logging.warning(
            "%s found %.4f of the neighbours, less than the %.4f asked for: searching exactly",
            how.index,
            report["neighbour_recall"],
            how.recall,
        )
    return cluster(neighbours.sweep(rows, wanted), eps), {"neighbour_recall": 1.0, "label_ari": 1.0}


def search(features: Float[np.ndarray, "n d"], k: int, how: Search) -> neighbours.Swept:
    """Nearly the k nearest of each row: those among `how.pool` candidates, with exact distances.

    Args:
        features: f32[n d]. With several processes all call this together.
        k: neighbours of each row, itself counted and first, at most `how.pool`.
        how: the approximation, whatever n.

    Returns:
        neighbours.Swept without `farthest`.

    Raises:
        ValueError: NaN or infinity (the rows are named), a k out of range, or an index that nobody knows.
        ImportError: an index of faiss without faiss.
    """
    rows = neighbours.check("features", features)
    pool = min(how.pool, len(rows))
    if not 1 <= k <= pool:
        raise ValueError(f"k is {k}, expected 1 to {pool}, the candidates of each row")
    if how.index.startswith("PCA") and how.index[3:].isdigit():
        candidates = _project(rows, int(how.index[3:]), pool)
    else:
        candidates = _faiss(rows, how.index, pool)
    index, distance = exact.settle(rows, rows, candidates, k, itself=True)
    return neighbours.Swept(index, distance, None)


def _project(rows: np.ndarray, width: int, pool: int) -> np.ndarray:
    """Candidates by products of principal components; lengths stay those of whole rows. Not centred: neither are products."""
    if not 1 <= width <= rows.shape[1]:
        raise ValueError(f"{width} principal components of vectors {rows.shape[1]} wide")
    sample = rows[:: -(-len(rows) // FIT)]
    _, vectors = np.linalg.eigh(sample.T @ sample)
    components = _agreed(vectors[:, -width:])
    short = np.empty((len(rows), width), jax.numpy.bfloat16)  # the pool is wide enough for three digits
    for start in range(0, len(rows), FIT):
        short[start : start + FIT] = rows[start : start + FIT] @ components
    half = neighbours.half_squares(rows)
    return products.candidates(short, half, short, half, pool).index


def _faiss(rows: np.ndarray, name: str, pool: int) -> np.ndarray:
    """Candidates by an index of faiss."""
    try:
        import faiss
    except ImportError as missing:
        raise ImportError(f"The index {name!r} is faiss's: pip install 'reid_jax[approximate]'") from missing
    try:
        index = faiss.index_factory(rows.shape[1], name)
    except RuntimeError as error:
        raise ValueError(f"{name!r} is neither PCA and a number nor an index that faiss knows") from error
    if not index.is_trained:
        index.train(rows)
    index.add(rows)
    found = np.empty((len(rows), pool), np.int32)
    for start in range(0, len(rows), FIT):
        found[start : start + FIT] = index.search(rows[start : start + FIT], pool)[1]
    itself = np.arange(len(rows))[:, None]
    found[(found < 0) | (found == itself)] = select.NONE
    return _agreed(found)


def _agreed(array: np.ndarray) -> np.ndarray:
    """The first process's, in all of them."""
    return np.asarray(multihost_utils.broadcast_one_to_all(array)) if jax.process_count() > 1 else array


def _exact(rows: np.ndarray, looked: np.ndarray, k: int) -> neighbours.Swept:
    """The k nearest of some rows among all, each row first in its own list."""
    index, distance = neighbours.search(rows[looked], k, among=rows)
    itself = index == looked[:, None]
    index[~itself.any(1), -1] = looked[~itself.any(1)]  # one of more duplicates than k
    order = np.argsort(index != looked[:, None], axis=1, kind="stable")
    return neighbours.Swept(*(np.take_along_axis(part, order, 1) for part in (index, distance)), None)
