"""k-means, by scikit-learn: the labels of MMT-500 and its kin, and of GDS's comparison of clusterings."""

import warnings

import numpy as np
from jaxtyping import Float, Int
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from reid_jax.cluster import neighbours
from reid_jax.cluster.refine import renumber


def labels(features: Float[np.ndarray, "n d"], k: int, *, seed: int, tries: int = 1) -> Int[np.ndarray, "n"]:
    """The nearest of k centres for each row; there are no outliers.

    MMT (Ge et al., ICLR 2020) takes k = 500, 700, 900 on rows of length one; what k GDS used for its comparison is not
    told.

    Args:
        features: f32[n d].
        k: clusters, 1 to n.
        seed: of the first centres.
        tries: from as many seedings, the best of which is taken.

    Returns:
        i64[n], 0 to c - 1; c is below k only where fewer than k rows differ.

    Raises:
        ValueError: NaN or infinity (the rows are named), or k out of range.
    """
    rows = neighbours.check("features", features)
    if not 1 <= k <= len(rows):
        raise ValueError(f"k is {k} and there are {len(rows)} rows; choose k from 1 to {len(rows)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer than k rows that differ: said above
        return renumber(KMeans(k, random_state=seed, n_init=tries).fit_predict(rows))
