"""The file of `reid-jax embed`: names, embeddings and keys, as .npz or as Parquet."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reid_jax.files import bound, npz
from reid_jax.types import Records
from reid_jax.whole import whole

ENCODER = "encoder"  # the name that the encoder's hash is kept under
NAMES = {"camera": "camera", "person": "person", "group": "video", "frame": "frame"}
WHAT = "a file of `reid-jax embed`"
NEEDS = "a .parquet file needs pyarrow: pip install 'reid_jax[search]'"


class Embedded(NamedTuple):
    """What a file holds.

    Attributes:
        name: of each picture.
        embedding: f32[n d], of length one.
        encoder: the hash of the encoder's weights; None: an earlier version wrote it.
        keys: the further columns of a .parquet by name; of an .npz camera, person, video and frame.
    """

    name: list[str]
    embedding: np.ndarray
    encoder: str | None
    keys: dict[str, list[Any]]


def ready(path: Path) -> None:
    """Make sure before the work that such a file can be written.

    Raises:
        ImportError: pyarrow is not installed.
    """
    if path.suffix == ".parquet":
        _pyarrow()


def write(
    path: Path,
    name: list[str],
    embedding: np.ndarray,
    data: Records,
    encoder: str,
    keys: Mapping[str, list[Any]],
) -> None:
    """Write it, whole or not at all.

    Args:
        path: .npz or .parquet.
        name: of each picture.
        embedding: f32[n d], of length one.
        data: the pictures.
        encoder: the hash of the encoder's weights.
        keys: of `keys.known`; a .parquet has them.

    Raises:
        ImportError: pyarrow is not installed.
    """
    columns = {column: getattr(data, column) for column in data._fields[1:]}
    with whole(path) as unfinished:
        if path.suffix == ".parquet":
            _parquet(unfinished, name, embedding, columns, encoder, keys)
            return
        with unfinished.open("wb") as file:
            held = {"name": np.array(name), ENCODER: np.array(encoder), **columns}
            np.savez(file, allow_pickle=False, embedding=embedding, **held)


def read(path: Path) -> Embedded:
    """Read it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no file of `reid-jax embed`.
        ImportError: pyarrow is not installed.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; `reid-jax embed` writes it")
    if path.suffix != ".parquet":
        found = _of_npz(path)
    else:
        _pyarrow()
        try:
            found = _of_parquet(path)
        except Exception as error:  # a broken file can make pyarrow raise anything
            raise ValueError(f"{path} is not {WHAT}: {bound.reason(error)}") from error
    if len(found.name) != len(found.embedding) or not found.name:
        raise ValueError(
            f"{path} holds {len(found.name)} names and {len(found.embedding)} embeddings"
        )
    return found


def _of_npz(path: Path) -> Embedded:
    wanted = {"name": ("U", 1), "embedding": ("f", 2), f"{ENCODER}?": ("U", 0)}
    wanted |= {f"{name}?": ("iu", 1) for name in NAMES}
    columns = npz.columns(path, WHAT, wanted)
    encoder = str(columns[ENCODER]) if ENCODER in columns else None
    keys = {
        to: [None if one < 0 else one for one in columns[name].tolist()]
        for name, to in NAMES.items()
        if name in columns
    }
    return Embedded(columns["name"].tolist(), columns["embedding"], encoder, keys)


def _of_parquet(path: Path) -> Embedded:
    file = _pyarrow().ParquetFile(path)
    claimed = (file.metadata.row_group(one) for one in range(file.metadata.num_row_groups))
    bound.check(path, sum(one.total_byte_size for one in claimed))
    # empty lists of a fixed length take memory and no room in the file
    bound.check(path, file.metadata.num_rows * sum(_length(one.type) for one in file.schema_arrow))
    table = file.read()
    table.validate(full=True)
    embedding = table["embedding"].combine_chunks()
    rows = np.asarray(embedding.flatten(), np.float32).reshape(len(embedding), -1)
    encoder = (table.schema.metadata or {}).get(ENCODER.encode())
    kept = [name for name in table.column_names if name not in ("name", "embedding")]
    keys = {name: table[name].to_pylist() for name in kept}
    return Embedded(table["name"].to_pylist(), rows, encoder.decode() if encoder else None, keys)


def _length(kind: Any) -> int:
    """Bytes of a list of a fixed length; 0 of any other type."""
    size = max(0, getattr(kind, "list_size", 0))
    return size and size * (_length(kind.value_type) or 8)


def _parquet(
    path: Path,
    name: list[str],
    embedding: np.ndarray,
    columns: Mapping[str, np.ndarray],
    encoder: str,
    keys: Mapping[str, list[Any]],
) -> None:
    import pyarrow as pa

    box = pa.list_(pa.float32(), 4)
    kinds = {"video": pa.string(), "track": pa.string(), "box": box, "rate": pa.float64()}
    made: dict[str, Any] = {"name": pa.array(name, pa.string())}
    for column, values in columns.items():
        integers = np.issubdtype(values.dtype, np.integer)
        unknown = values < 0 if integers else None
        made[column] = pa.array(values.tolist() if not integers else values, mask=unknown)
    made |= {key: pa.array(keys[key], kind) for key, kind in kinds.items()}
    flat = pa.array(np.ascontiguousarray(embedding, np.float32).ravel())
    made["embedding"] = pa.FixedSizeListArray.from_arrays(flat, embedding.shape[1])
    table = pa.table(made).replace_schema_metadata({ENCODER: encoder})
    _pyarrow().write_table(table, path)


def _pyarrow() -> Any:
    try:
        from pyarrow import parquet
    except ImportError:
        raise ImportError(NEEDS) from None
    return parquet
