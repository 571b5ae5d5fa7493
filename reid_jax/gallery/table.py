"""A table of LanceDB: rows are appended and deleted, and what is deleted leaves the disk.

Lance writes files once: a deletion is a list beside a file, a version of the table a list of files.
A commit is the renaming of one small file, so that a kill at any moment leaves the version before
or the one after. Only one process may write at a time (`lock`); readers follow.
"""

import errno
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reid_jax.gallery.reads import Reads

if TYPE_CHECKING:
    import pyarrow as pa

TRIES = 5  # of a reader whose version was cleaned away while it read
MANY = 32  # small files before they are put together
KEPT = timedelta(minutes=10)  # how long a version without deletions stays for slow readers
BATCH = 8_192  # rows that a stream yields at once
TERMS = 10_000  # numbers in one predicate
FULL = {
    "No space left on device": errno.ENOSPC,
    "File too large": errno.EFBIG,
    "Disk quota exceeded": errno.EDQUOT,
    "Read-only file system": errno.EROFS,
}
SAME = {"row": "row"}  # an update that changes nothing moves rows to a new file
NEEDS = "a gallery needs lancedb: pip install 'reid_jax[search]'"


def connected(folder: Path) -> Any:
    """The tables of a folder; every read looks for what others have written.

    Raises:
        ImportError: lancedb is not installed.
    """
    os.environ.setdefault("LANCE_LOG", "error")
    try:
        import lancedb
    except ImportError:
        raise ImportError(NEEDS) from None
    return lancedb.connect(str(folder), read_consistency_interval=timedelta(0))


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """Turn what Lance says of a disk into an OSError of one line that names the folder."""
    try:
        yield
    except (RuntimeError, OSError, ValueError) as error:
        for reason, number in FULL.items():
            if reason in str(error):
                raise OSError(
                    number,
                    f"{reason}; nothing is lost, and the same works once there is room",
                    str(folder),
                ) from None
        raise


class Table:
    """One table of a gallery."""

    def __init__(self, folder: Path, name: str, schema: "pa.Schema", *, new: bool = False):
        """Open it, or make it where it is `new`.

        Raises:
            ValueError: there is none, or it has other columns.
        """
        self.folder, self.name, self.schema = folder, name, schema
        database = connected(folder)
        if new:
            self.lance = database.create_table(name, schema=schema)
            self._reads = Reads(folder, name)
            return
        try:
            self.lance = database.open_table(name)
        except (ValueError, RuntimeError, FileNotFoundError):
            raise ValueError(f"{folder} has no whole table {name!r}; it is broken") from None
        kinds = {field.name: field.type for field in schema}
        if {field.name: field.type for field in self.lance.schema} != kinds:
            raise ValueError(f"the table {name!r} of {folder} has other columns than it must")
        self._reads = Reads(folder, name)

    def add(self, batches: Iterable["pa.RecordBatch"]) -> None:
        """Append rows of the schema in one commit; all or none.

        Raises:
            OSError: the disk is full; what was written of them is removed.
        """
        import pyarrow as pa

        with told(self.folder):
            try:
                self.lance.add(pa.RecordBatchReader.from_batches(self.schema, batches))
            except BaseException:
                with suppress(Exception):
                    self._optimise(timedelta(0), unfinished=True)
                raise

    def read(self, columns: Sequence[str], where: str = "", limit: int | None = None) -> "pa.Table":
        """The rows that a predicate means, in no order."""
        return self.followed(lambda: self._reads.read(columns, where, limit))

    def stream(self, columns: Sequence[str], where: str = "") -> Iterator["pa.RecordBatch"]:
        """The rows that a predicate means by batches, of the version that there is now."""
        yield from self._reads.stream(columns, where, BATCH)

    def followed(self, body: Any) -> Any:
        """What a read returns; it is tried again where a writer cleaned its version away."""
        for left in reversed(range(TRIES)):
            try:
                return body()
            except (RuntimeError, OSError, ValueError):
                if not left:
                    raise
                self.lance.checkout_latest()
                self._reads.renew()

    def count(self, where: str = "") -> int:
        """How many rows a predicate means."""
        return int(self.followed(lambda: self.lance.count_rows(where or None)))

    def fragments(self, rows: np.ndarray) -> list[int]:
        """The files that rows i64[n], by their numbers, lie in."""
        found: set[int] = set()
        for part in terms(rows):
            at = self.lance.search().select(["row"]).with_row_id(True).where(part).to_arrow()
            found |= set((at["_rowid"].to_numpy() >> 32).tolist())
        return sorted(found)

    def delete(self, rows: np.ndarray) -> None:
        """Delete rows i64[n] by their numbers; their bytes stay until `erase`."""
        with told(self.folder):
            for part in terms(rows):
                self.lance.delete(part)

    def erase(self, fragments: Sequence[int]) -> None:
        """Rewrite files that deleted rows lay in, and remove every version but the last.

        Lance rewrites a file by itself only where a tenth of it is deleted, so an eighth of what is
        left in it is moved first; where that does not do, all of it is.

        Args:
            fragments: the numbers of the files.
        """
        with told(self.folder):
            for share in (8, 1):
                for one in fragments:
                    left = self._row_ids(one)
                    if len(left):
                        last = left[-(-len(left) // share) - 1]
                        self.lance.update(where=_within(left[0], last + 1), values_sql=SAME)
                self._optimise(timedelta(0), unfinished=True)
                fragments = [one for one in fragments if len(self._row_ids(one))]

    def tidy(self) -> None:
        """Put small files together where there are many, and add new rows to the indices."""
        if self.lance.stats()["fragment_stats"]["num_small_fragments"] > MANY:
            with told(self.folder):
                self._optimise(KEPT)

    def grow(self) -> None:
        """Add the rows that the indices lack to them."""
        with told(self.folder):
            self._optimise(KEPT)

    def _row_ids(self, fragment: int) -> np.ndarray:
        """Addresses i64[n] of the rows in a file, ascending."""
        query = self.lance.search().select(["row"]).with_row_id(True)
        found = query.where(_within(fragment << 32, (fragment + 1) << 32)).to_arrow()
        return np.sort(found["_rowid"].to_numpy()).astype(np.int64)

    def _optimise(self, older: timedelta, unfinished: bool = False) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # readers follow, see `followed`
            self.lance.optimize(cleanup_older_than=older, delete_unverified=unfinished)


def terms(rows: np.ndarray) -> Iterator[str]:
    """Predicates that together mean rows i64[n] by their numbers."""
    for start in range(0, len(rows), TERMS):
        part = rows[start : start + TERMS]
        yield f"row IN ({', '.join(str(int(row)) for row in part)})"


def _within(first: int, last: int) -> str:
    """The rows at addresses from `first` to before `last`."""
    return f"_rowid >= {int(first)} AND _rowid < {int(last)}"
