"""Reads by LanceDB's asynchronous interface, from a thread of their own.

The synchronous one goes to and fro between threads for the schema, the plan and the batches of each
read, which for a few rows is half of the time.
"""

import asyncio
import functools
import os
import threading
from collections.abc import Coroutine, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")


class Reads:
    """What is read of one table; every read looks for what others have written."""

    def __init__(self, folder: Path, name: str):
        self._lance = _run(_opened(folder, name))

    def read(self, columns: Sequence[str], where: str, limit: int | None) -> "pa.Table":
        """The rows that a predicate means, in no order."""
        query = self._query(columns, where)
        return _run((query if limit is None else query.limit(limit)).to_arrow())

    def stream(self, columns: Sequence[str], where: str, size: int) -> Iterator["pa.RecordBatch"]:
        """The same by batches of at most `size` rows, of one version."""
        batches = _run(self._query(columns, where).to_batches(max_batch_length=size))
        while (batch := _run(_next(batches))) is not None:
            yield batch

    def renew(self) -> None:
        """Leave a version that was cleaned away for the last one."""
        _run(self._lance.checkout_latest())

    def _query(self, columns: Sequence[str], where: str) -> Any:
        query = self._lance.query().select(list(columns))
        return query.where(where) if where else query


async def _opened(folder: Path, name: str) -> Any:
    import lancedb

    database = await lancedb.connect_async(str(folder), read_consistency_interval=timedelta(0))
    return await database.open_table(name)


async def _next(batches: Any) -> "pa.RecordBatch | None":
    return await anext(batches, None)


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run_coroutine_threadsafe(work, _loop(os.getpid())).result()


@functools.cache
def _loop(process: int) -> asyncio.AbstractEventLoop:
    """The loop of a process; a forked one has none of its parent's threads."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True, name="gallery reads").start()
    return loop
