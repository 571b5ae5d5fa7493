"""The tags of the rows that a model is applied to, readable by its layers during `Model.apply`.

A layer receives pixels only, but normalisation by domain and random numbers by row also need the
domain and the index of each row. Passing them through every module would add an argument to every
signature, so they are kept in a context variable for the duration of one `Model.apply`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from reid_jax.types import Array, Tags

_TAGS: ContextVar[Tags | None] = ContextVar("tags", default=None)


@contextmanager
def known(tags: Tags | None) -> Iterator[None]:
    """Set the tags of the rows that a model is applied to, within a `with` block."""
    token = _TAGS.set(tags)
    try:
        yield
    finally:
        _TAGS.reset(token)


def current() -> Tags | None:
    """Return the tags of the rows, or None if none are set (at test)."""
    return _TAGS.get()


def present() -> Array:
    """Which rows are images and not empty places: bool[b].

    Raises:
        ValueError: no tags are set.
    """
    tags = current()
    if tags is None:
        raise ValueError(
            "this encoder leaves out empty places of a batch: give Model.apply the batch's tags"
        )
    return tags.index >= 0
