"""The pictures of CUHK03 by name, from the published cuhk-03.mat or from folders taken from it.

A name is that of the usual extraction: 1_001_2_06.png is of pair 1, person 1, view 2, number 6.
"""

import json
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reid_jax.data.sets import listing, mat
from reid_jax.types import Images

NAME = re.compile(r"([1-5])_(\d{3})_([12])_(\d{2})\.(?:png|jpg)$", re.IGNORECASE)
KIND = "CUHK03's pictures (cuhk-03.mat)"
VIEW = 5  # pictures of a person by each of two views


class Pictures(NamedTuple):
    """All pictures: `names` without their ending, in order, and where they are."""

    names: list[str]
    images: Images


class Matlab:
    """Image source: pictures of cuhk-03.mat; each process opens it when it first reads."""

    def __init__(self, path: Path, boxes: str, places: np.ndarray):
        """Keep them.

        Args:
            path: the file.
            boxes: "detected" or "labeled".
            places: i64[n 3], (pair, person, number) of each row, from 0.
        """
        self.path, self.boxes, self.places = path, boxes, places
        self._file: Any = None

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, row: int) -> np.ndarray:
        if self._file is None:
            self._file = mat.open_hdf5(self.path, self.boxes, kind=KIND)
        pair, person, number = self.places[row].tolist()
        cells = self._file[self._file[self.boxes][0, pair]]
        return np.ascontiguousarray(self._file[cells[number, person]][:].T)

    def take(self, rows: np.ndarray) -> "Matlab":
        """Return the images of the given rows, in their order."""
        return Matlab(self.path, self.boxes, self.places[rows])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        import h5py  # noqa: F401  # here, not in a thread that reads

        self.__dict__.update(state)


def of_matlab(path: Path, boxes: str) -> Pictures:
    """The pictures of cuhk-03.mat, those of "detected" or of "labeled" boxes."""
    places = []
    with mat.open_hdf5(path, "detected", "labeled", kind=KIND) as file:
        for pair, reference in enumerate(file[boxes][0]):
            cells = file[reference]
            for person in range(cells.shape[1]):
                for number in range(cells.shape[0]):
                    if file[cells[number, person]].ndim == 3:  # others are empty
                        places.append((pair, person, number))
    names = [
        f"{pair + 1}_{person + 1:03}_{1 + number // VIEW}_{number + 1:02}"
        for pair, person, number in places
    ]
    return Pictures(names, Matlab(path, boxes, np.array(places).reshape(-1, 3)))


def tests_of_matlab(path: Path) -> list[set[tuple[int, int]]]:
    """The (pair, person), from 1, of each of cuhk-03.mat's lists of test persons."""
    with mat.open_hdf5(path, "testsets", kind=KIND) as file:
        return [
            {(int(pair), int(person)) for pair, person in file[reference][:].T}
            for reference in file["testsets"][0]
        ]


def tests_of_json(path: Path) -> list[set[tuple[int, int]]]:
    """The same of a file that torchreid wrote.

    Raises:
        ValueError: it is another file.
    """
    try:
        tests = []
        for one in json.loads(path.read_text()):
            matches = [NAME.match(os.path.basename(file)) for file, *_ in one["query"]]
            tests.append({(int(match[1]), int(match[2])) for match in matches if match})
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{path} is another file than torchreid's list of splits") from None
    return tests


def of_folder(folder: Path) -> Pictures:
    """The pictures of a folder of the usual extraction."""
    files = listing.pictures(folder)
    found = listing.matched(files, NAME, "cuhk03", "CUHK03", "1_001_1_01.png")
    names = [Path(file).stem for file, _ in found]
    return Pictures(names, np.array([file for file, _ in found], object))
