"""KIND:PATH on the command line -> Records."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from experiments.choices import choose
from reid_jax.data import records, synthetic
from reid_jax.data.folders import folders, pictures
from reid_jax.data.market1501 import market1501
from reid_jax.data.packed import packed
from reid_jax.data.table import table
from reid_jax.types import Records

APART = 10_000_000  # between the group numbers of two sources


def street(path: str) -> Records:
    """`synthetic:DOMAIN`: 400 persons to train on, 100 others to test with, and 100 distractors, 6 cameras.

    `synthetic:DOMAIN,persons=50,cameras=2,per_camera=4,seed=1` makes another training part.
    """
    domain, options = _options(path or "plaza", {"persons": 400, "cameras": 6, "per_camera": 4, "seed": 0})
    train = synthetic.labelled(domain=domain, **options)
    test = synthetic.query_gallery(domain=domain, persons=100, cameras=6, per_camera=4)
    return records.concat([train, test])


def street_videos(path: str) -> Records:
    """`synthetic-videos:DOMAIN`: the people of 100 videos of one camera each, cut out of every fifth frame.

    `synthetic-videos:DOMAIN,videos=20,people=8,frames=60,stride=5,seed=1` makes others.
    """
    options = {"videos": 100, "people": 8, "frames": 60, "stride": 5, "seed": 0}
    domain, options = _options(path or "station", options)
    stride = options.pop("stride")
    return synthetic.video_crops(synthetic.videos(domain=domain, **options), stride=stride)


def street_scenes(path: str) -> Records:
    """`synthetic-scenes:DOMAIN`: the people of 20 scenes, each seen by two synchronised cameras, of every fifth frame.

    `synthetic-scenes:DOMAIN,scenes=5,people=8,frames=60,stride=5,seed=1` makes others.
    """
    options = {"scenes": 20, "people": 8, "frames": 60, "stride": 5, "seed": 0}
    domain, options = _options(path or "station", options)
    stride, scenes = options.pop("stride"), range(options.pop("scenes"))
    films = [film for pair in scenes for film in synthetic.camera_pair(domain=domain, pair=pair, **options)]
    return synthetic.video_crops(films, stride=stride)


KINDS = {
    "market1501": market1501,
    "csv": table,
    "folders": folders,
    "packed": packed,
    "pictures": pictures,
    "synthetic": street,
    "synthetic-videos": street_videos,
    "synthetic-scenes": street_scenes,
}


def open_source(text: str) -> Records:
    """All splits of `KIND:PATH`, or of several, joined by "+"; each has persons, cameras and groups of its own then.

    Raises ValueError for a kind that is not known, FileNotFoundError for a path.
    """
    parts = [_open(part) for part in re.split(rf"\+(?=(?:{'|'.join(KINDS)}):)", text)]
    if len(parts) == 1:
        return parts[0]
    apart, free = [], {"person": 0, "camera": 0, "group": 0}
    for part in parts:
        moved = {name: _moved(getattr(part, name), free[name], 1 if name == "person" else 0) for name in free}
        free = {name: max(free[name], int(column.max(initial=0)) + 1) for name, column in moved.items()}
        apart.append(part._replace(**moved))
    return records.concat(apart)


def _moved(column: np.ndarray, by: int, least: int) -> np.ndarray:
    """Numbers from `least` on moved up; what is below (unknown, distractors) stays."""
    return np.where(column >= least, column + by, column).astype(np.int32)


def _options(text: str, defaults: dict[str, int]) -> tuple[str, dict[str, int]]:
    """`NAME,option=3,...` -> (NAME, options)."""
    name, *given = text.split(",")
    options = dict(defaults)
    for one in given:
        key, _, value = one.partition("=")
        choose(f"the option in {text!r}", key, options)
        if not value.isdigit():
            raise ValueError(f"{one!r} in {text!r}: write {key}=NUMBER")
        options[key] = int(value)
    return name, options


def _open(text: str) -> Records:
    kind, colon, path = text.partition(":")
    if kind not in KINDS and (not colon or Path(text).exists()) and Path(text).exists():
        raise ValueError(
            f"{text!r}: say what it is, KIND:PATH, e.g. {_guess(Path(text))}:{text}; kinds: {', '.join(KINDS)}"
        )
    read = choose("the kind of data", kind, KINDS)
    if not kind.startswith("synthetic") and not path:
        raise ValueError(f"{text!r} names no path; write {kind}:PATH")
    return read(path)


def train_and_test(config: Any) -> tuple[Records, Records]:
    """(training part, query and gallery) that `config.data` and `config.test` name; broken pictures left out if asked."""
    data = open_source(config.data)
    train = records.where(data, "train")
    test = open_source(config.test) if config.test and config.test != config.data else data
    test = records.where(test, "query", "gallery")
    train, test = _held(train, config.data), _held(test, config.test)
    if config.skip_broken:
        train, test = without_broken(train, "training"), without_broken(test, "test")
    return train, test


def single_camera(config: Any, train: Records) -> tuple[Records, Records]:
    """(labelled data, videos without labels) of `config`: the videos are `config.videos` and, of the persons of `train`, the
    share beyond `config.labelled`, whose groups are the videos. Domain 1, groups of their own.
    """
    if not 0 < config.labelled <= 1:
        raise ValueError(f"--config.labelled is a share of the persons, above 0 and at most 1, not {config.labelled}")
    parts = []
    if config.videos:
        found = records.where(open_source(config.videos), "train")
        if not (found.group >= 0).any():
            raise ValueError(
                f"{config.videos} has no picture of a known video; a CSV names it in the column group, folders cannot"
            )
        found = _held(records.take(found, found.group >= 0), config.videos)
        parts.append(without_broken(found, "videos'") if config.skip_broken else found)
    if config.labelled < 1:
        persons = np.random.default_rng(0).permutation(np.unique(train.person[train.person >= 1]))
        kept = np.isin(train.person, persons[: max(2, round(config.labelled * len(persons)))])
        hidden = records.take(train, ~kept & (train.group >= 0))
        if not len(hidden.person):
            raise ValueError(
                f"--config.labelled={config.labelled} hides pictures of no known video (group) of the data"
            )
        parts.append(hidden)
        train = records.take(train, kept)
    if not parts:
        return train, records.take(train, np.zeros(0, int))
    moved = [part._replace(group=_moved(part.group, number * APART, 0)) for number, part in enumerate(parts)]
    single = records.concat(moved)
    return train, single._replace(domain=np.ones_like(single.domain))


def with_beside(config: Any, train: Records) -> Records:
    """`train` as domain 0 and the training pictures of `config.beside` as domain 1; `train` as it is without those."""
    if not config.beside:
        return train
    beside = _held(records.where(open_source(config.beside), "train"), config.beside)
    beside = without_broken(beside, "pictures beside the training") if config.skip_broken else beside
    if not len(beside.person):
        raise ValueError(f"{config.beside} has no training picture")
    parts = [part._replace(domain=np.full_like(part.domain, domain)) for domain, part in enumerate((train, beside))]
    return records.concat(parts)


def adaptation(config: Any) -> tuple[Records, Records]:
    """(the source `config.data`, if any, and the target `config.target`, query and gallery of the test). Domains 0 and 1."""
    whole = open_source(config.target)
    target = records.where(whole, "train")
    if not len(target.person):
        raise ValueError(f"{config.target} has no training picture")
    parts = [_held(target, config.target)._replace(domain=np.ones_like(target.domain))]
    if config.data:
        source = _held(records.where(open_source(config.data), "train"), config.data)
        parts.insert(0, source._replace(domain=np.zeros_like(source.domain)))
    test = records.where(open_source(config.test) if config.test else whole, "query", "gallery")
    test = _held(test, config.test or config.target)
    train = records.concat(parts)
    if config.skip_broken:
        train, test = without_broken(train, "training"), without_broken(test, "test")
    return train, test


def _held(part: Records, name: str) -> Records:
    """What is drawn anew each time it is asked for is kept in memory."""
    return (
        records.hold(part) if len(part.person) and all(one.startswith("synthetic") for one in name.split("+")) else part
    )


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
