"""A gallery of embeddings in a folder: rows are added, removed, merged and searched."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reid_jax.files.lock import Lock
from reid_jax.gallery import feedback, schema, state, thumbnails, tracks
from reid_jax.gallery import index as indexing
from reid_jax.gallery.reader import Reader
from reid_jax.gallery.state import About
from reid_jax.gallery.table import Table
from reid_jax.gallery.where import Where
from reid_jax.retrieval import point as points
from reid_jax.whole import whole

if TYPE_CHECKING:
    import pyarrow as pa


def make(folder: str | PathLike, encoder: str, width: int, *, name: str = "") -> None:
    """Make an empty gallery, whole or not at all.

    Args:
        folder: new, or empty.
        encoder: the hash of the encoder, `reid_jax.retrieval.point.fingerprint`.
        width: numbers of an embedding.
        name: what a person calls the encoder.

    Raises:
        FileExistsError: the folder holds something.
        ImportError: lancedb is not installed.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists already and is no empty folder")
    with whole(folder) as unfinished:
        unfinished.mkdir()
        Table(unfinished, "rows", schema.rows(width), new=True)
        Table(unfinished, "thumbnails", schema.thumbnails(), new=True)
        state.write_state(unfinished, state.State())
        state.write_about(unfinished, About(encoder, width, name))


class Store(Reader):
    """A gallery that is there: see `reid_jax.gallery`, and `Reader` for opening and searching."""

    def __init__(self, folder: str | PathLike, **options: Any):
        """As `Reader`."""
        super().__init__(folder, **options)
        self._lock = Lock(self.folder / state.LOCK)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the one writer within the block; each method that writes is so by itself.

        Raises:
            ValueError: another writer is at work, after `patience` seconds.
        """
        with self._lock.held(self.patience):
            if state.state(self.folder).undone is not None:
                self._mend()
            if self.point and points.load(self.folder, self.about.encoder) != self.point:
                points.save(self.folder, self.point, self.about.encoder)
            yield

    def add(
        self,
        embedding: Any,
        *,
        camera: Any = None,
        time: Any = None,
        track: Any = None,
        person: Any = None,
        video: Any = None,
        frame: Any = None,
        box: Any = None,
        name: Any = None,
        jpegs: Sequence[bytes | None] | None = None,
        encoder: str | None = None,
        best: int = 0,
        maintain: bool = True,
    ) -> np.ndarray:
        """Add rows, all or none; when it returns they are on the disk.

        Args:
            embedding: f32[n d], of any length but 0.
            camera: a text or a whole number for all, or n of them; -1 and None are unknown.
            time: likewise moments, see `reid_jax.gallery.moment.micro`.
            track: likewise, as camera.
            person: likewise.
            video: likewise.
            frame: likewise whole numbers, of the video.
            box: left, top, width, height in pixels of the frame.
            name: likewise, as camera; e.g. the picture's path.
            jpegs: thumbnails, see `thumbnails.made`; None where there is none.
            encoder: the hash of the encoder; None: not checked.
            best: of each track (camera, video, track) keep so many pictures, the nearest to its
                mean; 0: all.
            maintain: look after the index too, which may take minutes; or call `maintain` later.

        Returns:
            i64[k], the numbers of the rows that were added.

        Raises:
            ValueError: an embedding is zero, not finite or of another width; a column has another
                length; another encoder, or another writer.
            OSError: the disk is full.
        """
        self.check(encoder)
        rows = schema.unit(embedding, self.about.width)
        n = len(rows)
        if jpegs is not None and len(jpegs) != n:
            raise ValueError(f"jpegs has {len(jpegs)} values for {n} pictures; give one for each")
        if not n:
            return np.zeros(0, np.int64)
        columns = {"camera": camera, "time": time, "track": track, "person": person}
        columns |= {"video": video, "frame": frame, "box": box, "name": name}
        batch = schema.batch(0, rows, columns)
        small = list(jpegs) if jpegs is not None else []
        if best > 0:
            chosen = tracks.best(rows, _tracked(batch), best)
            batch, small = batch.take(chosen), [small[place] for place in chosen if small]
        return self._added(batch, small, maintain)

    def remove(self, where: Where, *, erase: bool = True) -> int:
        """Remove the rows that a filter means, their thumbnails, and what was said of them.

        Args:
            where: of `reid_jax.gallery.where`; it must name something.
            erase: rewrite the files that they lay in now, so that their bytes leave the disk, which
                takes about a minute for a million rows; without it the next writer does.

        Returns:
            How many were removed.

        Raises:
            ValueError: the filter means all rows; or another writer is at work.
            OSError: the disk is full.
        """
        if not where.sql():
            raise ValueError(
                "name which rows are to be removed; to remove all, remove the gallery's folder"
            )
        with self.writing():
            rows = np.sort(self._rows.read(["row"], where.sql())["row"].to_numpy())
            if not len(rows):
                return 0
            kept = state.state(self.folder)
            undone = {"rows": self._rows.fragments(rows), "thumbnails": self._small.fragments(rows)}
            state.write_state(self.folder, kept._replace(undone=undone))
            self._rows.delete(rows)
            self._small.delete(rows)
            if erase:
                self._mend()
        return len(rows)

    def merge(self, other: "Store", *, maintain: bool = True) -> int:
        """Add all rows of another gallery, under new numbers; all or none.

        Args:
            other: of the same encoder.
            maintain: as of `add`.

        Returns:
            How many were added.

        Raises:
            ValueError: it is the same folder or of another encoder; or another writer is at work.
            OSError: the disk is full.
        """
        if other.folder.resolve() == self.folder.resolve():
            raise ValueError(f"{self.folder} cannot be merged with itself")
        self.check(other.about.encoder)
        with other.writing(), self.writing():
            numbers = np.sort(other._rows.read(["row"])["row"].to_numpy())
            if not len(numbers):
                return 0
            first = self._begun(len(numbers))
            for part in other._small.stream(["row", "jpeg"]):
                self._small.add([_renumbered(part, numbers, first)])
            parts = other._rows.stream(other._rows.schema.names)
            self._rows.add(_renumbered(part, numbers, first) for part in parts)
            self._done(maintain)
        return len(numbers)

    def maintain(self) -> None:
        """Build the index, or add to it, where that is due; put small files together.

        Raises:
            ValueError: another writer is at work.
            OSError: the disk is full.
        """
        with self.writing():
            self._rows.tidy()
            self._small.tidy()
            kept = state.state(self.folder)
            what = indexing.due(self._rows, kept.indexed)
            if what == "grow":
                indexing.index_values(self._rows)
                self._rows.grow()
            elif what:
                self.say(f"building the index of {len(self):,} rows, which takes minutes")
                index = indexing.built(self._rows)
                state.write_state(self.folder, kept._replace(indexed=index))
                self.say(
                    f"the index finds {100 * index.recall:.1f}% of the ten nearest, of "
                    f"{index.sample} rows that were looked for; {index.seconds:.0f} s"
                )
            many = thumbnails.oldest(self._small)
            if len(many):
                self._small.delete(many)

    def _added(
        self, batch: "pa.RecordBatch", jpegs: Sequence[bytes | None], maintain: bool
    ) -> np.ndarray:
        """Add a batch whose rows have no numbers yet; returns them."""
        with self.writing():
            first = self._begun(len(batch))
            numbers = np.arange(first, first + len(batch))
            thumbnails.add(self._small, first, jpegs)
            self._rows.add([schema.numbered(batch, numbers)])
            self._done(maintain)
        return numbers

    def _begun(self, n: int) -> int:
        """Give n numbers away, and note that rows are being added; returns the first."""
        kept = state.state(self.folder)
        state.write_state(self.folder, kept._replace(next=kept.next + n, undone={}))
        return kept.next

    def _done(self, maintain: bool) -> None:
        """Note that all is on the disk."""
        state.write_state(self.folder, state.state(self.folder)._replace(undone=None))
        if maintain:
            self.maintain()

    def _mend(self) -> None:
        """Finish what was begun: no thumbnail without its row, no bytes of a row that is gone."""
        kept = state.state(self.folder)
        undone = dict(kept.undone or {})
        orphans = thumbnails.orphans(self._small, self._rows)
        if len(orphans):
            files = self._small.fragments(orphans)
            undone["thumbnails"] = sorted({*undone.get("thumbnails", []), *files})
            state.write_state(self.folder, kept._replace(undone=undone))
            self._small.delete(orphans)
        if undone.get("rows"):
            indexing.drop_values(self._rows)
        self._rows.erase(undone.get("rows", []))
        if indexing.lacking(self._rows) is not None:
            indexing.index_values(self._rows)
        self._small.erase(undone.get("thumbnails", []))
        used = self._rows.read(["row"])["row"].to_numpy()
        feedback.keep(self.folder, used.tolist())
        free = max(kept.next, int(used.max(initial=-1)) + 1)
        state.write_state(self.folder, kept._replace(next=free, undone=None))


def _tracked(batch: "pa.RecordBatch") -> list[tuple | None]:
    """What tells the track of each row; None where it is of none."""
    rows = zip(*(batch[name].to_pylist() for name in ("camera", "video", "track")), strict=True)
    return [None if row[-1] is None else row for row in rows]


def _renumbered(batch: "pa.RecordBatch", old: np.ndarray, first: int) -> "pa.RecordBatch":
    """A batch of another gallery, whose numbers are `old`, ascending, under new ones."""
    return schema.numbered(batch, first + np.searchsorted(old, batch["row"].to_numpy()))
