"""Counts of pairs by cosine, the error rates that follow, and their bootstrap."""

import numpy as np

from reid_jax.retrieval.ranking import of_all

BINS = 8192
EDGES = np.linspace(-1, 1, BINS + 1)
DRAWS = 200  # of the bootstrap
ENOUGH = 10  # false matches that a rate is estimated from, at least
SPREAD = (2.5, 97.5)  # percentiles of the draws that bound an interval


class Tally:
    """Counts of pairs by bin of the cosine, and the same of each draw of a bootstrap.

    A draw takes as many persons (or videos) as there are, some of them several times.

    Attributes:
        counts: f64[bins], whole numbers.
        drawn: f64[draws bins].
    """

    def __init__(self, whom: int):
        """Begin with no pair; whom: how many persons or videos there are."""
        self.counts, self.drawn = np.zeros(BINS), np.zeros((DRAWS, BINS))
        share = np.full(max(1, whom), 1 / max(1, whom))
        self._weight = np.random.default_rng(0).multinomial(whom, share, DRAWS)

    def add(self, who: np.ndarray, counts: np.ndarray) -> None:
        """Add i[k bins] of the persons or videos with the numbers i[k]."""
        self.counts += counts.sum(0)
        self.drawn += self._weight[:, who].astype(np.float64) @ counts

    def gather(self) -> None:
        """Add up those of all processes."""
        self.counts, self.drawn = of_all(self.counts), of_all(self.drawn)

    @property
    def pairs(self) -> int:
        """How many there are."""
        return int(self.counts.sum())

    def reached(self) -> np.ndarray:
        """f64[BINS + 1], the share of pairs with a cosine of at least each of EDGES."""
        return above(self.counts)

    def threshold(self, rate: float) -> tuple[float, float, float]:
        """The least of EDGES that at most a share `rate` reaches, and the 95% interval of it.

        Raises:
            ValueError: the rate is not between 0 and 1, or pairs are too few to tell.
        """
        if not 0 < rate < 1:
            raise ValueError(f"a false match rate of {rate}; choose between 0 and 1, as 0.001")
        if self.pairs * rate < ENOUGH:
            raise ValueError(
                f"a false match rate of {rate:g} needs {ENOUGH / rate:,.0f} pairs of different "
                f"persons, and there are {self.pairs:,}; choose a higher rate or give more pictures"
            )
        low, high = np.percentile([first(above(x), rate) for x in self.drawn if x.any()], SPREAD)
        return first(self.reached(), rate), float(low), float(high)


def bins(cosine: np.ndarray) -> np.ndarray:
    """The bin of each cosine."""
    at = ((cosine + np.float32(1)) * np.float32(BINS / 2)).astype(np.int64)
    return np.clip(at, 0, BINS - 1)


def above(counts: np.ndarray) -> np.ndarray:
    """The share of the counts at and beyond each of EDGES."""
    total = np.cumsum(np.append(counts, 0)[::-1])[::-1]
    return total / total[0] if total[0] else np.full(BINS + 1, np.nan)


def first(share: np.ndarray, rate: float) -> float:
    """The least of EDGES where a falling share is at most `rate`."""
    return float(EDGES[np.argmax(share <= rate)])
