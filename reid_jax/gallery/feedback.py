"""What people said of answers, "the same" or "not the same", in a file of the gallery's folder.

feedback.jsonl holds a line of JSON for each word, appended whole and brought to the disk; of a pair
the last word counts. A query that was a row is kept by its number. One that was a picture of the
user's is kept as a thumbnail, and only if something was said of it. Rows that are removed take with
them every line about them, and every picture that was said to show the same person.
"""

import base64
import hashlib
import json
import os
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from reid_jax.files.lock import Lock
from reid_jax.whole import whole

FILE, LOCK = "feedback.jsonl", "feedback.lock"


class Said(NamedTuple):
    """One word.

    Attributes:
        query: the number of a row, or a JPEG as `thumbnails.made` makes it.
        row: the number of the row that was found.
        same: whether both show one person; None: what was said of them is taken back.
        time: when it was said, ISO 8601 in UTC.
    """

    query: int | bytes
    row: int
    same: bool | None
    time: str


def add(folder: Path, said: Said) -> None:
    """Append a word; when it returns it is on the disk.

    Raises:
        ValueError: the query is the row itself; or another writer is at work on the file.
        OSError: the disk is full.
    """
    if said.query == said.row:
        raise ValueError(f"row {said.row} is itself; say something of another one")
    with Lock(folder / LOCK).held(), (folder / FILE).open("a+b") as file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)  # a line that a kill cut off
        file.write(_line(said).encode())
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> list[Said]:
    """The last word of each pair, in the order in which the pairs were first spoken of."""
    try:
        at = (folder / FILE).stat()
    except FileNotFoundError:
        return []
    return list(_read(folder, at.st_ino, at.st_mtime_ns, at.st_size))


@lru_cache(4)
def _read(folder: Path, *mark: int) -> tuple[Said, ...]:
    """`read` of a file that these numbers tell from an earlier one."""
    found: dict[tuple[int | bytes, ...], Said] = {}
    for one in _lines(folder):
        pair = (one.row, one.query)
        if isinstance(one.query, int):
            pair = (min(one.row, one.query), max(one.row, one.query))
        found[pair] = one
    return tuple(one for one in found.values() if one.same is not None)


def keep(folder: Path, rows: Collection[int]) -> None:
    """Remove what was said of rows other than these, and pictures of whom they showed."""
    if not (folder / FILE).is_file():
        return
    there = set(rows)
    with Lock(folder / LOCK).held():
        lines = list(_lines(folder))
        gone = {
            one.query
            for one in lines
            if one.same and one.row not in there and isinstance(one.query, bytes)
        }
        kept = [
            one
            for one in lines
            if one.row in there
            and (one.query in there if isinstance(one.query, int) else one.query not in gone)
        ]
        if len(kept) == len(lines):
            return
        with whole(folder / FILE) as unfinished:
            unfinished.write_text("".join(_line(one) for one in kept))


def name(query: int | bytes) -> str:
    """A name for a query: of a row its number, of a picture a hash."""
    return f"{query:08}" if isinstance(query, int) else hashlib.sha256(query).hexdigest()[:16]


def _line(said: Said) -> str:
    query = said.query if isinstance(said.query, int) else base64.b64encode(said.query).decode()
    return json.dumps({**said._asdict(), "query": query}) + "\n"


def _lines(folder: Path) -> Iterator[Said]:
    """All words; a line that is broken is passed over."""
    try:
        lines = (folder / FILE).read_bytes().split(b"\n")
    except FileNotFoundError:
        return
    for line in lines:
        try:
            one = json.loads(line)
            query = one["query"]
            query = base64.b64decode(query, validate=True) if isinstance(query, str) else int(query)
            yield Said(query, int(one["row"]), one["same"], str(one["time"]))
        except (ValueError, KeyError, TypeError):
            continue
