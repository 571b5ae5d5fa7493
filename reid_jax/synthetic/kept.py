"""Drawn pictures on the disk: drawn once, by all cores, and read by every later command."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from reid_jax import worker
from reid_jax.data import records as reading
from reid_jax.data.records import Held
from reid_jax.files import npz
from reid_jax.synthetic import workers
from reid_jax.types import Records
from reid_jax.whole import remove_unfinished, whole

DRAWING = 1  # counted up by every change of what is drawn
FEW = 500  # pictures that one core draws sooner than workers start
CHUNK = 100  # pictures that a worker draws at once
COLUMNS = tuple(name for name in Records._fields if name != "image")
Watch = Callable[[int, int], None]


class Drawn(Held):
    """Pictures in a file, uint8 [n h w 3], RGB; a copy in another process reads the same file."""

    def __init__(self, path: Path):
        super().__init__(np.load(path, mmap_mode="r"))
        self.path = path

    def __reduce__(self) -> tuple[type["Drawn"], tuple[Path]]:
        return Drawn, (self.path,)


def kept(
    make: Callable[[], Records],
    name: str,
    folder: Path,
    *,
    cores: int = 0,
    watch: Watch = lambda done, total: None,
) -> Records:
    """Records whose pictures lie in a file, which the first call draws.

    Args:
        make: the records, whose pictures are drawn when they are read; all have one size.
        name: of what `make` draws, all of its options included.
        folder: where files are kept; each data set has a folder of its own there, of n h w 3 bytes.
        cores: processes that draw; 0: one for each core.
        watch: called with (pictures drawn, pictures in all).

    Returns:
        Records, equal to those of `make`.
    """
    path = folder / _slug(name)
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_unfinished(path.parent)
        try:
            with whole(path) as unfinished:
                unfinished.mkdir()
                _write(make(), unfinished, cores or worker.cores(), watch)
        except OSError:
            if not path.is_dir():  # else another process was quicker
                raise
    columns = npz.read(path / "rows.npz", "the columns of drawn pictures", f"remove {path}")
    return reading.make(Drawn(path / "pixels.npy"), **{one: columns[one] for one in COLUMNS})


def _slug(name: str) -> str:
    """A folder's name; drawing depends on the versions of what draws as well."""
    key = repr((name, DRAWING, np.__version__, cv2.__version__))
    digest = hashlib.sha256(key.encode()).hexdigest()[:8]
    return f"{re.sub(r'[^a-z0-9]+', '-', name.lower())[:60]}-{digest}"


def _write(records: Records, folder: Path, cores: int, watch: Watch) -> None:
    n = len(records.person)
    np.savez(folder / "rows.npz", **{one: getattr(records, one) for one in COLUMNS})
    shape = (n, *(reading.read(records, 0).shape if n else (1, 1, 3)))
    file = folder / "pixels.npy"
    np.lib.format.open_memmap(file, "w+", np.uint8, shape).flush()
    parts = [range(at, min(at + CHUNK, n)) for at in range(0, n, CHUNK)]
    done = 0

    def drawn(count: int) -> None:
        nonlocal done
        done += count
        watch(done, n)

    given = [(reading.take(records, np.array(part)), file, part.start) for part in parts]
    workers.each(_draw, given, 1 if n <= FEW else min(cores, len(parts)), drawn)


def _draw(records: Records, file: Path, first: int) -> int:
    """Draw records into the file, from its row `first` on; how many they are."""
    pixels = np.load(file, mmap_mode="r+")
    for row in range(len(records.person)):
        pixels[first + row] = reading.read(records, row)
    pixels.flush()
    return len(records.person)
