"""Small pictures beside the rows: each at most `SIZE` and `BYTES`, in all at most `MOST`."""

from collections.abc import Sequence

import cv2
import numpy as np
import simplejpeg  # type: ignore[import-untyped]

from reid_jax.gallery import schema
from reid_jax.gallery.table import Table, terms

SIZE = (128, 64)  # (height, width) in pixels, at most
BYTES = 8_192  # of a JPEG, at most
MOST = 1_000_000  # thumbnails of a gallery; of more the oldest go
QUALITIES = (85, 70, 50, 30, 10)


def made(picture: np.ndarray) -> bytes:
    """A JPEG of a picture uint8 [h w 3], its aspect kept; the best that `BYTES` allow."""
    height, width = picture.shape[:2]
    scale = min(1.0, SIZE[0] / height, SIZE[1] / width)
    if scale < 1:
        to = max(1, round(width * scale)), max(1, round(height * scale))
        picture = cv2.resize(picture, to, interpolation=cv2.INTER_AREA)
    for quality in QUALITIES:
        jpeg = simplejpeg.encode_jpeg(np.ascontiguousarray(picture), quality=quality)
        if len(jpeg) <= BYTES:
            break
    return jpeg


def add(table: Table, first: int, jpegs: Sequence[bytes | None]) -> None:
    """Keep those of rows from number `first` on; None: there is none.

    Raises:
        ValueError: one is larger than `BYTES`, or no JPEG.
    """
    import pyarrow as pa

    for place, one in enumerate(jpegs):
        if one is not None and (one[:2] != b"\xff\xd8" or len(one) > BYTES):
            raise ValueError(
                f"thumbnail {place} is no JPEG of at most {BYTES:,} bytes; "
                "reid_jax.gallery.thumbnails.made makes one"
            )
    kept = [place for place, one in enumerate(jpegs) if one is not None]
    if kept:
        columns = [
            pa.array([first + place for place in kept], pa.int64()),
            pa.array([jpegs[place] for place in kept], pa.binary()),
        ]
        table.add([pa.record_batch(columns, schema=schema.thumbnails())])


def read(table: Table, rows: Sequence[int]) -> dict[int, bytes]:
    """JPEGs by the number of the row; those of rows that have none are left out."""
    found: dict[int, bytes] = {}
    for part in terms(np.asarray(rows, np.int64)):
        some = table.read(["row", "jpeg"], part)
        found |= dict(zip(some["row"].to_pylist(), some["jpeg"].to_pylist(), strict=True))
    return found


def oldest(table: Table) -> np.ndarray:
    """The numbers i64[n] of those that are too many."""
    if table.count() <= MOST:
        return np.zeros(0, np.int64)
    row = np.sort(table.read(["row"])["row"].to_numpy())
    return row[: len(row) - int(0.9 * MOST)]


def orphans(table: Table, rows: Table) -> np.ndarray:
    """The numbers i64[n] of those whose row is not there."""
    mine, theirs = (one.read(["row"])["row"].to_numpy() for one in (table, rows))
    return np.setdiff1d(mine, theirs)


def decoded(jpeg: bytes) -> np.ndarray:
    """The pixels of a thumbnail, uint8 [h w 3]."""
    return simplejpeg.decode_jpeg(jpeg, colorspace="RGB")
