"""What a track looked like: its last embeddings, and how far boxes are from them."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from jaxtyping import Float
from threadpoolctl import ThreadpoolController


def added(
    gallery: Float[np.ndarray, "k d"], embedding: Float[np.ndarray, "d"], budget: int
) -> Float[np.ndarray, "j d"]:
    """The gallery with one embedding more, the newest last, of which `budget` are kept."""
    return np.concatenate([gallery[max(0, len(gallery) + 1 - budget) :], embedding[None]])


def distances(
    galleries: Sequence[np.ndarray], embedding: Float[np.ndarray, "m d"]
) -> Float[np.ndarray, "n m"]:
    """The least cosine distance of each box to any embedding of each track (eq. 2).

    It is 1 - max_k r_k^T r_j, in [0, 2].
    """
    if not galleries or not len(embedding):
        return np.zeros((len(galleries), len(embedding)))
    start = np.cumsum([0, *map(len, galleries[:-1])])
    rows = np.concatenate(galleries)
    with _blas().limit(limits=1, user_api="blas"):  # threads cost more than so little work
        together = rows @ embedding.T
    return 1.0 - np.maximum.reduceat(together, start).astype(float)


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()
