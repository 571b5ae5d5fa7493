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

Lines are read in blocks and kept as columns of numbers, so that a million of them take seconds.
"""

import csv
import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from reid_jax.data import records
from reid_jax.types import Records

NEEDED = ("path", "person", "camera", "split")
UNKNOWN = ("", "-1")
BLOCK = 20_000  # lines
NUMBER = re.compile(r"-1|[0-9]{1,9}")
PATHS = np.dtypes.StringDType()  # its strings lie in one piece of memory


class Codes(dict[str, int]):
    """Numbers for texts, in the order in which they come; spaces around a text do not count."""

    def __missing__(self, text: str) -> int:
        plain = text.strip()
        self[text] = self[plain] if plain != text else len(self)
        return self[text]

    def translated(self, codes: np.ndarray, number: dict[str, int]) -> np.ndarray:
        """The number of the text of each code, i32[n]."""
        table = np.zeros(len(self) + 1, np.int32)
        for text, code in self.items():
            table[code] = number[text.strip()]
        return table[codes]


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
        return _Reading(path).records()
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read as a CSV in UTF-8: {error}") from None


class _Reading:
    """The columns of a CSV, filled block by block."""

    def __init__(self, path: Path):
        self.path, self.folder = path, f"{path.parent}{os.sep}"
        with path.open("rb") as file:
            most = sum(block.count(b"\n") + block.count(b"\r") for block in _blocks(file)) + 1
        self.files = np.empty(most, PATHS)
        self.codes = {name: Codes() for name in ("person", "camera", "split", "group", "domain",
                                                 "frame", "shot")}  # fmt: skip
        self.columns = {name: np.zeros(most, np.int32) for name in self.codes}
        self.there: dict[str, set[str]] = {}  # each folder is listed once, no file is tested
        self.rows = 0

    def records(self) -> Records:
        with self.path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            place = _places(self.path, header)
            while block := list(islice(reader, BLOCK)):
                self._add([_padded(line, len(header)) for line in block if line], place)
        if not self.rows:
            raise ValueError(f"{self.path} has a header and no line")
        self.there.clear()
        files = self.files[: self.rows]
        del self.files
        return records.make(files, **self._numbers())

    def _add(self, lines: list[list[str]], place: dict[str, int]) -> None:
        """Fill in the next rows."""
        if not lines:
            return
        first, last = self.rows, self.rows + len(lines)
        texts = list(zip(*lines, strict=True))
        for name, codes in self.codes.items():
            if name in place:
                before = len(codes)
                self.columns[name][first:last] = [codes[text] for text in texts[place[name]]]
                for text in list(codes)[before:]:
                    self._check(name, text.strip(), texts[place[name]].index(text) + first)
            elif first == 0:
                codes[""]  # the whole column
        self.files[first:last] = self._found(texts[place["path"]])
        self.rows = last

    def _check(self, name: str, text: str, row: int) -> None:
        """Refuse a text that its column cannot have."""
        if name == "split" and text not in records.SPLITS:
            raise self._error(row, f"the split is {text!r}, not {', '.join(records.SPLITS)}")
        if name == "domain" and text not in ("", "0", "1"):
            raise self._error(row, f"the domain is {text!r}, not 0 or 1")
        if name in ("frame", "shot") and text and not NUMBER.fullmatch(text):
            raise self._error(row, f"the {name} is {text!r}, not a whole number")

    def _found(self, names: Sequence[str]) -> list[str]:
        """The files of some rows, which must be there."""
        files = []
        for row, name in enumerate(names, self.rows):
            name = name.strip()
            if name[:1] in ("", "/") or "//" in name or "./" in name or os.sep != "/":
                file = str(self.path.parent / name)
            else:
                file = self.folder + name
            folder, _, base = file.rpartition(os.sep)
            there = self.there.get(folder)
            if there is None:
                there = set(os.listdir(folder or ".")) if os.path.isdir(folder or ".") else set()
                self.there[folder] = there
            if base not in there or not name:
                missing = self._error(row, f"there is no picture {file}")
                raise FileNotFoundError(f"{missing}")
            files.append(file)
        return files

    def _error(self, row: int, text: str) -> ValueError:
        """An error that names the line of a row."""
        with self.path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            next(reader)
            next(islice((line for line in reader if line), row, None))
            return ValueError(f"{self.path}, line {reader.line_num}: {text}")

    def _numbers(self) -> dict[str, Any]:
        """The columns as `records.make` takes them."""
        unknown = dict.fromkeys(UNKNOWN, -1)
        known: dict[str, dict[str, int]] = {
            "person": _numbered(self.codes["person"], 1, {**unknown, "distractor": 0}),
            "camera": _numbered(self.codes["camera"], 0, unknown),
            "group": _numbered(self.codes["group"], 0, unknown),
            "domain": {"": 0, "0": 0, "1": 1},
            "split": {name: number for number, name in enumerate(records.SPLITS)},
        }
        for name in ("frame", "shot"):
            known[name] = {text.strip(): int(text.strip() or -1) for text in self.codes[name]}
        columns = {
            name: self.codes[name].translated(self.columns.pop(name)[: self.rows], number)
            for name, number in known.items()
        }
        return {**columns, "split": np.array(records.SPLITS)[columns["split"]]}


def _blocks(file: Any) -> Iterator[bytes]:
    while block := file.read(1 << 20):
        yield block


def _places(path: Path, header: list[str]) -> dict[str, int]:
    """Where each column is."""
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise ValueError(
            f"{path} lacks the column {', '.join(missing)}; its first line is "
            f"{','.join(header) or 'empty'}, and "
            f"{','.join(NEEDED)}[,domain,group,frame,shot] is expected"
        )
    return {name: header.index(name) for name in header}


def _padded(line: list[str], width: int) -> list[str]:
    """A line with as many values as there are columns."""
    return line if len(line) == width else [*line[:width], *[""] * (width - len(line))]


def _numbered(codes: Codes, start: int, known: dict[str, int]) -> dict[str, int]:
    """Number names from `start` in their order (numbers before words), except those in `known`."""
    others = sorted(
        {text.strip() for text in codes} - {*known},
        key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name),
    )
    return {**known, **{name: start + place for place, name in enumerate(others)}}
