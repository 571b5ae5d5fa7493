"""Reader of a CSV with the columns `path,person,camera,split[,domain,group,frame,shot]`.

It is the reader for data sets in any other form:

    path: relative to the CSV's folder.
    person: any name. "distractor" is kept in the gallery and matches no query; an empty one or -1
        is unknown.
    camera: any name; an empty one or -1 is unknown.
    split: train, query or gallery.
    domain: 0 (annotated; the default) or 1.
    group: the name of a video, unknown like a camera. A group of several cameras is one scene,
        seen by them at the same time.
    frame: the number of the frame in the video; empty or -1 is unknown.
    shot: the number of the shot, the part of a video between two cuts; empty or -1 is unknown.
"""

import csv
import os
import re
from pathlib import Path

import numpy as np

from reid_jax.data import records
from reid_jax.types import Records

NEEDED = ("path", "person", "camera", "split")
UNKNOWN = ("", "-1")


def table(path: str | Path) -> Records:
    """Read the CSV.

    Args:
        path: the CSV, in UTF-8.

    Returns:
        Records in the order of the lines. Persons are numbered from 1, cameras and groups from 0,
        in the order of their names.

    Raises:
        FileNotFoundError: the CSV or a picture is missing.
        ValueError: anything else is wrong; the message names the column or line.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        numbers, lines = _lines(path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read as a CSV in UTF-8: {error}") from None
    _check(path, numbers, lines)
    person = _numbered(
        [line["person"] for line in lines], 1, {**dict.fromkeys(UNKNOWN, -1), "distractor": 0}
    )
    camera = _numbered([line["camera"] for line in lines], 0, dict.fromkeys(UNKNOWN, -1))
    group = _numbered([line.get("group", "") for line in lines], 0, dict.fromkeys(UNKNOWN, -1))
    domain = np.array([int(line.get("domain") or 0) for line in lines])
    frame, shot = (
        np.array([int(line.get(name) or -1) for line in lines]) for name in ("frame", "shot")
    )
    files = [str(path.parent / line["path"]) for line in lines]
    return records.make(
        files,
        person,
        camera,
        domain,
        group,
        np.array([line["split"] for line in lines]),
        frame,
        shot,
    )


def _lines(path: Path) -> tuple[list[int], list[dict[str, str]]]:
    """Read the line numbers and the lines, each a dict by column."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        header = [name.strip() for name in reader.fieldnames or []]
        reader.fieldnames = header
        missing = [name for name in NEEDED if name not in header]
        if missing:
            raise ValueError(
                f"{path} lacks the column {', '.join(missing)}; its first line is "
                f"{','.join(header) or 'empty'}, and "
                f"{','.join(NEEDED)}[,domain,group,frame,shot] is expected"
            )
        numbers: list[int] = []
        lines: list[dict[str, str]] = []
        for line in reader:
            numbers.append(reader.line_num)
            lines.append({name: (value or "").strip() for name, value in line.items() if name})
    if not lines:
        raise ValueError(f"{path} has a header and no line")
    return numbers, lines


def _check(path: Path, numbers: list[int], lines: list[dict[str, str]]) -> None:
    """Refuse lines with a wrong split, domain, frame or shot, or whose picture does not exist."""
    listed: dict[Path, set[str]] = {}  # each folder is listed once instead of testing every file
    for number, line in zip(numbers, lines, strict=True):
        if line["split"] not in records.SPLITS:
            raise ValueError(
                f"{path}, line {number}: the split is {line['split']!r}, "
                f"not {', '.join(records.SPLITS)}"
            )
        if line.get("domain", "") not in ("", "0", "1"):
            raise ValueError(f"{path}, line {number}: the domain is {line['domain']!r}, not 0 or 1")
        for name in ("frame", "shot"):
            if not re.fullmatch(r"|-1|[0-9]{1,9}", line.get(name, "")):
                raise ValueError(
                    f"{path}, line {number}: the {name} is {line[name]!r}, not a whole number"
                )
        file = path.parent / line["path"]
        if file.parent not in listed:
            listed[file.parent] = set(os.listdir(file.parent)) if file.parent.is_dir() else set()
        if not line["path"] or file.name not in listed[file.parent]:
            raise FileNotFoundError(f"{path}, line {number}: there is no picture {file}")


def _numbered(names: list[str], start: int, known: dict[str, int]) -> np.ndarray:
    """Number names from `start` in their order (numbers before words), except those in `known`."""
    others = sorted(
        {*names} - {*known},
        key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name),
    )
    number = {**known, **{name: start + place for place, name in enumerate(others)}}
    return np.array([number[name] for name in names])
