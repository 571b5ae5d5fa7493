"""A data set of encoded pictures in a few ArrayRecord files, so that a run never walks a folder of a million.

It is an ordinary TensorFlow-Datasets folder (tensorflow itself is not needed), with `columns.npz` beside the shards: the
columns of Records, read at once without touching a picture. Pictures are read in any order, each when it is asked for,
from the shards themselves: threads read them, and TensorFlow Datasets, which imports its modules when they are first
touched, can hang for ever where several threads are the first to use it.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from array_record.python.array_record_data_source import ArrayRecordDataSource

from reid_jax.data import records as reading
from reid_jax.types import Records

SPLIT, COLUMNS = "rows", "columns.npz"
INTEGERS = ("person", "camera", "domain", "group", "frame", "shot")
SHARD, CHUNK = 20_000, 1_000  # rows in a file, and between two calls of `watch`


class Packed:
    """The pictures of a packed data set, encoded bytes by row."""

    def __init__(self, folder: Path):
        shards = [str(path) for path in sorted(folder.glob(f"*-{SPLIT}.array_record-*"))]
        self.source = ArrayRecordDataSource(shards) if shards else ()

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, row: int) -> bytes:
        row = range(len(self))[int(row)]  # from the end if negative; IndexError beyond
        return _picture(self.source[row])

    def take(self, rows: np.ndarray) -> reading.Chosen:
        """The given rows, in order."""
        return reading.Chosen(self, rows)


def pack(
    records: Records,
    folder: str | Path,
    *,
    name: str = "reid",
    watch: Callable[[int, int], None] = lambda *_: None,
    beside: Callable[[Path], None] = lambda _: None,
) -> None:
    """Write `records` to a new folder, whole or not at all.

    Files and encoded bytes are kept as they are; pixels become PNG. Every picture is decoded once on the way.

    Args: name, of the data set; watch, called with (rows written, in all) after every thousand; beside, called with the
        folder before it gets its name, to add files.
    Raises: FileExistsError where the folder exists; ValueError for no picture, or, naming it, for one that cannot
        be read.
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f"{folder} exists already; choose another --out")
    if not len(records.person):
        raise ValueError(f"there is no picture to pack into {folder}")
    unfinished = folder.with_name(f"{folder.name}.unfinished-{os.getpid()}")
    try:
        unfinished.mkdir(parents=True)
        _write(records, unfinished, name, watch)
        np.savez(unfinished / COLUMNS, **{column: getattr(records, column) for column in records._fields[1:]})
        beside(unfinished)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def packed(folder: str | Path) -> Records:
    """The records that `pack` wrote, in their order; a column that it did not know yet is -1.

    Raises: FileNotFoundError for a folder that `pack` did not write; ValueError where a part of it is lacking.
    """
    folder = Path(folder)
    if not (folder / COLUMNS).is_file():
        raise FileNotFoundError(f"{folder} holds no packed data set ({COLUMNS}); experiments.prepare writes one")
    with np.load(folder / COLUMNS) as columns:
        columns = {name: columns[name] for name in columns.files}
    pictures, rows = Packed(folder), len(columns["person"])
    if len(pictures) != rows:
        raise ValueError(f"{folder} holds {len(pictures)} pictures and {COLUMNS} {rows} rows; copy or pack it again")
    return reading.make(pictures, **columns)


def encoded(records: Records, row: int) -> bytes:
    """The picture of a row as encoded bytes: a file's or the record's own, PNG for pixels. ValueError where broken."""
    item = records.image[row]
    if isinstance(item, np.ndarray):
        return cv2.imencode(".png", cv2.cvtColor(item, cv2.COLOR_RGB2BGR))[1].tobytes()
    reading.read(records, row)
    return Path(item).read_bytes() if isinstance(item, str) else item


def _write(records: Records, folder: Path, name: str, watch: Callable[[int, int], None]) -> None:
    """The ArrayRecord files, straight to the disk: tfds' own builders collect the rows first, and past 1 GB they need
    tensorflow for it.
    """
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.example_serializer import ExampleSerializer

    class Ordered(ExampleSerializer):
        """With the columns of a row in the order of their names: the same rows, the same bytes, in any process."""

        def serialize_example(self, example: dict) -> bytes:
            return self.get_tf_example(example).SerializeToString(deterministic=True)

    integers = dict.fromkeys(INTEGERS, np.int32)
    image = tfds.features.Image(shape=(None, None, 3))
    info = tfds.core.DatasetInfo(
        builder=tfds.core.DatasetIdentity(
            name=name, version=tfds.core.Version("1.0.0"), data_dir=str(folder), module_name=__name__
        ),
        description="Person pictures as encoded bytes.",
        features=tfds.features.FeaturesDict({"image": image, **integers, "split": tfds.features.Text()}),
        disable_shuffling=True,
    )
    writer = tfds.core.SequentialWriter(info, max_examples_per_shard=SHARD, file_format="array_record")
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
    """The field "image" of a row: Example.features.feature["image"].bytes_list.value[0], messages within messages."""
    (features,) = _fields(memoryview(example))
    for entry in _fields(features):
        name, feature = _fields(entry)
        if name == b"image":
            (values,) = _fields(feature)
            (value,) = _fields(values)
            return bytes(value)
    raise ValueError("a row without a picture")


def _fields(message: memoryview) -> Iterator[memoryview]:
    """The fields of a protocol buffer's message, all of them of known length: a tag, a length, the content."""
    at = 0
    while at < len(message):
        at, length, shift = at + 1, 0, 0  # behind the tag, one byte for the few fields that there are
        while True:
            length |= (message[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if message[at - 1] < 128:  # the length's last byte
                break
        yield message[at : at + length]
        at += length
