"""Where chance comes from: every draw on the street has a name, and the name is its seed."""

import zlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")


def generator(*name: str | int) -> np.random.Generator:
    """Give the generator of the draw called `name`, the same in every process and in any order.

    Args:
        name: words and whole numbers of at least 0, such as ("person", "plaza", 0, 17).

    Returns:
        A fresh generator; two different names give independent ones.
    """
    # A word becomes its checksum, since Python's own hash of a string differs from process to process.
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else int(part) for part in name]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))


def between(rng: np.random.Generator, span: tuple[float, float]) -> float:
    """Draw a number evenly from span = (low, high)."""
    return span[0] + (span[1] - span[0]) * rng.random()


def pick(rng: np.random.Generator, items: Sequence[Item]) -> Item:
    """Draw one of `items` evenly."""
    return items[int(rng.random() * len(items))]


def weigh(rng: np.random.Generator, odds: Sequence[tuple[Item, float]]) -> Item:
    """Draw the first of (item, weight) with probability weight / sum of the weights."""
    left = rng.random() * sum(weight for _, weight in odds)
    for item, weight in odds:
        left -= weight
        if left < 0:
            return item
    return odds[-1][0]
