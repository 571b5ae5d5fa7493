"""Who was seen, the newest first: a picture of each track, and each picture of none."""

import threading
from typing import Any, NamedTuple

import numpy as np

from reid_jax.gallery import moment
from reid_jax.gallery.store import Store
from reid_jax.gallery.where import Where

NEVER = np.iinfo(np.int64).min  # a time that is not known


class Seen(NamedTuple):
    """Rows of a version of the gallery, the newest first.

    Attributes:
        row: i64[n], numbers.
        time: i64[n], microseconds since 1970 (UTC), or `NEVER`.
        camera: i64[n], places in `cameras`, or -1.
        unit: i64[n], the same for pictures of one track.
        cameras: names.
        counts: of the pictures of each.
    """

    row: np.ndarray
    time: np.ndarray
    camera: np.ndarray
    unit: np.ndarray
    cameras: list[str]
    counts: list[int]


class People:
    """What the first page shows; read once for each version of the gallery."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: tuple[Any, ...] = ()
        self._seen: Seen | None = None

    def seen(self, store: Store) -> Seen:
        """All rows."""
        of = (id(store), store.version())
        with self._lock:
            if self._seen is None or of != self._of:
                self._seen, self._of = _read(store), of
            return self._seen

    def page(self, store: Store, which: Where, first: int, most: int) -> tuple[list[int], int]:
        """(numbers of the rows that stand for units first..first + most, number of all units)."""
        seen = self.seen(store)
        inside = np.ones(len(seen.row), bool)
        if which.cameras:
            places = [place for place, one in enumerate(seen.cameras) if one in which.cameras]
            inside &= np.isin(seen.camera, places)
        if which.since is not None:
            inside &= seen.time >= max(which.since, NEVER + 1)
        if which.until is not None:
            inside &= (seen.time < which.until) & (seen.time > NEVER)
        kept = np.flatnonzero(inside)
        kept = kept[np.sort(np.unique(seen.unit[kept], return_index=True)[1])]
        return seen.row[kept[first : first + most]].tolist(), len(kept)

    def about(self, store: Store) -> dict[str, Any]:
        """Counts, cameras and times, for JSON."""
        seen = self.seen(store)
        known = seen.time[seen.time > NEVER]
        return {
            "pictures": len(seen.row),
            "cameras": dict(zip(seen.cameras, seen.counts, strict=True)),
            "since": moment.iso(int(known.min())) if len(known) else None,
            "until": moment.iso(int(known.max())) if len(known) else None,
        }


def _read(store: Store) -> Seen:
    table = store.columns(["row", "time", "camera", "video", "track"])
    row = table["row"].to_numpy()
    time = table["time"].fill_null(NEVER).to_numpy()
    codes, names = {}, {}
    for name in ("camera", "video", "track"):
        coded = table[name].combine_chunks().dictionary_encode()
        codes[name] = coded.indices.fill_null(-1).to_numpy().astype(np.int64)
        names[name] = coded.dictionary.to_pylist()
    unit = codes["camera"] + 1
    for name in ("video", "track"):
        unit = unit * (len(names[name]) + 1) + codes[name] + 1
    unit = np.where(codes["track"] < 0, -1 - row, unit)
    order = np.lexsort((-row, -time.astype(np.float64)))
    counts = np.bincount(codes["camera"][codes["camera"] >= 0], minlength=len(names["camera"]))
    return Seen(
        row[order], time[order], codes["camera"][order], unit[order], names["camera"],
        counts.tolist(),
    )  # fmt: skip
