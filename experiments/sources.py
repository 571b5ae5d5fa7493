"""KIND:PATH on the command line -> Records."""

from pathlib import Path
from typing import Any

import numpy as np

from experiments.choices import choose
from reid_jax.data import records
from reid_jax.data.folders import folders, pictures
from reid_jax.data.market1501 import market1501
from reid_jax.data.packed import packed
from reid_jax.data.table import table
from reid_jax.types import Records


def street(path: str) -> Records:
    """`synthetic:DOMAIN`: 400 persons to train on, 100 others to test with, and 100 distractors, 6 cameras, held in memory."""
    from reid_jax.data import synthetic

    domain = path or "plaza"
    train = synthetic.labelled(domain=domain, persons=400, cameras=6, per_camera=4)
    test = synthetic.query_gallery(domain=domain, persons=100, cameras=6, per_camera=4)
    return records.concat([train, test])


KINDS = {
    "market1501": market1501,
    "csv": table,
    "folders": folders,
    "packed": packed,
    "pictures": pictures,
    "synthetic": street,
}


def open_source(text: str) -> Records:
    """All splits of `KIND:PATH`. Raises ValueError for a kind that is not known, FileNotFoundError for a path."""
    kind, colon, path = text.partition(":")
    if kind not in KINDS and (not colon or Path(text).exists()) and Path(text).exists():
        raise ValueError(
            f"{text!r}: say what it is, KIND:PATH, e.g. {_guess(Path(text))}:{text}; kinds: {', '.join(KINDS)}"
        )
    read = choose("the kind of data", kind, KINDS)
    if kind != "synthetic" and not path:
        raise ValueError(f"{text!r} names no path; write {kind}:PATH")
    return read(path)


def train_and_test(config: Any) -> tuple[Records, Records]:
    """(training part, query and gallery) that `config.data` and `config.test` name; broken pictures left out if asked."""
    data = open_source(config.data)
    train = records.where(data, "train")
    test = open_source(config.test) if config.test and config.test != config.data else data
    test = records.where(test, "query", "gallery")
    if config.data.startswith("synthetic"):
        train = records.hold(train)
    if config.test.startswith("synthetic"):
        test = records.hold(test)
    if config.skip_broken:
        train, test = without_broken(train, "training"), without_broken(test, "test")
    return train, test


def without_broken(part: Records, name: str) -> Records:
    """The pictures that can be read; the others are counted and named."""
    fine = records.readable(part)
    if not fine.all():
        broken = [str(part.image[int(row)])[:200] for row in np.flatnonzero(~fine)[:10]]
        print(f"left out {(~fine).sum()} broken pictures of the {name} data: {', '.join(broken)}", flush=True)
    return records.take(part, fine)


def _guess(path: Path) -> str:
    if path.suffix == ".csv":
        return "csv"
    if (path / "bounding_box_train").is_dir() or (path / "query").is_dir():
        return "market1501"
    if (path / "dataset_info.json").is_file():
        return "packed"
    return "folders"
