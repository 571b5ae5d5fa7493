"""The same picture in two parts of the data, which makes a test easier than it seems.

Two files are one picture where their bytes are; pixels in memory, where these and their shape are.
Only what has an equal in size is read. Pictures that are drawn as they are asked for are not looked
at, and of a large part only `MOST`, evenly spread.
"""

import hashlib
import os
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from reid_jax.data import records as reading
from reid_jax.types import Images, Records

MOST = 20_000  # pictures of a part that are looked at
THREADS, CHUNK = 8, 256
NO_EFFECT = "none of them counts as a match"
Item = str | bytes | np.ndarray


class Copies(NamedTuple):
    """Pictures of one part that are in another one too.

    Attributes:
        found: row of the one -> i64[k], the rows of the other that are the same picture.
        looked: pictures of each that were looked at.
    """

    found: dict[int, np.ndarray]
    looked: tuple[int, int]


def copies(one: Records, other: Records, *, most: int = MOST) -> Copies:
    """Find the pictures of `one` that are in `other` too.

    Args:
        one: a part of the data.
        other: another.
        most: pictures of each that are looked at; of more, evenly spread ones.
    """
    images, rows = (one.image, other.image), [_rows(part.image, most) for part in (one, other)]
    with ThreadPoolExecutor(THREADS) as pool:
        sizes = [_each(pool, _size, *part) for part in zip(images, rows, strict=True)]
        both = set(sizes[0]) & set(sizes[1]) - {None}
        kept = [
            some[np.array([size in both for size in sized], bool)]
            for some, sized in zip(rows, sizes, strict=True)
        ]
        contents = [_each(pool, _content, *part) for part in zip(images, kept, strict=True)]
    place: dict[Hashable, list[int]] = {}
    for row, content in zip(kept[1].tolist(), contents[1], strict=True):
        place.setdefault(content, []).append(row)
    place.pop(None, None)
    same = {content: np.array(found) for content, found in place.items()}
    pairs = zip(kept[0].tolist(), contents[0], strict=True)
    found = {row: same[content] for row, content in pairs if content in same}
    return Copies(found, (len(rows[0]), len(rows[1])))


def alike(part: Records) -> np.ndarray:
    """i64[n], for each picture the first row that is the same picture, often itself.

    Pictures that are drawn as they are asked for, and files that cannot be read, are as none other.
    """
    n, rows = len(part.person), np.flatnonzero(_stored(part.image))
    found = np.arange(n)
    place: dict[Hashable, int] = {}
    with ThreadPoolExecutor(THREADS) as pool:
        contents = _each(pool, _content, part.image, rows)
        for row, content in zip(rows.tolist(), contents, strict=True):
            if content is not None:
                found[row] = place.setdefault(content, row)
    return found


def told(
    train: Records | None, test: Records, *, same_camera: bool = False, most: int = MOST
) -> list[str]:
    """Say in a line each which pictures two parts of the data share; nothing where none is.

    Args:
        train: the training data, if they are known.
        test: query and gallery.
        same_camera: whether a match by the query's own camera counts.
        most: as of `copies`.
    """
    lines = []
    query, gallery = reading.where(test, "query"), reading.where(test, "gallery")
    shared = copies(query, gallery, most=most)
    if shared.found:
        effect = _weighed(shared, query, gallery, same_camera)
        counted = _counted(shared, query, gallery, "query", "gallery")
        lines.append(f"{'warning: ' * bool(effect)}{counted}: {effect or NO_EFFECT}")
    if train is not None:
        shared = copies(test, train, most=most)
        if shared.found:
            lines.append(
                f"warning: {_counted(shared, test, train, 'test', 'training')}: such a test shows "
                "what was learnt by heart"
            )
    return lines


def _rows(images: Images, most: int) -> np.ndarray:
    rows = np.flatnonzero(_stored(images))
    return rows[np.linspace(0, len(rows) - 1, most).astype(int)] if len(rows) > most else rows


def _each(
    pool: ThreadPoolExecutor, do: Callable[[Item], Hashable], images: Images, rows: np.ndarray
) -> list[Hashable]:
    """Do something to each of some pictures, in threads."""

    def some(start: int) -> list[Hashable]:
        return [do(images[int(row)]) for row in rows[start : start + CHUNK]]

    return [one for part in pool.map(some, range(0, len(rows), CHUNK)) for one in part]


def _stored(images: Images) -> np.ndarray:
    """bool[n], which pictures exist before they are asked for."""
    if isinstance(images, reading.Joined):
        return np.concatenate([_stored(part) for part in images.parts])
    if isinstance(images, reading.Chosen):
        return _stored(images.images)[images.rows]
    return np.full(len(images), not getattr(images, "drawn", False))


def _size(item: Item) -> Hashable:
    """What equal pictures have in common and is quickly seen; None without a picture."""
    if isinstance(item, np.ndarray):
        return item.shape
    try:
        return os.stat(item).st_size if isinstance(item, str) else len(item)
    except OSError:
        return None  # who reads it will say so


def _content(item: Item) -> Hashable:
    if isinstance(item, np.ndarray):
        return item.shape, hashlib.blake2b(np.ascontiguousarray(item).data).digest()
    try:
        if isinstance(item, str):
            with open(item, "rb") as file:
                item = file.read()
    except OSError:
        return None
    return hashlib.blake2b(item).digest()


def _counted(shared: Copies, one: Records, other: Records, name: str, beside: str) -> str:
    row, found = next(iter(shared.found.items()))
    text = (
        f"{len(shared.found):,} of {shared.looked[0]:,} {name} pictures are among the "
        f"{beside} pictures too ({_named(one, row)} = {_named(other, int(found[0]))}"
    )
    sizes = ((shared.looked[0], one, name), (shared.looked[1], other, beside))
    for looked, part, which in sizes:
        if looked < len(part.person):
            text += f"; {looked:,} of {len(part.person):,} {which} pictures were looked at"
    return text + ")"


def _named(part: Records, row: int) -> str:
    item = part.image[row]
    return item if isinstance(item, str) else f"{part.split[row]} picture {row}"


def _weighed(shared: Copies, query: Records, gallery: Records, same_camera: bool) -> str:
    """What the copies of queries do to the figures; nothing if nothing."""
    matches, others = 0, 0
    for row, found in shared.found.items():
        person, camera = query.person[row], query.camera[row]
        alike = gallery.person[found] == person
        seen = (gallery.camera[found] != camera) | (camera < 0) | same_camera
        matches += bool((alike & seen & (person >= 1)).any())
        others += bool((~alike & (gallery.person[found] >= 0)).any())
    parts = (
        f"{matches:,} count as matches, which any encoder finds" if matches else "",
        f"{others:,} bear another person there, which no encoder can get right" if others else "",
    )
    return ", ".join(filter(None, parts))
