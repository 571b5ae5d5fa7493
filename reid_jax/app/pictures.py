"""Pictures that a tool is to look at, named as a training names its data or by a bare path."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reid_jax.app import kinds, sources, written
from reid_jax.data import packed
from reid_jax.data.sets.known import MARKET, kind_of
from reid_jax.options import expanded
from reid_jax.types import Records


class Pictures(NamedTuple):
    """Records and the name of each row: a file's path below its folder, or `row-000123`."""

    data: Records
    name: list[str]


def opened(text: str) -> Pictures:
    """Open pictures, all splits of them.

    Args:
        text: KIND:PATH, or several joined by "+", as a training takes them; or a bare path: a CSV,
            a packed folder, Market-1501 and what has its layout, or another folder, which is
            searched to the bottom.

    Returns:
        The pictures; where there are several sources, each row's name begins with the number of
        its source, from 0.

    Raises:
        ValueError: the text names no pictures, or the data are not as their kind demands.
        FileNotFoundError: there is nothing at the path.
    """
    parts = kinds.split(recognised(text))
    data = [sources.opened(part, shared=True) for part in parts]
    names = [_names(one, written.parsed(part).path) for one, part in zip(data, parts, strict=True)]
    if len(parts) == 1:
        return Pictures(data[0], names[0])
    numbered = [f"{number}/{name}" for number, part in enumerate(names) for name in part]
    return Pictures(kinds.joined(data), numbered)


def are_files(data: Records) -> bool:
    """Whether every picture is a file."""
    return isinstance(data.image, np.ndarray)


def recognised(text: str) -> str:
    """KIND:PATH of a text that may be a bare path.

    Raises:
        ValueError, FileNotFoundError: as `opened`.
    """
    if text.partition(":")[0] in kinds.KINDS:
        return text
    path = Path(expanded(text))
    if path.is_dir():
        if (path / packed.COLUMNS).is_file() or (path / "dataset_info.json").is_file():
            return f"packed:{path}"
        if all((path / part).is_dir() for part in MARKET):
            return f"{kind_of(path) or 'market1501'}:{path}"
        return f"pictures:{path}"
    if path.suffix.lower() == ".csv" and path.is_file():
        return f"csv:{path}"
    if path.exists():
        raise ValueError(f"{path} is neither a folder of pictures nor a .csv that lists them")
    if ":" in text:
        return text  # whose kind is refused by name
    raise FileNotFoundError(f"there is no folder {path}, and no such .csv")


def _names(data: Records, path: str) -> list[str]:
    if not are_files(data):
        return [f"row-{row:06}" for row in range(len(data.person))]
    root = expanded(path)
    root = root if os.path.isdir(root) else os.path.dirname(root)
    return [os.path.relpath(str(image), root or ".") for image in np.asarray(data.image)]
