"""The published data sets by name."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from reid_jax.data.sets.dukemtmc import dukemtmc
from reid_jax.data.sets.market1501 import market1501
from reid_jax.types import Records


class Set(NamedTuple):
    """A published data set.

    Attributes:
        read: (folder, *, say, option=...) -> Records.
        about: a line about it.
        options: what the reader can be told, by name: the least and the greatest whole number, or
            the words.
    """

    read: Callable[..., Records]
    about: str
    options: Mapping[str, tuple[int, int] | tuple[str, ...]] = {}


SETS = {
    "market1501": Set(market1501, "Market-1501: 751 + 750 persons, 6 cameras"),
    "dukemtmc": Set(
        dukemtmc, "DukeMTMC-reID: 702 + 702 persons, 8 cameras; withdrawn by its authors"
    ),
}
