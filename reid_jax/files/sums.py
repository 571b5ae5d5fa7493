"""Checksums: of arrays in a checkpoint, of files in an export."""

import hashlib
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def of_array(array: Any) -> int:
    """The CRC-32 of an array's type, shape and bytes."""
    array = np.ascontiguousarray(array)
    begun = zlib.crc32(f"{array.dtype}{array.shape}".encode())
    return zlib.crc32(memoryview(array.reshape(-1).view(np.uint8)), begun)


def of_json(value: Any) -> int:
    """The CRC-32 of what JSON can hold; the order of names does not count."""
    return zlib.crc32(json.dumps(value, sort_keys=True).encode())


def of_files(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of a folder, to its bottom, by its path in it."""
    files = sorted(one for one in folder.rglob("*") if one.is_file())
    return {one.relative_to(folder).as_posix(): digest(one) for one in files}


def check_files(folder: Path, part: str, kept: Any) -> None:
    """Compare a file or a folder of `folder` with what `of_files` said when it was written.

    Args:
        folder: that `of_files` was given.
        part: the name of the file or folder in it.
        kept: what it said; None: nothing is known.

    Raises:
        ValueError: a file is another one, or missing; the line names it.
    """
    if kept is None:
        return
    wanted = {
        name: said
        for name, said in (kept.items() if isinstance(kept, Mapping) else ())
        if name == part or name.startswith(f"{part}/")
    }
    there = folder / part
    files = [there] if there.is_file() else [one for one in there.rglob("*") if one.is_file()]
    found = {one.relative_to(folder).as_posix(): one for one in files}
    for name in sorted({*wanted, *found}):
        if name not in found:
            raise ValueError(f"{folder / name} is missing; export it again, or copy it again")
        if wanted.get(name) != digest(found[name]):
            raise ValueError(
                f"{found[name]} is cut short, damaged or another file: its SHA-256 is not the one "
                "that was kept; export it again, or copy it again"
            )


def digest(path: Path) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
