"""The spread of means over queries, and over seeds, by bootstrap: all groups share the draws."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from reid_jax.retrieval.tally import SPREAD

DRAWS = 10_000
BLOCK = 1 << 22  # drawn rows in memory


class Spread(NamedTuple):
    """What the draws of a mean say of it.

    Attributes:
        deviation: their standard deviation.
        low, high: the bounds of 95% of them.
    """

    deviation: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2


def spread(draws: np.ndarray) -> Spread:
    """The spread of draws f64[m]."""
    low, high = np.percentile(draws, SPREAD)
    return Spread(float(draws.std()), float(low), float(high))


def interval(values: np.ndarray) -> np.ndarray:
    """The 95% intervals of means over queries.

    Args:
        values: f[n k], k figures of each of n queries, without NaN. The same queries are drawn for
            all figures.

    Returns:
        f64[2 k], the lower and the upper bounds; NaN without a query. Queries of one person are
        alike, so they are rather too narrow than too wide where there are many of each.
    """
    values = np.asarray(values, np.float64)
    if not len(values):
        return np.full((2, values.shape[1]), np.nan)
    return np.percentile(resampled([values[None]])[0], SPREAD, axis=0)


def resampled(
    groups: Sequence[np.ndarray], *, draws: int = DRAWS, seed: int = 0
) -> list[np.ndarray]:
    """Means of values over resampled queries and, of a group of several seeds, resampled seeds.

    In each draw n of the n queries are taken with replacement, the same for all groups and seeds,
    so that the difference of two groups is paired. Of a group of s > 1 seeds s - 1 are taken, on
    their own: the variance of the draws is then that of a mean of s seeds, without bias.

    Args:
        groups: f64[s n k] each, k values of n queries by s seeds; n and k are those of all.
        draws: how many.
        seed: of the draws.

    Returns:
        f64[draws k] of each group.

    Raises:
        ValueError: there is no query, or groups differ in their queries.

    Reference:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 6 and 13 (percentile
        intervals); Rao and Wu, Resampling Inference With Complex Survey Data, JASA 1988, section 2
        (n - 1 of n).

    Departs from the paper:
        nowhere.
    """
    shapes = {group.shape[1:] for group in groups}
    if len(shapes) != 1 or not next(iter(shapes))[0]:
        raise ValueError(f"groups of {sorted(shapes)} queries and values; all need the same, some")
    ((n, k),) = shapes
    rng = np.random.default_rng(seed)
    flat = np.concatenate([group.transpose(1, 0, 2).reshape(n, -1) for group in groups], 1)
    sums = np.empty((draws, flat.shape[1]))
    step = max(1, BLOCK // n)
    for start in range(0, draws, step):
        few = min(step, draws - start)
        sums[start : start + few] = _counts(rng, n, n, few) @ flat
    found, ends = [], np.cumsum([0, *(len(group) * k for group in groups)])
    for group, first, end in zip(groups, ends, ends[1:], strict=False):
        seeds = len(group)
        of_seeds = sums[:, first:end].reshape(draws, seeds, k) / n
        if seeds == 1:
            found.append(of_seeds[:, 0])
            continue
        weight = _counts(rng, seeds, seeds - 1, draws) / (seeds - 1)
        found.append(np.einsum("dsk,ds->dk", of_seeds, weight))
    return found


def _counts(rng: np.random.Generator, n: int, taken: int, draws: int) -> np.ndarray:
    """How often each of n is among so many taken with replacement, f64[draws n]."""
    rows = rng.integers(0, n, (draws, taken)) + n * np.arange(draws)[:, None]
    return np.bincount(rows.ravel(), minlength=draws * n).reshape(draws, n).astype(np.float64)
