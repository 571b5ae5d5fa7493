"""A CSV with `path,person,camera,split[,domain,group,frame,shot]`: the way in for a data set that no other file here reads.

path is relative to the CSV's folder. person and camera are any names; person "distractor" stays in the gallery and
matches nobody, an empty one or -1 is not known. split is train, query or gallery. domain is 0 (annotated) or 1.
group is a video's name, frame and shot (what lies between two cuts of a video) are whole numbers; a video of several cameras
is one scene, seen by them at the same time.
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
    """The rows of the CSV, in order; persons are numbered from 1, cameras and groups from 0, in the order of their names.

    Raises: FileNotFoundError for a missing CSV or picture; ValueError, naming column or line, for anything else amiss.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        numbers, lines = _lines(path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read as a CSV in UTF-8: {error}") from None
    _check(path, numbers, lines)
    person = _numbered([line["person"] for line in lines], 1, {**dict.fromkeys(UNKNOWN, -1), "distractor": 0})
    camera = _numbered([line["camera"] for line in lines], 0, dict.fromkeys(UNKNOWN, -1))
    group = _numbered([line.get("group", "") for line in lines], 0, dict.fromkeys(UNKNOWN, -1))
    domain = np.array([int(line.get("domain") or 0) for line in lines])
    frame, shot = (np.array([int(line.get(name) or -1) for line in lines]) for name in ("frame", "shot"))
    files = [str(path.parent / line["path"]) for line in lines]
    return records.make(files, person, camera, domain, group, np.array([line["split"] for line in lines]), frame, shot)


def _lines(path: Path) -> tuple[list[int], list[dict[str, str]]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        found = [name.strip() for name in reader.fieldnames or []]
        reader.fieldnames = found
        missing = [name for name in NEEDED if name not in found]
        if missing:
            raise ValueError(
                f"{path} lacks the column {', '.join(missing)}; its first line is {','.join(found) or 'empty'}, and "
                f"{','.join(NEEDED)}[,domain,group,frame,shot] is expected"
            )
        numbers, lines = [], []
        for line in reader:
            numbers.append(reader.line_num)
            lines.append({name: (value or "").strip() for name, value in line.items() if name})
    if not lines:
        raise ValueError(f"{path} has a header and no line")
    return numbers, lines


def _check(path: Path, numbers: list[int], lines: list[dict[str, str]]) -> None:
    listed: dict[Path, set[str]] = {}  # one listing a folder, not one look a file
    for number, line in zip(numbers, lines, strict=True):
        if line["split"] not in records.SPLITS:
            raise ValueError(f"{path}, line {number}: the split is {line['split']!r}, not {', '.join(records.SPLITS)}")
        if line.get("domain", "") not in ("", "0", "1"):
            raise ValueError(f"{path}, line {number}: the domain is {line['domain']!r}, not 0 or 1")
        for name in ("frame", "shot"):
            if not re.fullmatch(r"|-1|[0-9]{1,9}", line.get(name, "")):
                raise ValueError(f"{path}, line {number}: the {name} is {line[name]!r}, not a whole number")
        file = path.parent / line["path"]
        if file.parent not in listed:
            listed[file.parent] = set(os.listdir(file.parent)) if file.parent.is_dir() else set()
        if not line["path"] or file.name not in listed[file.parent]:
            raise FileNotFoundError(f"{path}, line {number}: there is no picture {file}")


def _numbered(names: list[str], start: int, known: dict[str, int]) -> np.ndarray:
    """Names -> numbers from `start` in the order of the names (numbers before words), except those in `known`."""
    others = sorted(
        {*names} - {*known}, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name)
    )
    number = {**known, **{name: start + place for place, name in enumerate(others)}}
    return np.array([number[name] for name in names])
