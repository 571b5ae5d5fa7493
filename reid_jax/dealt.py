"""What a loss computes of each row by itself, e.g. against a table; devices may share the rows.

Every device takes the loss of all devices' rows, so that what it costs grows with the devices.
Against a table (centroids, a memory, a queue) it would soon cost as much as the network. A loss
passes such a part to `each`, and `parallel.build_step` says by `by` how the rows are dealt. Without
it, all rows are computed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from reid_jax.types import Array

Deal = Callable[..., Any]
_DEAL: ContextVar[Deal | None] = ContextVar("deal", default=None)


def each(function: Callable, *rows: Array) -> Any:
    """Apply a function to rows.

    Args:
        function: of arrays [b ...] to a tree of arrays [b ...]; row i of its results depends on
            row i of each argument and on no other row. What else it uses gets no gradient.
        rows: arrays [b ...].

    Returns:
        function(*rows).
    """
    deal = _DEAL.get()
    return function(*rows) if deal is None else deal(function, *rows)


@contextmanager
def by(deal: Deal) -> Iterator[None]:
    """Within a `with` block, let `each` be deal(function, *rows)."""
    token = _DEAL.set(deal)
    try:
        yield
    finally:
        _DEAL.reset(token)
