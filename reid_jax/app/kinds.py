"""Data sets by name: KIND:PATH,option=value -> Records."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reid_jax.app import streets, written
from reid_jax.app.written import Choices, Source
from reid_jax.data import part, records
from reid_jax.data.folders import folders, pictures
from reid_jax.data.packed import COLUMNS, packed
from reid_jax.data.sets.known import kind_of
from reid_jax.data.sets.official import WARNING, Say
from reid_jax.data.sets.published import SETS
from reid_jax.data.table import table
from reid_jax.options import choose, expanded
from reid_jax.types import Records


class Kind(NamedTuple):
    """A kind of data.

    Attributes:
        read: (path, **options) -> Records.
        about: a line about it, for --help and the README.
        options: its own, by name: what each can be, see `written.values`.
        path: what stands behind "KIND:".
        says: whether `read` takes `say`.
    """

    read: Callable[..., Records]
    about: str
    options: Mapping[str, Choices] = {}
    path: str = "FOLDER"
    says: bool = False


KINDS: dict[str, Kind] = {
    **{name: Kind(one.read, one.about, one.options, says=True) for name, one in SETS.items()},
    "csv": Kind(table, "a CSV: path,person,camera,split[,domain,group,frame,shot]", path="FILE"),
    "folders": Kind(
        folders,
        "a folder per person; or train/ and query/, gallery/ or test/ that hold those",
        {"test": 1.0, "seed": (0, 9_999)},
        says=True,
    ),
    "packed": Kind(packed, "what `reid-jax prepare` packed: a million pictures in a few files"),
    "pictures": Kind(pictures, "unlabelled pictures, for embedding"),
    "synthetic": Kind(
        streets.street,
        "the street: plaza, station, harbour; or the town, ,without=SWITCH",
        {
            **streets.ranges("persons", "cameras", "per_camera", "seed"),
            "without": ("nothing", *streets.SWITCHES),
        },
        path="DOMAIN",
    ),
    "synthetic-videos": Kind(
        streets.street_videos,
        "people cut out of the street's videos, a camera each",
        streets.ranges("videos", "people", "frames", "stride", "seed"),
        path="DOMAIN",
    ),
    "synthetic-scenes": Kind(
        streets.street_scenes,
        "people of the street's scenes, each seen by two cameras",
        streets.ranges("scenes", "people", "frames", "stride", "seed"),
        path="DOMAIN",
    ),
}
FILES = frozenset(name for name, kind in KINDS.items() if kind.path != "DOMAIN")
# options that every source has; a kind's own of the same name comes first
COMMON: dict[str, Choices] = {
    "train": ("all",),
    "persons": (1, 100_000_000),
    "pictures": (1, 100_000_000),
    "seed": (0, 9_999),
    "labels": ("no",),
    "shared": ("yes",),
}
ABOUT = {
    "train": "of any kind: query and gallery are training pictures too, without the distractors",
    "persons": "of any kind: so many persons of the training part, drawn by ,seed=0",
    "pictures": "of any kind: so many training pictures, of whole videos or else of whole persons",
    "labels": "of any kind: who is on the training pictures is forgotten",
    "shared": "of any kind: persons may be in training and test at once, and a file twice",
}


def open_source(text: str, *, say: Say | None = None, shared: bool = False) -> Records:
    """Read all splits of a data set.

    Args:
        text: `KIND:PATH,option=value,...`, or several joined by "+"; persons, cameras and groups
            of each are kept apart then. `KINDS` has the kinds and their options, `COMMON` those
            of all.
        say: is told in lines what was found and, in lines that begin with "warning: ", what may
            be wrong. None: the latter are Python's warnings.
        shared: whether persons may be in training and test at once, and a file twice in a split,
            as for pictures that are only looked at; the option shared=yes says so of one source.

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
    told: list[str] = []
    data = joined([_open(written.parsed(one), say or told.append, shared) for one in split(text)])
    for line in told:
        if line.startswith(WARNING):
            warnings.warn(line.removeprefix(WARNING), stacklevel=2)
    return data


def listing() -> list[tuple[str, str]]:
    """(KIND:PATH,options, what it is) of each kind, and (option, what it does) of those of all."""
    kinds = [
        (
            f"{name}:{kind.path}" + "".join(f"[{_option(*one)}]" for one in kind.options.items()),
            kind.about,
        )
        for name, kind in KINDS.items()
    ]
    return [*kinds, *((_option(name, COMMON[name]), about) for name, about in ABOUT.items())]


def _option(name: str, choices: Choices) -> str:
    """`,name=...` with what it can be."""
    if isinstance(choices, float):
        return f",{name}=0.2"
    words = [one for one in choices if isinstance(one, str)]
    return f",{name}={'|'.join(words) or 'N'}"


def joined(parts: Sequence[Records]) -> Records:
    """Join data sets; persons, cameras and groups of each are kept apart."""
    if len(parts) == 1:
        return parts[0]
    apart, free = [], {"person": 0, "camera": 0, "group": 0}
    for one in parts:
        columns = {
            name: shifted(getattr(one, name), first, 1 if name == "person" else 0)
            for name, first in free.items()
        }
        for name, column in columns.items():
            free[name] = max(free[name], int(column.max(initial=0)) + 1)
        apart.append(one._replace(**columns))
    return records.concat(apart)


def split(text: str) -> list[str]:
    """The parts of a source, each KIND:PATH; a "+" before anything else belongs to a name."""
    return written.split(text, KINDS)


def listed(texts: Sequence[str]) -> list[str]:
    """The sources of texts that have several each, KIND:PATH by comma."""
    return written.listed(texts, KINDS)


def shifted(column: np.ndarray, by: int, least: int) -> np.ndarray:
    """Move up the numbers from `least` on; smaller ones (unknown, distractors) stay."""
    return np.where(column >= least, column + by, column).astype(np.int32)


def _open(source: Source, say: Say, shared: bool) -> Records:
    name, path = source.kind, source.path
    if name not in KINDS and Path(expanded(str(source))).exists():
        raise ValueError(
            f"{str(source)!r}: say what it is, KIND:PATH, e.g. {_guess(Path(name))}:{name}; "
            f"kinds: {', '.join(KINDS)}"
        )
    kind = choose("the kind of data", name, KINDS)
    if name in FILES and not path:
        raise ValueError(f"'{name}:' names no path; write {name}:PATH")
    values = written.values(source, {**COMMON, **kind.options})
    if shared:
        values["shared"] = "yes"
    own = {one: values.pop(one) for one in kind.options if one in values}
    if kind.says:
        own["say"] = say
    try:
        return _made(kind.read(expanded(path) if name in FILES else path, **own), values, name)
    except ValueError as error:
        if path not in str(error) and len(error.args) == 1:
            error.args = (f"{source}: {error}",)
        raise


def _made(data: Records, options: Mapping[str, Any], kind: str) -> Records:
    """Records as the options that every source has want them."""
    if "seed" in options and not {"persons", "pictures"} & set(options):
        raise ValueError(
            "seed=N draws the persons of persons=N or the pictures of pictures=N, and neither is "
            "given"
        )
    if options.get("train"):
        data = part.all_train(data)
    elif kind in FILES and not options.get("shared"):
        part.check_apart(data)
    if options.get("persons"):
        data = part.some_persons(data, options["persons"], options.get("seed", 0))
    if options.get("pictures"):
        data = part.some_pictures(data, options["pictures"], options.get("seed", 0))
    return part.unlabelled(data) if options.get("labels") else data


def _guess(path: Path) -> str:
    if path.suffix == ".csv":
        return "csv"
    if (path / COLUMNS).is_file() or (path / "dataset_info.json").is_file():
        return "packed"
    if (path / "query").is_dir() and not (path / "gallery").is_dir():
        return kind_of(path) or "market1501"
    return (path.is_dir() and kind_of(path)) or "folders"
