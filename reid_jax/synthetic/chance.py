"""Random numbers: every draw has a name, and the name is its seed."""

import zlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")


def generator(*name: str | int) -> np.random.Generator:
    """Make the random generator of the draw called `name`, the same in every process.

    Args:
        name: words and integers of at least 0, such as ("person", "plaza", 0, 17).

    Returns:
        A new generator; those of two different names are independent.
    """
    # Words are replaced by checksums, because Python's hash of a string differs between processes.
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else int(part) for part in name]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))


def between(rng: np.random.Generator, span: tuple[float, float]) -> float:
    """Draw a number uniformly from span = (low, high)."""
    return span[0] + (span[1] - span[0]) * rng.random()


def pick(rng: np.random.Generator, items: Sequence[Item]) -> Item:
    """Draw one of `items` uniformly."""
    return items[int(rng.random() * len(items))]


def weigh(rng: np.random.Generator, odds: Sequence[tuple[Item, float]]) -> Item:
    """Draw an item of the pairs (item, weight), with probability weight / sum of the weights."""
    left = rng.random() * sum(weight for _, weight in odds)
    for item, weight in odds:
        left -= weight
        if left < 0:
            return item
    return odds[-1][0]
