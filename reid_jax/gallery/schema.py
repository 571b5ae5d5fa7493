"""The columns of a gallery, and how what callers give becomes them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from reid_jax.gallery import moment
from reid_jax.gallery.where import text

if TYPE_CHECKING:
    import pyarrow as pa

TEXTS = ("camera", "track", "person", "video", "name")
KEYS = ("row", "time", "frame", "box", *TEXTS)  # all columns but the embedding
BOX = 4  # left, top, width, height, in pixels of the frame


def rows(width: int) -> "pa.Schema":
    """The schema of the rows: `KEYS` and embeddings of `width` numbers; all but `row` may be null.

    row: i64, the number of the row, given once and never again; time: i64, microseconds since 1970
    (UTC); frame: i64, of the video; box: f32[4]; texts: camera, track, person, video, name.
    """
    import pyarrow as pa

    return pa.schema(
        [
            ("row", pa.int64()),
            ("time", pa.int64()),
            ("frame", pa.int64()),
            ("box", pa.list_(pa.float32(), BOX)),
            *((name, pa.string()) for name in TEXTS),
            ("embedding", pa.list_(pa.float32(), width)),
        ]
    )


def thumbnails() -> "pa.Schema":
    """The schema of the thumbnails: the number of the row, and a JPEG."""
    import pyarrow as pa

    return pa.schema([("row", pa.int64()), ("jpeg", pa.binary())])


def batch(first: int, embedding: np.ndarray, columns: Mapping[str, Any]) -> "pa.RecordBatch":
    """Rows numbered from `first` on.

    Args:
        first: the number of the first.
        embedding: f32[n d], of length one.
        columns: by name, a value for all or n of them; None, NaN and -1 of whole numbers are
            unknown.

    Raises:
        ValueError: a column has another length, or a value another type.
    """
    import pyarrow as pa

    n = len(embedding)
    made: dict[str, Any] = {"row": pa.array(np.arange(first, first + n), pa.int64())}
    for name in TEXTS:
        made[name] = pa.array(_each(name, columns.get(name), n, _text), pa.string())
    for name, of in (("time", _moment), ("frame", _whole)):
        made[name] = pa.array(_each(name, columns.get(name), n, of), pa.int64())
    box = columns.get("box")
    if box is not None and np.ndim(np.asarray(box, object)) == 1 and np.isscalar(box[0]):
        box = [box] * n
    boxes = _each("box", box, n, _box)
    made["box"] = pa.array(boxes, pa.list_(pa.float32(), BOX))
    flat = pa.array(np.ascontiguousarray(embedding, np.float32).ravel())
    made["embedding"] = pa.FixedSizeListArray.from_arrays(flat, embedding.shape[1])
    schema = rows(embedding.shape[1])
    return pa.record_batch([made[name] for name in schema.names], schema=schema)


def numbered(batch: "pa.RecordBatch", numbers: np.ndarray) -> "pa.RecordBatch":
    """The batch with numbers i64[n] of its rows."""
    import pyarrow as pa

    return batch.set_column(batch.schema.get_field_index("row"), "row", pa.array(numbers))


def unit(embedding: Any, width: int) -> np.ndarray:
    """Embeddings f32[n width], each divided by its length; one alone is a row.

    Raises:
        ValueError: they have another width, or one is zero or not finite.
    """
    found = np.atleast_2d(np.asarray(embedding, np.float32))
    if not found.size:
        return np.zeros((0, width), np.float32)
    if found.ndim != 2 or found.shape[1] != width:
        raise ValueError(
            f"embeddings are {list(found.shape)} and the gallery's have {width} numbers each; "
            "embed with the gallery's encoder"
        )
    length = np.linalg.norm(found.astype(np.float64), axis=1)
    bad = np.flatnonzero(~np.isfinite(length) | (length == 0))
    if len(bad):
        raise ValueError(
            f"embedding {bad[0]} of {len(found)} is zero or not finite; leave such rows out"
        )
    return (found / length[:, None]).astype(np.float32)


def _each(name: str, values: Any, n: int, of: Any) -> list[Any]:
    """N values of a column, each made by `of` (value, name); None where unknown."""
    if values is None:
        return [None] * n
    single = isinstance(values, str) or not (
        isinstance(values, Sequence) or np.ndim(np.asarray(values, object))
    )
    if single:
        return [of(values, name)] * n
    if len(values) != n:
        raise ValueError(f"{name} has {len(values)} values for {n} pictures; give one for each")
    return [None if value is None else of(value, name) for value in values]


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float | np.floating) and np.isnan(value))


def _text(value: Any, name: str) -> str | None:
    if _missing(value) or (isinstance(value, int | np.integer) and value == -1):
        return None
    return text(value, name)


def _moment(value: Any, name: str) -> int | None:
    return None if _missing(value) else moment.micro(value, name)


def _whole(value: Any, name: str) -> int | None:
    if _missing(value) or (isinstance(value, int | np.integer) and value == -1):
        return None
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ValueError(f"{name}: {value!r} is no whole number")
    return int(value)


def _box(value: Any, name: str) -> list[float] | None:
    if value is None:
        return None
    found = np.asarray(value, np.float64)
    if found.shape != (BOX,) or not np.isfinite(found).all() or (found[2:] <= 0).any():
        raise ValueError(f"{name}: {value!r} is not left, top, width, height in pixels")
    return [float(one) for one in found]
