"""A gallery that is read: searched, listed, told of."""

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reid_jax.gallery import index as indexing
from reid_jax.gallery import moment, schema, state, thumbnails, tracks
from reid_jax.gallery import query as querying
from reid_jax.gallery.answer import Answer, alone, match
from reid_jax.gallery.index import Index
from reid_jax.gallery.table import Table
from reid_jax.gallery.where import Where
from reid_jax.options import choose
from reid_jax.retrieval import point as points
from reid_jax.retrieval.point import Point

if TYPE_CHECKING:
    import pyarrow as pa

FEW = 2_000  # rows that a filter leaves, up to which all are looked at
UNITS = {"picture": 0, "track": 1}
Say = Callable[[str], Any]


class Reader:
    """The half of a `Store` that writes nothing.

    It may be used by several threads. It takes no lock and sees what any process has written.

    Attributes:
        folder: of the gallery.
        about: the encoder's hash and width.
        point: the encoder's threshold, or None.
    """

    def __init__(
        self,
        folder: str | PathLike,
        *,
        encoder: str | None = None,
        point: Point | None = None,
        patience: float = 10.0,
        say: Say = lambda _: None,
    ):
        """Open it; nothing is written.

        Args:
            folder: of a gallery.
            encoder: the hash of the encoder that embeddings will be of; None: not checked.
            point: the encoder's threshold, kept from now on; None: that which is kept.
            patience: seconds to wait for another writer.
            say: called with a line when something takes long.

        Raises:
            FileNotFoundError: there is no such folder.
            ValueError: it is no gallery, of another version, or of another encoder.
            ImportError: lancedb is not installed.
        """
        self.folder = Path(folder)
        self.about = state.about(self.folder)
        self.patience, self.say = patience, say
        self.check(encoder)
        self.point = point or points.load(self.folder, self.about.encoder)
        self._rows = Table(self.folder, "rows", schema.rows(self.about.width))
        self._small = Table(self.folder, "thumbnails", schema.thumbnails())

    def __len__(self) -> int:
        return self._rows.count()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder)!r}, {len(self):,} rows)"

    def check(self, encoder: str | None) -> None:
        """Refuse embeddings of another encoder, by its hash; None is not checked.

        Raises:
            ValueError: it is another than the gallery's.
        """
        if encoder is not None and encoder != self.about.encoder:
            raise ValueError(
                f"{self.folder} is of the encoder {self.about.encoder} ({self.about.name}), and "
                f"{encoder} is another: their embeddings cannot be compared"
            )

    def search(
        self,
        query: Any = None,
        *,
        row: int | None = None,
        where: Where | None = None,
        top: int = 10,
        by: str = "picture",
        threshold: float | None = None,
    ) -> Answer:
        """Find who is most like a query.

        Args:
            query: f32[d], an embedding; or f32[n d], of several pictures of one person, which their
                mean stands for.
            row: instead, the number of a row, which is not in the answer itself; nor, by
                track, is its own track.
            where: rows that are looked at; None: all.
            top: how many are found.
            by: "picture", or "track": each track once, see `tracks.ranked`.
            threshold: the cosine from which on two pictures are taken for one person; None: that of
                the encoder.

        Raises:
            ValueError: neither or both of query and row; no such row; an embedding that is not of
                the gallery's width or not finite.
        """
        choose("by", by, UNITS)
        if top < 1:
            raise ValueError(f"top={top}; give 1 or more")
        if (query is None) == (row is None):
            raise ValueError("search needs a picture or the number of a row, one of both")
        own = None if row is None else self._row(row)
        asked = schema.unit(query if own is None else own["embedding"], self.about.width)
        if not len(asked):
            raise ValueError("there is no embedding to search for")
        one = schema.unit(asked.mean(0), self.about.width)[0]
        sql = (where or Where()).sql()
        looked = self._rows.count(sql)
        index = self._index(looked)
        if by == "track":
            without = None if own is None else tracks.key(own)
            found = tracks.ranked(self._rows, one, top, sql, index, without)
        else:
            near = querying.nearest(self._rows, one, top + (own is not None), sql, index)
            pairs = zip(near.row, near.cosine, strict=True)
            found = [alone(each, float(cosine)) for each, cosine in pairs if each["row"] != row]
        if threshold is None and self.point is not None:
            threshold = self.point.threshold
        matches = tuple(match(unit, threshold, self.point) for unit in found[:top])
        recall = 1.0 if index is None else index.recall_filtered if sql else index.recall
        return Answer(matches, looked, threshold, index is None, recall)

    def thumbnails(self, rows: Sequence[int]) -> dict[int, bytes]:
        """JPEGs by the number of the row; those of rows that have none are left out."""
        return thumbnails.read(self._small, rows)

    def rows(self, where: Where | None = None, columns: Sequence[str] = schema.KEYS) -> list[dict]:
        """The columns of the rows that a filter means, by their numbers; `embedding` too."""
        names = dict.fromkeys(["row", *columns])
        found = self._rows.read(list(names), (where or Where()).sql())
        return sorted(found.to_pylist(), key=lambda one: one["row"])

    def columns(self, names: Sequence[str]) -> "pa.Table":
        """Some columns of all rows, in no order, as Arrow keeps them."""
        return self._rows.read(names)

    def version(self) -> int:
        """A number that is another one whenever the rows are."""
        return int(self._rows.lance.version)

    def info(self) -> dict[str, Any]:
        """What there is: counts, cameras, times, the encoder, the index, bytes on the disk."""
        from pyarrow import compute

        found = self._rows.read(["camera", "time"])
        cameras = found["camera"].value_counts().to_pylist()
        times = compute.min_max(found["time"]).as_py()
        kept = state.state(self.folder)
        index = None if kept.indexed is None else kept.indexed._asdict()
        sizes = [path.stat().st_size for path in self.folder.rglob("*") if path.is_file()]
        return {
            "rows": len(found),
            "thumbnails": self._small.count(),
            "cameras": {one["values"]: one["counts"] for one in cameras},
            "since": None if times["min"] is None else moment.iso(times["min"]),
            "until": None if times["max"] is None else moment.iso(times["max"]),
            "encoder": self.about.encoder,
            "name": self.about.name,
            "width": self.about.width,
            "threshold": None if self.point is None else self.point.threshold,
            "index": index,
            "lacks": indexing.lacking(self._rows),
            "bytes": sum(sizes),
        }

    def _row(self, number: int) -> dict:
        """The columns of a row, its embedding too."""
        found = self._rows.read([*schema.KEYS, "embedding"], Where(rows=(number,)).sql())
        if not len(found):
            raise ValueError(f"{self.folder} has no row {number}")
        return found.to_pylist()[0]

    def _index(self, looked: int) -> Index | None:
        """How the index is asked where a filter leaves so many rows; None: they are few."""
        if looked <= FEW or len(self) < indexing.ABOVE:
            return None
        return state.state(self.folder).indexed
