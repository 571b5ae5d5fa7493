"""Data sets packed into a few ArrayRecord files, so that no run lists a folder of a million files.

The folder is an ordinary one of TensorFlow Datasets (tensorflow itself is not needed). Beside the
shards lies `columns.npz` with the columns of Records, which are read without opening a picture.
Other readers of the folder turn no picture upright, and know fewer kinds than `decode`.

Pictures are read in any order, each on demand, directly from the shards. TensorFlow Datasets is not
used to read them: it imports its modules on first use, and can hang for ever where the first use
is by several threads at once.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from array_record.python.array_record_data_source import ArrayRecordDataSource

from reid_jax.data import records as reading
from reid_jax.files import bound, npz
from reid_jax.types import Records
from reid_jax.whole import whole

SPLIT, COLUMNS = "rows", "columns.npz"
INTEGERS = ("person", "camera", "domain", "group", "frame", "shot")
AGAIN = "copy or pack it again"
SHARD = 20_000  # rows in a file
CHUNK = 1_000  # rows between two calls of `watch`


class Packed:
    """The pictures of a packed data set: item i is the encoded bytes of row i."""

    def __init__(self, folder: Path):
        shards = [str(path) for path in sorted(folder.glob(f"*-{SPLIT}.array_record-*"))]
        self.folder = folder
        try:
            self.source = ArrayRecordDataSource(shards) if shards else ()
        except Exception as error:  # a broken shard can make it raise anything
            raise ValueError(
                f"{folder} has a broken file of pictures: {bound.reason(error)}; {AGAIN}"
            ) from error

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, row: int) -> bytes:
        row = range(len(self))[int(row)]  # a negative row counts from the end; may raise IndexError
        try:
            return _picture(self.source[row])
        except Exception as error:
            raise ValueError(
                f"{self.folder}, row {row} is broken: {bound.reason(error)}; {AGAIN}"
            ) from error

    def take(self, rows: np.ndarray) -> reading.Chosen:
        """Return the images of the given rows, in their order."""
        return reading.Chosen(self, rows)


def pack(
    records: Records,
    folder: str | Path,
    *,
    name: str = "reid",
    watch: Callable[[int, int], None] = lambda *_: None,
    beside: Callable[[Path], None] = lambda _: None,
) -> None:
    """Write a data set to a new folder, completely or not at all.

    Files and encoded bytes are stored unchanged; pixels are stored as PNG. Every picture is decoded
    once to check it.

    Args:
        records: the data set.
        folder: the folder to create.
        name: of the data set in TensorFlow Datasets.
        watch: called with (rows written, all rows) after every `CHUNK` rows and at the end.
        beside: called with the unfinished folder, before it is renamed, to add files.

    Raises:
        FileExistsError: the folder exists.
        ValueError: there is no picture, or one, which is named, cannot be read.
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f"{folder} exists already; choose another folder (`out`)")
    if not len(records.person):
        raise ValueError(f"there is no picture to pack into {folder}")
    with whole(folder) as unfinished:
        unfinished.mkdir()
        _write(records, unfinished, name, watch)
        columns = {column: getattr(records, column) for column in records._fields[1:]}
        np.savez(unfinished / COLUMNS, **columns)
        beside(unfinished)


def packed(folder: str | Path) -> Records:
    """Open the data set that `pack` wrote.

    Args:
        folder: that `pack` created.

    Returns:
        Records in the order in which they were packed. A column that did not exist yet when they
        were packed is -1.

    Raises:
        FileNotFoundError: the folder was not written by `pack`.
        ValueError: a part of it is missing or broken.
    """
    folder = Path(folder)
    if not (folder / COLUMNS).is_file():
        raise FileNotFoundError(
            f"{folder} holds no packed data set ({COLUMNS}); `reid-jax prepare` writes one"
        )
    wanted = {"person": ("iu", 1), "split": ("U", 1)}
    wanted |= {f"{name}?": ("iu", 1) for name in INTEGERS[1:]}
    columns = npz.columns(folder / COLUMNS, "the columns of a packed data set", wanted, AGAIN)
    pictures, rows = Packed(folder), len(columns["person"])
    if len(pictures) != rows:
        raise ValueError(
            f"{folder} holds {len(pictures)} pictures and {COLUMNS} {rows} rows; "
            "copy or pack it again"
        )
    try:
        return reading.make(pictures, **columns)
    except ValueError as error:
        raise ValueError(f"{folder / COLUMNS} is broken: {error}; {AGAIN}") from None


def encoded(records: Records, row: int) -> bytes:
    """Return the encoded bytes of a row's picture: those of the file or record, PNG for pixels.

    Raises:
        ValueError: the picture, which is named, cannot be read.
    """
    item = records.image[row]
    if isinstance(item, np.ndarray):
        return cv2.imencode(".png", cv2.cvtColor(item, cv2.COLOR_RGB2BGR))[1].tobytes()
    reading.read(records, row)
    return Path(item).read_bytes() if isinstance(item, str) else item


def _write(records: Records, folder: Path, name: str, watch: Callable[[int, int], None]) -> None:
    """Write the ArrayRecord files row by row.

    The builders of TensorFlow Datasets collect all rows first, and need tensorflow above 1 GB.
    """
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.example_serializer import ExampleSerializer

    class Ordered(ExampleSerializer):
        """Sorts the columns of a row by name, so that all processes write the same bytes."""

        def serialize_example(self, example: dict) -> bytes:
            return self.get_tf_example(example).SerializeToString(deterministic=True)

    integers = dict.fromkeys(INTEGERS, np.int32)
    image = tfds.features.Image(shape=(None, None, 3))
    info = tfds.core.DatasetInfo(
        builder=tfds.core.DatasetIdentity(
            name=name,
            version=tfds.core.Version("1.0.0"),
            data_dir=str(folder),
            module_name=__name__,
        ),
        description="Person pictures as encoded bytes.",
        features=tfds.features.FeaturesDict(
            {"image": image, **integers, "split": tfds.features.Text()}
        ),
        disable_shuffling=True,
    )
    writer = tfds.core.SequentialWriter(
        info, max_examples_per_shard=SHARD, file_format="array_record"
    )
    writer._serializer = Ordered(info.features.get_serialized_info())
    writer.initialize_splits([SPLIT])
    total = len(records.person)
    try:
        for start in range(0, total, CHUNK):
            rows = range(start, min(start + CHUNK, total))
            writer.add_examples({SPLIT: (_example(records, row) for row in rows)})
            watch(rows.stop, total)
    finally:
        writer.close_all()


def _example(records: Records, row: int) -> dict:
    integers = {column: int(getattr(records, column)[row]) for column in INTEGERS}
    return {"image": encoded(records, row), **integers, "split": str(records.split[row])}


def _picture(example: bytes) -> bytes:
    """Return Example.features.feature["image"].bytes_list.value[0] of an encoded Example."""
    (features,) = _fields(memoryview(example))
    for entry in _fields(features):
        name, feature = _fields(entry)
        if name == b"image":
            (values,) = _fields(feature)
            (value,) = _fields(values)
            return bytes(value)
    raise ValueError("a row without a picture")


def _fields(message: memoryview) -> Iterator[memoryview]:
    """Iterate over the contents of a protocol buffer message.

    Every field must be length-delimited: a tag of one byte, the length as a varint, the content.
    """
    at = 0
    while at < len(message):
        at, length, shift = at + 1, 0, 0  # after the tag
        while True:
            length |= (message[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if message[at - 1] < 128:  # this was the last byte of the length
                break
        yield message[at : at + length]
        at += length
