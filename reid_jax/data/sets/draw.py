"""Draws of training persons, for data sets that publish a number of random splits but no lists."""

from collections.abc import Iterable

import numpy as np

SPLITS = (1, 10)  # the numbers of the draws


def drawn(persons: Iterable[int], count: int, split: int) -> set[int]:
    """`count` of the persons, drawn by the number of the split: the same on every machine."""
    known = np.array(sorted({*persons}))
    return {int(one) for one in np.random.default_rng(split).permutation(known)[:count]}
