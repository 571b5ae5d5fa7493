"""Draws of training persons, for data sets that publish a number of random splits but no lists."""

from collections.abc import Iterable

import numpy as np

from reid_jax.data.sets.listing import Row

SPLITS = (1, 10)  # the numbers of the draws


def half(persons: Iterable[int], split: int) -> set[int]:
    """Half of the persons, rounded down, drawn by the split's number: the same everywhere."""
    known = np.array(sorted({*persons}))
    order = np.random.default_rng(split).permutation(known)
    return {int(one) for one in order[: len(known) // 2]}


def by_camera(rows: list[Row], split: int) -> list[Row]:
    """The rows, with the persons that are not in `half` tested: camera 0 is the query."""
    train = half((row.person for row in rows), split)
    return [
        row if row.person in train else row._replace(split="gallery" if row.camera else "query")
        for row in rows
    ]
