"""All that a gallery keeps of one person, as far as it knows."""

from typing import Any, NamedTuple

from reid_jax.gallery import feedback, tracks
from reid_jax.gallery.store import Store
from reid_jax.gallery.where import where


class Person(NamedTuple):
    """Rows of one person.

    Attributes:
        rows: their numbers, ascending.
        cameras: how many pictures by each.
        outside: names of the files that the pictures were made of, which are not the gallery's.
    """

    rows: list[int]
    cameras: dict[str, int]
    outside: list[str]


def whole(store: Store, chosen: list[int]) -> Person:
    """Go from rows that a user chose to all that are of the same person.

    Those are the rows of their tracks, those that bear the same person's name in the data, and
    those that were said to be the same, and so on from there.

    Raises:
        ValueError: none of the rows is there.
    """
    rows: dict[int, dict[str, Any]] = {}
    said = [one for one in feedback.read(store.folder) if one.same]
    new = set(chosen)
    while new:
        found = {row["row"]: row for row in store.rows(where(rows=sorted(new)))}
        rows |= found
        more: set[int] = set()
        units = {tracks.key(row) for row in found.values() if row["track"] is not None}
        if units:
            names = sorted({unit[-1] for unit in units})
            own = store.rows(where(tracks=names))
            more |= {row["row"] for row in own if tracks.key(row) in units}
        persons = {row["person"] for row in found.values() if row["person"] is not None}
        if persons:
            more |= {row["row"] for row in store.rows(where(persons=sorted(persons)), ["row"])}
        more |= _said(said, new)
        new = more - rows.keys() - new
    if not rows:
        raise ValueError("none of these pictures is in the gallery any more")
    cameras: dict[str, int] = {}
    for row in rows.values():
        camera = row["camera"] or "unknown"
        cameras[camera] = cameras.get(camera, 0) + 1
    outside = sorted({row["name"] for row in rows.values() if row["name"]})
    return Person(sorted(rows), cameras, outside)


def _said(said: list[feedback.Said], rows: set[int]) -> set[int]:
    """Rows that were said to be the same as some, or as one picture of a user's that is."""
    asked = {one.query for one in said if one.row in rows}
    return {one.row for one in said if one.query in asked | rows} | {
        one for one in asked if isinstance(one, int)
    }
