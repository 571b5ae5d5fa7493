"""Data sets by name: KIND:PATH -> Records."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reid_jax import synthetic
from reid_jax.data import records
from reid_jax.data.folders import folders, pictures
from reid_jax.data.market1501 import market1501
from reid_jax.data.packed import packed
from reid_jax.data.table import table
from reid_jax.options import choose, expanded
from reid_jax.types import Records


def street(path: str) -> Records:
    """`synthetic:DOMAIN`: persons of the synthetic street.

    It has 400 persons to train on, 100 others to test with, 100 distractors, and 6 cameras;
    `synthetic:DOMAIN,persons=50,cameras=2,per_camera=4,seed=1` makes another training part.
    """
    default = {"persons": 400, "cameras": 6, "per_camera": 4, "seed": 0}
    domain, options = _options(path or "plaza", default)
    train = synthetic.labelled(
        domain=domain,
        persons=options["persons"],
        cameras=options["cameras"],
        per_camera=options["per_camera"],
        seed=options["seed"],
    )
    test = synthetic.query_gallery(domain=domain, persons=100, cameras=6, per_camera=4)
    return records.concat([train, test])


def street_videos(path: str) -> Records:
    """`synthetic-videos:DOMAIN`: people cut out of every fifth frame of 100 videos, a camera each.

    `synthetic-videos:DOMAIN,videos=20,people=8,frames=60,stride=5,seed=1` makes others.
    """
    default = {"videos": 100, "people": 8, "frames": 60, "stride": 5, "seed": 0}
    domain, options = _options(path or "station", default)
    films = synthetic.videos(
        domain=domain,
        videos=options["videos"],
        people=options["people"],
        frames=options["frames"],
        seed=options["seed"],
    )
    return synthetic.video_crops(films, stride=options["stride"])


def street_scenes(path: str) -> Records:
    """`synthetic-scenes:DOMAIN`: people of 20 scenes, each filmed by two synchronised cameras.

    `synthetic-scenes:DOMAIN,scenes=5,people=8,frames=60,stride=5,seed=1` makes others.
    """
    default = {"scenes": 20, "people": 8, "frames": 60, "stride": 5, "seed": 0}
    domain, options = _options(path or "station", default)
    films = [
        film
        for pair in range(options["scenes"])
        for film in synthetic.camera_pair(
            domain=domain,
            pair=pair,
            people=options["people"],
            frames=options["frames"],
            seed=options["seed"],
        )
    ]
    return synthetic.video_crops(films, stride=options["stride"])


# numbers that follow a domain, from and to
RANGES = {
    "persons": (1, 100_000),
    "cameras": (1, 1_000),
    "per_camera": (1, 1_000),
    "videos": (1, 100_000),
    "scenes": (1, 100_000),
    "people": (1, 100),
    "frames": (1, 100_000),
    "stride": (1, 1_000),
    "seed": (0, 9_999),
}
FILES = {
    "market1501": market1501,
    "csv": table,
    "folders": folders,
    "packed": packed,
    "pictures": pictures,
}
KINDS = {
    **FILES,
    "synthetic": street,
    "synthetic-videos": street_videos,
    "synthetic-scenes": street_scenes,
}


def open_source(text: str) -> Records:
    """Read all splits of a data set.

    Args:
        text: `KIND:PATH`, or several joined by "+"; persons, cameras and groups of each are kept
            apart then.

    Returns:
        Records.

    Raises:
        ValueError: the kind is not known, or the data are not as the kind demands.
        FileNotFoundError: there is nothing at the path.

    Example:
        >>> import reid_jax
        >>> len(reid_jax.open_source("pictures:crops").image)
        3
    """
    return joined([_open(part) for part in split(text)])


def joined(parts: Sequence[Records]) -> Records:
    """Join data sets; persons, cameras and groups of each are kept apart."""
    if len(parts) == 1:
        return parts[0]
    apart, free = [], {"person": 0, "camera": 0, "group": 0}
    for part in parts:
        columns = {
            name: shifted(getattr(part, name), first, 1 if name == "person" else 0)
            for name, first in free.items()
        }
        for name, column in columns.items():
            free[name] = max(free[name], int(column.max(initial=0)) + 1)
        apart.append(part._replace(**columns))
    return records.concat(apart)


def split(text: str) -> list[str]:
    """The parts of a source, each KIND:PATH; a "+" before anything else belongs to a name."""
    return re.split(rf"\+(?=(?:{'|'.join(KINDS)}):)", text)


def listed(texts: Sequence[str]) -> list[str]:
    """The sources of texts that have several each, KIND:PATH by comma."""
    comma = rf",(?=(?:{'|'.join(KINDS)}):)"
    return [source for text in texts for source in re.split(comma, text) if source]


def shifted(column: np.ndarray, by: int, least: int) -> np.ndarray:
    """Move up the numbers from `least` on; smaller ones (unknown, distractors) stay."""
    return np.where(column >= least, column + by, column).astype(np.int32)


def _options(text: str, defaults: dict[str, int]) -> tuple[str, dict[str, int]]:
    """`NAME,option=3,...` -> (NAME, options)."""
    name, *given = text.split(",")
    options = dict(defaults)
    for one in given:
        key, _, value = one.partition("=")
        choose(f"the option in {text!r}", key, options)
        least, most = RANGES[key]
        if not re.fullmatch("[0-9]{1,9}", value) or not least <= int(value) <= most:
            raise ValueError(
                f"{one!r} in {text!r}: write {key}=NUMBER, a whole one from {least} to {most:,}"
            )
        options[key] = int(value)
    return name, options


def _open(text: str) -> Records:
    kind, _, path = text.partition(":")
    if kind not in KINDS and Path(expanded(text)).exists():
        raise ValueError(
            f"{text!r}: say what it is, KIND:PATH, e.g. {_guess(Path(text))}:{text}; kinds: "
            f"{', '.join(KINDS)}"
        )
    read = choose("the kind of data", kind, KINDS)
    if kind in FILES and not path:
        raise ValueError(f"{text!r} names no path; write {kind}:PATH")
    return read(expanded(path) if kind in FILES else path)


def _guess(path: Path) -> str:
    if path.suffix == ".csv":
        return "csv"
    if (path / "bounding_box_train").is_dir() or (path / "query").is_dir():
        return "market1501"
    if (path / "dataset_info.json").is_file():
        return "packed"
    return "folders"
