"""How far a mean over queries may be from that of other queries: a bootstrap."""

import numpy as np
from jaxtyping import Float

from reid_jax.retrieval.tally import SPREAD

DRAWS = 1000  # of the bootstrap
BLOCK = 2**22  # numbers drawn at once


def interval(values: Float[np.ndarray, "n k"], *, draws: int = DRAWS) -> np.ndarray:
    """The 95% interval of means over queries, by as many queries drawn from them with repeats.

    Args:
        values: f[n k], figures of each of n queries, as average precision or whether its first
            answer is right.
        draws: how many times. The same queries are drawn for all columns, and for any other
            values of as many queries.

    Returns:
        f64[2 k], the lower and the upper bounds; NaN without a query.

    Raises:
        ValueError: the values are no matrix, or hold NaN: leave out queries that are not valid.

    Reference:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3 (percentiles).

    Departs from the paper:
        nowhere. Queries of one person are alike, so the interval is rather too narrow than too
        wide where there are many of each.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 2 or np.isnan(values).any():
        raise ValueError(f"values are {list(values.shape)}, expected [n k] without NaN")
    if not len(values):
        return np.full((2, values.shape[1]), np.nan)
    rng, n = np.random.default_rng(0), len(values)
    means = np.empty((draws, values.shape[1]))
    step = max(1, BLOCK // n)
    for start in range(0, draws, step):
        rows = rng.integers(0, n, (min(step, draws - start), n))
        for column, those in enumerate(values.T):
            means[start : start + step, column] = those[rows].mean(1)
    return np.percentile(means, SPREAD, axis=0)
