"""Which rows are meant: a filter of typed values, and the predicate that it is made into.

No text of a caller becomes a part of a predicate but as a quoted value: Lance's dialect of SQL
knows no escape but the doubled quote.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from reid_jax.gallery import moment

TEXTS = {"cameras": "camera", "tracks": "track", "persons": "person", "videos": "video"}
TEXTS["names"] = "name"


class Where(NamedTuple):
    """A filter: a row is meant where all that is given holds; of several values one must.

    Attributes:
        cameras, tracks, persons, videos, names: values of these columns, texts.
        rows: numbers of rows.
        since: the first moment, microseconds since 1970 (UTC).
        until: the first moment that is too late.
    """

    cameras: tuple[str, ...] = ()
    tracks: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    since: int | None = None
    until: int | None = None

    def sql(self) -> str:
        """The predicate; "" where nothing is given."""
        parts = [
            f"{column} IN ({', '.join(map(quoted, getattr(self, name)))})"
            for name, column in TEXTS.items()
            if getattr(self, name)
        ]
        if self.rows:
            parts.append(f"row IN ({', '.join(str(int(row)) for row in self.rows)})")
        if self.since is not None:
            parts.append(f"time >= {int(self.since)}")
        if self.until is not None:
            parts.append(f"time < {int(self.until)}")
        return " AND ".join(parts)


def where(
    *,
    cameras: Any = None,
    tracks: Any = None,
    persons: Any = None,
    videos: Any = None,
    names: Any = None,
    rows: Any = None,
    since: Any = None,
    until: Any = None,
) -> Where:
    """A filter of what callers write.

    Args:
        cameras: one or several; a number is its digits.
        tracks: likewise; tracks of two cameras may bear one name.
        persons: likewise.
        videos: likewise.
        names: likewise.
        rows: numbers of rows.
        since: the first moment, as `moment.micro` takes it.
        until: the first moment that is too late.

    Raises:
        ValueError: a value has another type, a list is empty, or `until` is not after `since`.
    """
    given = {"cameras": cameras, "tracks": tracks, "persons": persons}
    given |= {"videos": videos, "names": names}
    found: dict[str, Any] = {
        name: tuple(text(one, name) for one in _several(values, name))
        for name, values in given.items()
        if values is not None
    }
    if rows is not None:
        found["rows"] = tuple(_whole(one) for one in _several(rows, "rows"))
    first = None if since is None else moment.micro(since, "since")
    last = None if until is None else moment.micro(until, "until")
    if first is not None and last is not None and first >= last:
        raise ValueError(f"until={until} is not after since={since}; no row can lie between")
    return Where(**found, since=first, until=last)


def text(value: Any, name: str) -> str:
    """A text, or the digits of a whole number.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return str(int(value))
    raise ValueError(f"{name}: {value!r} is a {type(value).__name__}; give texts or whole numbers")


def quoted(value: str) -> str:
    """A text as a value of a predicate."""
    return "'" + value.replace("'", "''") + "'"


def _whole(value: Any) -> int:
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value)
    raise ValueError(f"rows: {value!r} is no number of a row")


def _several(values: Any, name: str) -> list[Any]:
    several = isinstance(values, Iterable) and not isinstance(values, str)
    found = list(values) if several else [values]
    if not found:
        raise ValueError(f"{name} is empty, so no row can be meant; leave it out to mean all")
    return found
