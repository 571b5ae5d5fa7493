"""What the page asks for, as plain functions of a gallery."""

import base64
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from reid_jax.gallery import feedback, labels, moment
from reid_jax.gallery.store import Store
from reid_jax.gallery.where import Where, where
from reid_jax.serve import person
from reid_jax.serve.opened import Opened
from reid_jax.serve.people import People
from reid_jax.serve.queries import Queries
from reid_jax.serve.seeing import Seeing

LAST = 2**62  # the number of a row, at most
Row = Annotated[int, Field(ge=0, le=LAST)]


class Word(BaseModel):
    """What a user says of a pair: the query is a row's number or an uploaded picture's name."""

    model_config = ConfigDict(extra="forbid", strict=True)
    query: Row | Annotated[str, Field(max_length=64)]
    row: Row
    same: bool | None


class Chosen(BaseModel):
    """Rows of a person who is to be removed, and how many pictures the user was told of."""

    model_config = ConfigDict(extra="forbid", strict=True)
    rows: Annotated[list[Row], Field(min_length=1, max_length=1_000)]
    pictures: Row


class Site:
    """What the addresses share."""

    def __init__(self, opened: Opened, removing: Callable[[bool], Any] = lambda _: None):
        """Make it ready.

        Args:
            opened: the gallery.
            removing: told True while a person is being removed, False after it.
        """
        self.opened, self.removing = opened, removing
        self.people, self.queries = People(), Queries()
        self.seeing = None if opened.encoder is None else Seeing(opened.encoder)

    def store(self) -> Store:
        """The gallery's store."""
        return self.opened.gallery().store

    def about(self) -> dict[str, Any]:
        """What the page says of the gallery."""
        store = self.store()
        point = store.point
        return {
            **self.people.about(store),
            "name": self.opened.folder.resolve().name,
            "pictures_can_be_given": self.seeing is not None,
            "threshold": None if point is None else point.threshold,
            "probabilities": point is not None and bool(point.logistic),
        }

    def recent(self, which: Where, first: int, most: int) -> dict[str, Any]:
        """Who was seen last."""
        store = self.store()
        numbers, total = self.people.page(store, which, first, most)
        known = {row["row"]: row for row in store.rows(where(rows=numbers))} if numbers else {}
        small = _uris(store, numbers)
        shown = [
            {
                "row": row,
                "camera": known[row]["camera"],
                "time": None if known[row]["time"] is None else moment.iso(known[row]["time"]),
                "picture": small.get(row),
            }
            for row in numbers
            if row in known
        ]
        return {"people": shown, "total": total}

    def search(self, name: str, which: Where, top: int, by: str) -> dict[str, Any]:
        """Who is like a query."""
        store = self.store()
        given: dict[str, Any] = {"row": int(name)} if name.isdecimal() else {}
        if given.get("row", 0) > LAST:
            raise ValueError(f"{store.folder.name} has no row {name}")
        query = None if given else self.queries.get(name)
        embedding = None if query is None else query.embedding
        answer = store.search(embedding, where=which, top=top, by=by, **given)
        numbers = [one.row for one in answer.matches]
        small = _uris(store, [*numbers, *given.values()])
        asked = {one.row: one.same for one in self._said(given.get("row"), query and query.jpeg)}
        shown = [
            {**one._asdict(), "picture": small.get(one.row), "said": asked.get(one.row)}
            for one in answer.matches
        ]
        known = store.rows(where(rows=list(given.values()))) if given else []
        at = known[0] if known else {}
        return {
            "query": {
                "name": name,
                "picture": _uri(query.jpeg) if query else small.get(given["row"]),
                "camera": at.get("camera"),
                "time": None if at.get("time") is None else moment.iso(at["time"]),
            },
            "matches": shown,
            "looked": answer.looked,
            "threshold": answer.threshold,
            "nobody": answer.nobody,
            "exact": answer.exact,
            "recall": answer.recall,
        }

    def say(self, word: Word) -> None:
        """Keep what a user said."""
        store = self.store()
        query = word.query if isinstance(word.query, int) else self.queries.get(word.query).jpeg
        needed = {word.row, *([query] if isinstance(query, int) else [])}
        there = {row["row"] for row in store.rows(where(rows=sorted(needed)), ["row"])}
        if needed - there:
            raise ValueError(f"row {min(needed - there)} is not in the gallery any more")
        now = moment.iso(moment.micro(datetime.now(UTC).replace(microsecond=0)))
        feedback.add(store.folder, feedback.Said(query, word.row, word.same, now))

    def remove(self, chosen: Chosen) -> dict[str, Any]:
        """Remove a person for good."""
        store = self.store()
        self.removing(True)
        try:
            with store.writing():
                found = person.whole(store, chosen.rows)
                if len(found.rows) != chosen.pictures:
                    raise ValueError(
                        f"there are {len(found.rows):,} pictures of this person by now, not "
                        f"{chosen.pictures:,}; look again before you remove them"
                    )
                count = store.remove(where(rows=found.rows))
            self.queries.clear()
        finally:
            self.removing(False)
        return {"removed": count, "outside": len(found.outside)}

    def labels(self) -> Path:
        """A zip file of labels, in a temporary folder of its own."""
        folder = Path(tempfile.mkdtemp(prefix="reid-labels-"))
        try:
            labels.write(self.store(), folder / "labels", originals=False)
            return Path(shutil.make_archive(str(folder / "labels"), "zip", folder, "labels"))
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _said(self, row: int | None, jpeg: bytes | None) -> list[feedback.Said]:
        """What was said of a query and others, each with the other as its row."""
        said = feedback.read(self.opened.folder)
        asked = [one for one in said if one.query == (jpeg if row is None else row)]
        turned = [
            one._replace(query=row, row=one.query)
            for one in said
            if row is not None and one.row == row and isinstance(one.query, int)
        ]
        return asked + turned


def _uri(jpeg: bytes | None) -> str | None:
    return None if jpeg is None else f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def _uris(store: Store, rows: list[int]) -> dict[int, str | None]:
    return {row: _uri(jpeg) for row, jpeg in store.thumbnails(rows).items()} if rows else {}
