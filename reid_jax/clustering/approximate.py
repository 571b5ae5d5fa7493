"""Labels of very many images by approximate nearest neighbours, with the error measured each time.

Exact neighbours cost the square of the number of images. Here products of short vectors, or an
index of faiss, propose candidates, whose distances are then computed exactly. Pseudo labels are
sensitive to missing neighbours. So each call also searches some rows exactly, reports the recall
and how much the labels differ, and falls back to the exact search below a minimal recall.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import jax
import numpy as np
from absl import logging
from jax.experimental import multihost_utils
from jaxtyping import Float, Int

from reid_jax.clustering import dbscan, exact, jaccard, neighbours, products, select
from reid_jax.clustering.reliability import singletons

FIT = 20_000  # rows from which the principal components are computed; also rows of a block


@dataclass(frozen=True)
class Search:
    """How to find the neighbours of more than `above` rows.

    Attributes:
        above: rows up to which the search is exact.
        index: "PCA512", inner products of that many principal components; or a string of faiss's
            `index_factory`, such as "HNSW32" (needs the extra `approximate`).
        pool: candidates of each row whose distances are computed exactly.
        recall: fraction of the k nearest that must be among them; otherwise the search is exact.
        looked: rows that are searched exactly, to measure the recall.
    """

    above: int = 200_000
    index: str = "PCA512"
    pool: int = 200
    recall: float = 0.999
    looked: int = 10_000


DEFAULT = Search()


def cluster(
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

    The report has two figures, both 1 where the search was exact:

    - neighbour_recall: the fraction found of the k nearest of `how.looked` random rows.
    - label_ari: an estimate of the adjusted Rand index of these labels and exact ones, at the
      middle eps, with each outlier a label of its own. The neighbours of the random rows are
      replaced by exact ones, and the change of the index is scaled from those rows to all.

    Args:
        features: f32[n d], rows of length one.
        eps: as in `dbscan.dbscan`.
        min_samples: as in `dbscan.dbscan`.
        k1: as in `jaccard.distance`.
        k2: as in `jaccard.distance`.
        how: the approximation, and the number of rows above which it is used.
        seed: chooses the rows that are searched exactly.

    Returns:
        (labels as from `dbscan.dbscan`, the report by name).

    Raises:
        ValueError: as `neighbours.search`, `jaccard.distance` and `dbscan.dbscan`; or the index is
            unknown.
        ImportError: an index of faiss without faiss.
    """
    rows = neighbours.check("features", features)
    wanted = jaccard.width(len(rows), k1=k1, k2=k2)
    reach = float(np.max(eps))

    def labels_of(near: neighbours.Swept, eps: float | Sequence[float]) -> np.ndarray:
        distance = jaccard.distance(rows, k1=k1, k2=k2, reach=reach, near=near)
        return dbscan.dbscan(distance, eps=eps, min_samples=min_samples)

    if len(rows) > how.above:
        near = search(rows, wanted, how)
        looked = np.random.default_rng(seed).choice(
            len(rows), min(how.looked, len(rows)), replace=False
        )
        truth = _exact(rows, looked, wanted)
        hits = near.neighbours[looked, :, None] == truth.neighbours[:, None, :]
        recall = float(hits.any(1).mean())
        if recall >= how.recall:
            labels = labels_of(near, eps)
            middle = sorted(np.atleast_1d(eps))[np.size(eps) // 2]
            same = labels[list(eps).index(middle)] if isinstance(eps, Iterable) else labels
            near.neighbours[looked], near.distance[looked] = truth.neighbours, truth.distance
            from sklearn.metrics import adjusted_rand_score  # late, as in report

            changed = 1 - adjusted_rand_score(singletons(same), singletons(labels_of(near, middle)))
            ari = max(0.0, 1 - float(changed) * len(rows) / len(looked))
            return labels, {"neighbour_recall": recall, "label_ari": ari}
        logging.warning(
            "%s found %.4f of the neighbours, less than the %.4f asked for: searching exactly",
            how.index,
            recall,
            how.recall,
        )
    labels = labels_of(neighbours.sweep(rows, wanted), eps)
    return labels, {"neighbour_recall": 1.0, "label_ari": 1.0}


def search(features: Float[np.ndarray, "n d"], k: int, how: Search) -> neighbours.Swept:
    """Nearly the k nearest of each row: the nearest among `how.pool` candidates.

    The distances are exact. With several processes, all must call this together.

    Args:
        features: f32[n d].
        k: neighbours of each row, the row itself included as the first, at most `how.pool`.
        how: the approximation; it is used for any n.

    Returns:
        Neighbours and distances; `farthest` is None.

    Raises:
        ValueError: features contain NaN or infinity (the message names the rows), k is out of
            range, or the index is unknown.
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
    """Candidates by the products of principal components and the lengths of whole rows.

    The rows are not centred, so that these products approximate those of the rows.
    """
    if not 1 <= width <= rows.shape[1]:
        raise ValueError(f"{width} principal components of vectors {rows.shape[1]} wide")
    sample = rows[:: -(-len(rows) // FIT)]
    _, vectors = np.linalg.eigh(sample.T @ sample)
    components = _agreed(vectors[:, -width:])
    # The pool is large enough for the three digits of bfloat16.
    short = np.empty((len(rows), width), jax.numpy.bfloat16)
    for start in range(0, len(rows), FIT):
        short[start : start + FIT] = rows[start : start + FIT] @ components
    half = neighbours.half_squares(rows)
    return products.candidates(short, half, short, half, pool).index


def _faiss(rows: np.ndarray, name: str, pool: int) -> np.ndarray:
    """Candidates by an index of faiss."""
    try:
        import faiss
    except ImportError as missing:
        raise ImportError(
            f"The index {name!r} is faiss's: pip install 'reid_jax[approximate]'"
        ) from missing
    try:
        index = faiss.index_factory(rows.shape[1], name)
    except RuntimeError as error:
        raise ValueError(
            f"{name!r} is neither PCA and a number nor an index that faiss knows"
        ) from error
    if not index.is_trained:
        index.train(rows)
    index.add(rows)
    candidates = np.empty((len(rows), pool), np.int32)
    for start in range(0, len(rows), FIT):
        candidates[start : start + FIT] = index.search(rows[start : start + FIT], pool)[1]
    itself = np.arange(len(rows))[:, None]
    candidates[(candidates < 0) | (candidates == itself)] = select.NONE
    return _agreed(candidates)


def _agreed(array: np.ndarray) -> np.ndarray:
    """The first process's array, in all processes."""
    if jax.process_count() > 1:
        return np.asarray(multihost_utils.broadcast_one_to_all(array))
    return array


def _exact(rows: np.ndarray, looked: np.ndarray, k: int) -> neighbours.Swept:
    """The k nearest among all rows of the rows `looked`, each row first in its own list."""
    index, distance = neighbours.search(rows[looked], k, among=rows)
    itself = index == looked[:, None]
    index[~itself.any(1), -1] = looked[~itself.any(1)]  # a row with more duplicates than k
    order = np.argsort(index != looked[:, None], axis=1, kind="stable")
    index, distance = (np.take_along_axis(part, order, 1) for part in (index, distance))
    return neighbours.Swept(index, distance, None)
