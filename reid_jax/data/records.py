"""Records: making them, choosing rows of them, and reading a row's picture."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from reid_jax.types import Images, Records

SPLITS = ("train", "query", "gallery")


class Joined:
    """Several image sources one after the other; picklable if they are."""

    def __init__(self, parts: Sequence[Images]):
        self.parts = list(parts)
        self.ends = np.cumsum([len(part) for part in self.parts])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, row: int) -> "str | bytes | np.ndarray":
        row = range(len(self))[row]  # from the end if negative; IndexError beyond
        part = int(np.searchsorted(self.ends, row, side="right"))
        return self.parts[part][int(row - (self.ends[part - 1] if part else 0))]

    def take(self, rows: np.ndarray) -> "Chosen":
        """The given rows, in order."""
        return Chosen(self, rows)


class Chosen:
    """Some rows of an image source, in an order of their own."""

    def __init__(self, images: Images, rows: np.ndarray):
        self.images, self.rows = images, np.asarray(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> "str | bytes | np.ndarray":
        return self.images[int(self.rows[row])]

    def take(self, rows: np.ndarray) -> "Chosen":
        """The given rows, in order."""
        return Chosen(self.images, self.rows[rows])


class Held:
    """Pixels in memory, uint8 [n h w 3]."""

    def __init__(self, pixels: np.ndarray):
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, row: int) -> np.ndarray:
        return self.pixels[row]

    def take(self, rows: np.ndarray) -> Chosen:
        """The given rows, in order."""
        return Chosen(self, rows)


def make(image: Images, person, camera=-1, domain=0, group=-1, split="train", frame=-1, shot=-1) -> Records:
    """Records from columns; a number stands for a whole column.

    Args: image, n items (a list of paths becomes an array); person, camera, domain, group, frame, shot: i32[n]; split: of
        SPLITS.
    Raises: ValueError where the lengths differ or a split is not known.
    """
    image = np.array(image, object) if isinstance(image, (list, tuple)) else image
    n = len(image)
    columns = {}
    given = {"person": person, "camera": camera, "domain": domain, "group": group, "frame": frame, "shot": shot}
    for name, column in given.items():
        columns[name] = np.full(n, column, np.int32) if np.ndim(column) == 0 else np.asarray(column, np.int32)
    columns["split"] = np.full(n, split) if np.ndim(split) == 0 else np.asarray(split)
    columns["split"] = columns["split"].astype("<U7")
    for name, column in columns.items():
        if column.shape != (n,):
            raise ValueError(f"the column {name!r} has shape {column.shape} and there are {n} pictures")
    strange = set(columns["split"].tolist()) - set(SPLITS)
    if strange:
        raise ValueError(f"the split {sorted(strange)[0]!r} is not one of {', '.join(SPLITS)}")
    return Records(image, **columns)


def take(records: Records, rows: np.ndarray) -> Records:
    """The given rows (indices, or a mask) as Records of their own."""
    rows = np.asarray(rows)
    rows = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.int64)
    return Records(records.image.take(rows), *(column[rows] for column in records[1:]))


def where(records: Records, *splits: str) -> Records:
    """The rows of the given splits."""
    return take(records, np.isin(records.split, splits))


def concat(parts: Sequence[Records]) -> Records:
    """One after the other. Persons and cameras are taken as they are: whoever joins data sets sees to their numbers."""
    if not parts:
        raise ValueError("nothing to join")
    return Records(
        Joined([part.image for part in parts]),
        *(np.concatenate([part[column] for part in parts]) for column in range(1, len(parts[0]))),
    )


def relabel(person: np.ndarray) -> np.ndarray:
    """Persons -> labels 0, 1, ... in the order of their numbers, i32[n]; distractors (0) and unknown (-1) -> -1."""
    label = np.full(len(person), -1, np.int32)
    known = person >= 1
    label[known] = np.unique(person[known], return_inverse=True)[1]
    return label


def read(records: Records, row: int) -> np.ndarray:
    """The picture of a row, uint8 [h w 3], RGB. Raises ValueError, naming it, where it cannot be read."""
    item = records.image[row]
    if isinstance(item, np.ndarray):
        return item
    name = item if isinstance(item, str) else f"row {row}"
    try:
        return decode(Path(item).read_bytes() if isinstance(item, str) else item)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"the picture {name} cannot be read ({error}); mend or remove it, or leave such pictures out with "
            "--config.skip_broken=true"
        ) from None


def decode(data: bytes) -> np.ndarray:
    """An encoded picture -> uint8 [h w 3], RGB; gray is repeated, transparency dropped. ValueError where it is broken."""
    if data[:2] == b"\xff\xd8":
        try:
            return simplejpeg.decode_jpeg(data, colorspace="RGB")
        except ValueError as error:  # CMYK and other rare kinds go on to OpenCV, which fills what is lacking with gray
            if "premature end" in str(error).lower() or b"\xff\xd9" not in data[-64:]:
                raise ValueError("truncated JPEG") from None
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error:
        image = None
    if image is None:
        raise ValueError("not a picture" if data else "empty file")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def readable(records: Records, *, threads: int = 8) -> np.ndarray:
    """bool[n]: which pictures can be read; decodes each of them once."""

    def fine(row: int) -> bool:
        try:
            read(records, row)
        except ValueError:
            return False
        return True

    with ThreadPoolExecutor(threads) as pool:
        return np.fromiter(pool.map(fine, range(len(records.person))), bool, len(records.person))


def hold(records: Records) -> Records:
    """The same with every picture read into memory; they must be of one size."""
    n = len(records.person)
    pixels = np.empty((n, *read(records, 0).shape), np.uint8)
    for row in range(n):
        pixels[row] = read(records, row)
    return records._replace(image=Held(pixels))
