"""Operations on Records: make, select, join, relabel, and read pictures."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from reid_jax.data.decode import check_head, decode
from reid_jax.types import Images, Records

SPLITS = ("train", "query", "gallery")


class Joined:
    """Several image sources, one after the other; picklable if they are."""

    def __init__(self, parts: Sequence[Images]):
        self.parts = list(parts)
        self.ends = np.cumsum([len(part) for part in self.parts])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, row: int) -> "str | bytes | np.ndarray":
        row = range(len(self))[row]  # a negative row counts from the end; may raise IndexError
        part = int(np.searchsorted(self.ends, row, side="right"))
        return self.parts[part][int(row - (self.ends[part - 1] if part else 0))]

    def take(self, rows: np.ndarray) -> "Chosen":
        """Return the images of the given rows, in their order."""
        return Chosen(self, rows)


class Chosen:
    """A selection of the rows of an image source, in any order."""

    def __init__(self, images: Images, rows: np.ndarray):
        self.images, self.rows = images, np.asarray(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> "str | bytes | np.ndarray":
        return self.images[int(self.rows[row])]

    def take(self, rows: np.ndarray) -> "Chosen":
        """Return the images of the given rows, in their order."""
        return Chosen(self.images, self.rows[rows])


class Held:
    """Pictures in memory, uint8 [n h w 3], RGB."""

    def __init__(self, pixels: np.ndarray):
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, row: int) -> np.ndarray:
        return self.pixels[row]

    def take(self, rows: np.ndarray) -> Chosen:
        """Return the images of the given rows, in their order."""
        return Chosen(self, rows)


def make(
    image: Images | list[str] | tuple[str, ...],
    person: ArrayLike,
    camera: ArrayLike = -1,
    domain: ArrayLike = 0,
    group: ArrayLike = -1,
    split: ArrayLike = "train",
    frame: ArrayLike = -1,
    shot: ArrayLike = -1,
) -> Records:
    """Make Records from columns. A scalar fills a whole column.

    Args:
        image: n items; a list of paths becomes an array.
        person: i32[n], the identity; 0 is a distractor, -1 unknown.
        camera: i32[n], -1 unknown.
        domain: i32[n], 0 or 1.
        group: i32[n], the video or track, -1 none.
        split: [n], one of `SPLITS`.
        frame: i32[n], the frame of the video, -1 unknown.
        shot: i32[n], the shot of the group, -1 unknown.

    Returns:
        Records with these columns; see `types.Records`.

    Raises:
        ValueError: the lengths differ, or a split is not one of `SPLITS`.

    Example:
        >>> import reid_jax
        >>> people = reid_jax.make_records(["a.jpg", "b.jpg"], person=[1, 2], camera=0)
        >>> people.camera.tolist(), people.split.tolist()
        ([0, 0], ['train', 'train'])
    """
    images = np.array(image, object) if isinstance(image, (list, tuple)) else image
    n = len(images)

    def column(values: ArrayLike) -> np.ndarray:
        if np.ndim(values) == 0:
            return np.full(n, values, np.int32)
        return np.asarray(values, np.int32)

    splits = np.full(n, split) if np.ndim(split) == 0 else np.asarray(split)
    records = Records(
        image=images,
        person=column(person),
        camera=column(camera),
        domain=column(domain),
        group=column(group),
        split=splits.astype("<U7"),
        frame=column(frame),
        shot=column(shot),
    )
    for name, values in zip(records._fields[1:], records[1:], strict=True):
        if values.shape != (n,):
            raise ValueError(
                f"the column {name!r} has shape {values.shape} and there are {n} pictures"
            )
    strange = set(records.split.tolist()) - set(SPLITS)
    if strange:
        raise ValueError(f"the split {sorted(strange)[0]!r} is not one of {', '.join(SPLITS)}")
    return records


def take(records: Records, rows: np.ndarray) -> Records:
    """Return the given rows, i64[k] indices or a mask bool[n], as Records."""
    rows = np.asarray(rows)
    rows = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.int64)
    return Records(records.image.take(rows), *(column[rows] for column in records[1:]))


def where(records: Records, *splits: str) -> Records:
    """Return the rows of the given splits as Records."""
    return take(records, np.isin(records.split, splits))


def concat(parts: Sequence[Records]) -> Records:
    """Join Records, one after the other.

    Persons, cameras and groups keep their numbers: the caller makes sure that those of different
    data sets differ.

    Args:
        parts: at least one.

    Returns:
        Records of all rows.

    Raises:
        ValueError: there is no part.
    """
    if not parts:
        raise ValueError("nothing to join")
    return Records(
        Joined([part.image for part in parts]),
        *(np.concatenate([part[column] for part in parts]) for column in range(1, len(parts[0]))),
    )


def relabel(person: np.ndarray) -> np.ndarray:
    """Map persons i32[n] to labels i32[n]: 0, 1, ... in the order of their numbers.

    Distractors (0) and unknown persons (-1) get the label -1.
    """
    label = np.full(len(person), -1, np.int32)
    known = person >= 1
    label[known] = np.unique(person[known], return_inverse=True)[1]
    return label


def read(records: Records, row: int) -> np.ndarray:
    """Read the picture of a row, uint8 [h w 3], RGB; of files, see `decode`.

    Raises:
        ValueError: the picture, which is named, cannot be read.
    """
    item = records.image[row]
    if isinstance(item, np.ndarray):
        return item
    name = item if isinstance(item, str) else f"row {row}"
    try:
        return decode(Path(item).read_bytes() if isinstance(item, str) else item)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"the picture {name} cannot be read ({error}); repair or remove it, or leave such "
            "pictures out with `skip_broken=true`"
        ) from None


def check_heads(records: Records, *, threads: int = 8) -> None:
    """Look at the head of every picture, which takes a moment where decoding takes minutes.

    Raises:
        ValueError: some cannot be read; the line names the first, and how many there are.
    """

    def wrong(row: int) -> str:
        item = records.image[row]
        try:
            if isinstance(item, str | bytes):
                check_head(item)
        except (OSError, ValueError) as error:
            return f"{item if isinstance(item, str) else f'row {row}'} ({error})"
        return ""

    with ThreadPoolExecutor(threads) as pool:
        found = [one for one in pool.map(wrong, range(len(records.person))) if one]
    if found:
        others = f", and {len(found) - 1:,} others" * (len(found) > 1)
        raise ValueError(
            f"the picture {found[0]}{others} cannot be read; repair or remove such pictures, or "
            "leave them out with `skip_broken=true`, with which a run may go on"
        )


def readable(records: Records, *, threads: int = 8) -> np.ndarray:
    """Decode every picture once; return bool[n], which of them can be read."""

    def is_readable(row: int) -> bool:
        try:
            read(records, row)
        except ValueError:
            return False
        return True

    with ThreadPoolExecutor(threads) as pool:
        n = len(records.person)
        return np.fromiter(pool.map(is_readable, range(n)), bool, n)


def hold(records: Records) -> Records:
    """Read every picture into memory; all must have one size."""
    n = len(records.person)
    pixels = np.empty((n, *read(records, 0).shape), np.uint8)
    for row in range(n):
        pixels[row] = read(records, row)
    return records._replace(image=Held(pixels))
