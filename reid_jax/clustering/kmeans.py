"""k-means by scikit-learn: the labels of MMT-500 and the like, and of GDS's comparison."""

import warnings

import numpy as np
from jaxtyping import Float, Int

from reid_jax.clustering import neighbours
from reid_jax.clustering.refine import renumber


def kmeans(
    features: Float[np.ndarray, "n d"], k: int, *, seed: int, tries: int = 1
) -> Int[np.ndarray, "n"]:
    """The nearest of k centres for each row; there are no outliers.

    MMT (Ge et al., ICLR 2020) uses k = 500, 700 and 900 on rows of length one. GDS does not state
    the k of its comparison.

    Args:
        features: f32[n d].
        k: clusters, 1 to n.
        seed: of the initial centres.
        tries: runs from different initial centres, of which the best is returned.

    Returns:
        i64[n], 0 to c - 1; c is below k only where fewer than k rows are distinct.

    Raises:
        ValueError: features contain NaN or infinity (the message names the rows), or k is out of
            range.
    """
    from sklearn.cluster import KMeans  # late: it takes most of a second
    from sklearn.exceptions import ConvergenceWarning

    rows = neighbours.check("features", features)
    if not 1 <= k <= len(rows):
        raise ValueError(f"k is {k} and there are {len(rows)} rows; choose k from 1 to {len(rows)}")
    with warnings.catch_warnings():
        # scikit-learn warns where fewer than k rows are distinct; the docstring states it
        warnings.simplefilter("ignore", ConvergenceWarning)
        return renumber(KMeans(k, random_state=seed, n_init=tries).fit_predict(rows))
