"""What layers may know of the rows that pass through: their domain and index, while a model is being applied.

A layer sees pixels only; normalisation by domain and random numbers by row need more. Handing it through every module
would put it into every signature, so it is laid down here for the time of one `Model.apply`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from reid_jax.types import Array, Tags

_TAGS: ContextVar[Tags | None] = ContextVar("tags", default=None)


@contextmanager
def known(tags: Tags | None) -> Iterator[None]:
    """Lay down the tags of the rows that a model is applied to."""
    token = _TAGS.set(tags)
    try:
        yield
    finally:
        _TAGS.reset(token)


def current() -> Tags | None:
    """The tags of the rows, or None where nobody laid any down (at test)."""
    return _TAGS.get()


def there() -> Array:
    """bool[b]: the rows that are pictures, and no empty places. Raises ValueError where nobody laid tags down."""
    if current() is None:
        raise ValueError("this encoder leaves out empty places of a batch: give Model.apply the batch's tags")
    return current().index >= 0
