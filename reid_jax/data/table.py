"""Reader of a CSV with the columns `path,person,camera,split[,domain,group,frame,shot]`.

It is the reader for data sets in any other form:

    path: relative to the CSV's folder, or absolute; it is opened as a picture, wherever it lies.
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
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from reid_jax.data import records
from reid_jax.types import Records

NEEDED = ("path", "person", "camera", "split")
UNKNOWN = ("", "-1")
COLUMNS = {"path", "person", "camera", "split", "group", "domain", "frame", "shot"}
CHECKED = ("split", "domain", "frame", "shot")  # columns that cannot have any text
BLOCK = 5_000  # lines
NUMBER = re.compile(r"-1|[0-9]{1,9}")
PATHS = np.dtypes.StringDType()  # its strings lie in one piece of memory


class Codes(dict[str, int]):
    """Numbers for texts, in the order in which they come; spaces around a text do not count."""

    def __missing__(self, text: str) -> int:
        plain = text.strip()
        self[text] = self[plain] if plain != text else len(self)
        return self[text]

    def numbered(self, codes: np.ndarray, start: int, known: Mapping[str, int]) -> np.ndarray:
        """Number the texts from `start` in their order, numbers before words; i32[n] of codes.

        Those in `known` have their number there.
        """
        texts = {text.strip() for text in self}
        words = sorted(text for text in texts if not text.isdecimal() and text not in known)
        figures = sorted(text for text in texts if text.isdecimal() and text not in known)
        figures.sort(key=int)  # which leaves 7 and 07 in the order of their names
        number = np.zeros(len(self) + 1, np.int32)
        for text in texts & known.keys():
            number[self[text]] = known[text]
        for place, text in enumerate([*figures, *words], start):
            number[self[text]] = place
        return number[codes]


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
        self.codes = {name: Codes() for name in COLUMNS}
        self.columns = {name: np.zeros(most, np.int32) for name in COLUMNS}
        self.rows = 0

    def records(self) -> Records:
        with self.path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            place = _places(self.path, header)
            for name in COLUMNS - {*place}:
                self.codes[name][""]  # the whole column
            while block := list(islice(reader, BLOCK)):
                self._add(_even(block, len(header)), place)
        if not self.rows:
            raise ValueError(f"{self.path} has a header and no line")
        files = self.files[: self.rows]
        folder = self.columns.pop("path")[: self.rows]
        numbers = self._numbers()
        self._check_files(files, folder)
        return records.make(files, **numbers)

    def _add(self, lines: list[list[str]], place: dict[str, int]) -> None:
        """Fill in the next rows."""
        if not lines:
            return
        rows = slice(self.rows, self.rows + len(lines))
        texts = list(zip(*lines, strict=True))
        for name in COLUMNS & {*place}:
            codes, column = self.codes[name], texts[place[name]]
            before = len(codes)
            if name == "path":
                files = self._files(column)
                self.files[rows] = files
                column = tuple(file.rpartition(os.sep)[0] for file in files)
            self.columns[name][rows] = np.fromiter(
                map(codes.__getitem__, column), np.int32, len(lines)
            )
            for text in islice(codes, before, None) if name in CHECKED else ():
                if wrong := _wrong(name, text.strip()):
                    row = next(r for r, one in enumerate(column) if one.strip() == text.strip())
                    raise self._error(self.rows + row, wrong)
        self.rows = rows.stop

    def _files(self, names: Sequence[str]) -> list[str]:
        """The paths of the pictures of some rows."""
        names = list(map(str.strip, names))
        if "" in names:
            raise self._error(self.rows + names.index(""), "the path is empty")
        text = "\n" + "\n".join(names)
        if os.sep != "/" or "\n/" in text or "//" in text or "./" in text:
            return [str(self.path.parent / name) for name in names]
        return [self.folder + name for name in names]

    def _check_files(self, files: np.ndarray, folder: np.ndarray) -> None:
        """Refuse a file that is not there; each folder is listed once, and no file is tested."""
        order = np.argsort(folder, kind="stable")
        ends = np.searchsorted(folder[order], np.arange(len(self.codes["path"]) + 1))
        missing: list[int] = []
        for code, place in enumerate(self.codes["path"]):
            rows = order[ends[code] : ends[code + 1]]
            there = set(os.listdir(place or os.sep)) if os.path.isdir(place or os.sep) else set()
            for first in range(0, len(rows), BLOCK):
                some = rows[first : first + BLOCK]
                names = [file[len(place) + 1 :] for file in files[some]]
                if not there.issuperset(names):
                    missing.append(
                        next(int(r) for r, n in zip(some, names, strict=True) if n not in there)
                    )
                    break
        if missing:
            row = min(missing)
            raise FileNotFoundError(str(self._error(row, f"there is no picture {files[row]}")))

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
        known: dict[str, Mapping[str, int]] = {
            "person": {**unknown, "distractor": 0},
            "camera": unknown,
            "group": unknown,
            "domain": {"": 0, "0": 0, "1": 1},
            "split": {name: number for number, name in enumerate(records.SPLITS)},
        }
        for name in ("frame", "shot"):
            known[name] = {text.strip(): int(text.strip() or -1) for text in self.codes[name]}
        columns = {
            name: self.codes.pop(name).numbered(
                self.columns.pop(name)[: self.rows], 1 if name == "person" else 0, known[name]
            )
            for name in known
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


def _wrong(name: str, text: str) -> str:
    """Why a column cannot have a text; "" where it can."""
    if name == "split" and text not in records.SPLITS:
        return f"the split is {text!r}, not {', '.join(records.SPLITS)}"
    if name == "domain" and text not in ("", "0", "1"):
        return f"the domain is {text!r}, not 0 or 1"
    if name in ("frame", "shot") and text and not NUMBER.fullmatch(text):
        return f"the {name} is {text!r}, not a whole number"
    return ""


def _even(block: list[list[str]], width: int) -> list[list[str]]:
    """Lines without the empty ones, each with as many values as there are columns."""
    if {*map(len, block)} == {width}:
        return block
    return [[*line[:width], *[""] * (width - len(line))] for line in block if line]
