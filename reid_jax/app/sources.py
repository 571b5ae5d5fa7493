"""The data that a configuration names: for training, and query and gallery for the test."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from reid_jax.app import cache, command, progress
from reid_jax.app.kinds import open_source, shifted
from reid_jax.data import part, records
from reid_jax.data.check import check_test, check_training
from reid_jax.synthetic.kept import kept
from reid_jax.types import Domain, Records

TEST = ("query", "gallery")  # the splits of a test
Open = Callable[[str], Records]
APART = 10_000_000  # between the group numbers of two sources
_said: set[str] = set()  # what a source tells is said once, however often it is opened
left_out: list[str] = []  # lines of the broken pictures that were left out, for the report


def opened(text: str, *, shared: bool = False) -> Records:
    """`kinds.open_source`, which says in lines what it found, each of them once."""

    def say(line: str) -> None:
        if line not in _said:
            _said.add(line)
            command.say(line)

    return open_source(text, say=say, shared=shared)


def train_and_test(config: Any) -> tuple[Records, Records]:
    """Find the training part of `config.data`, and query and gallery of `config.test`.

    Args:
        config: with the fields of `reid_jax.app.parts.Data`.

    Returns:
        (training part, query and gallery), without broken pictures if config.skip_broken. The
        second is empty where config.test is and the data have neither.

    Raises:
        ValueError: the test has no valid query.
    """
    once = functools.cache(opened)  # a file is read once
    train = _labelled(once, config)
    if config.skip_broken:
        train = without_broken(train, "training")
    return train, _test(config, config.data, once)


def validation(config: Any) -> Records | None:
    """Query and gallery of the persons that `config.validate` holds out; None where it is 0.

    Raises:
        ValueError: there are no labelled persons, or no valid query among those held out.
    """
    if not config.validate:
        return None
    data = _part(opened, config.data, "train") if config.data else None
    if data is None or not (data.person >= 1).any():
        raise ValueError(
            f"--config.validate={config.validate} holds out labelled persons of --config.data, "
            f"and {config.data or 'an empty one'} has none"
        )
    held = records.take(data, part.held_out(data, config.validate))
    held = part.dealt(held, held.person >= 1)
    if config.skip_broken:
        held = without_broken(held, "validation's")
    with _naming("validate"):
        check_test(held, same_camera=config.same_camera)
    return held


def supervised(config: Any) -> tuple[Records, Records]:
    """`train_and_test`, checked for batches of config.persons x config.per_person pictures."""
    train, test = train_and_test(config)
    check_training(train, persons=config.persons, per_person=config.per_person)
    return train, test


def single_camera(config: Any, train: Records) -> tuple[Records, Records]:
    """Find the videos of a training on labelled data and videos.

    They are `config.videos` and, of the persons of `train`, the share beyond `config.labelled`,
    whose groups are the videos.

    Args:
        config: with the fields videos, labelled and skip_broken.
        train: the labelled data.

    Returns:
        (labelled data, videos), the latter of Domain.UNLABELLED, with groups of their own.

    Raises:
        ValueError: the share is out of range, or there is no picture of a known video.
    """
    if not 0 < config.labelled <= 1:
        raise ValueError(
            "--config.labelled is a share of the persons, above 0 and at most 1, not "
            f"{config.labelled}"
        )
    parts = []
    if config.videos:
        with _naming("videos"):
            named = _part(opened, config.videos, "train")
        if not (named.group >= 0).any():
            raise ValueError(
                f"{config.videos} has no picture of a known video; a CSV names it in the column "
                "group, folders cannot"
            )
        named = records.take(named, named.group >= 0)
        parts.append(without_broken(named, "videos'") if config.skip_broken else named)
    if config.labelled < 1:
        persons = np.random.default_rng(0).permutation(np.unique(train.person[train.person >= 1]))
        kept = np.isin(train.person, persons[: max(2, round(config.labelled * len(persons)))])
        hidden = records.take(train, ~kept & (train.group >= 0))
        if not len(hidden.person):
            raise ValueError(
                f"--config.labelled={config.labelled} hides pictures of no known video (group) of "
                "the data"
            )
        parts.append(hidden)
        train = records.take(train, kept)
    if not parts:
        return train, records.take(train, np.zeros(0, int))
    apart = [
        part._replace(group=shifted(part.group, number * APART, 0))
        for number, part in enumerate(parts)
    ]
    return train, _of_domain(records.concat(apart), Domain.UNLABELLED)


def with_beside(config: Any, train: Records) -> Records:
    """The labelled data and, as the other domain, the training pictures of `config.beside`.

    Without such pictures it is `train` as it is.
    """
    if not config.beside:
        return train
    with _naming("beside"):
        beside = _training(opened, config.beside)
    if config.skip_broken:
        beside = without_broken(beside, "pictures beside the training")
    parts = (_of_domain(train, Domain.LABELLED), _of_domain(beside, Domain.UNLABELLED))
    return records.concat(parts)


def adaptation(config: Any) -> tuple[Records, Records]:
    """Find the data of an adaptation.

    Args:
        config: with the fields of `reid_jax.app.parts.Adaptation`; data may be empty.

    Returns:
        (source and target as the two domains, query and gallery of the test). The second is empty
        where config.test is and the target has neither.

    Raises:
        ValueError: the target has no training picture, or the test no valid query.
    """
    once = functools.cache(opened)  # a file is read once
    with _naming("target"):
        parts = [_of_domain(_training(once, config.target), Domain.UNLABELLED)]
    if config.data:
        parts.insert(0, _of_domain(_labelled(once, config), Domain.LABELLED))
    train = records.concat(parts)
    if config.skip_broken:
        train = without_broken(train, "training")
    return train, _test(config, config.target, once)


def of_run(config: Any) -> tuple[Records, Records]:
    """The training data and the test of a run, from its kept configuration."""
    if getattr(config, "target", ""):
        return adaptation(config)
    train, test = train_and_test(config)
    if getattr(config, "labels", 0):
        train = records.concat(single_camera(config, train))
    return train, test


def test_of(name: str) -> Records:
    """Query and gallery of a source."""
    return _part(opened, name, *TEST)


def tested_on(config: Mapping[str, Any]) -> str:
    """The source of the test of a configuration by name; "" where it names no data."""
    names = (config.get("test"), config.get("target"), config.get("data"))
    return next(filter(None, names), "")


def has_test(config: Any) -> bool:
    """Whether the data of a configuration have a test: one is named, or some picture is of one."""
    if config.test:
        return True
    own = getattr(config, "target", "") or config.data
    return len(_part(opened, own, *TEST).person) > 0


def _test(config: Any, name: str, read: Open) -> Records:
    """Query and gallery of config.test or, where it is empty, of the data `name`, if there are any.

    People without labels have none and train on; who names a test, or has a part of one, gets an
    error where no figure can come of it.
    """
    with _naming("test"):
        test = _part(read, config.test or name, *TEST)
    if not config.test and not len(test.person):
        return test
    if config.skip_broken:
        test = without_broken(test, "test")
    else:
        with progress.doing("looking at the heads of the test's pictures"):
            records.check_heads(test)  # a broken one would end the run after its last epoch
    check_test(test, same_camera=config.same_camera)
    return test


def _labelled(read: Open, config: Any) -> Records:
    """The training pictures of config.data, but those of persons that are held out."""
    with _naming("data"):
        data = _part(read, config.data, "train")
    share = getattr(config, "validate", 0.0)  # older runs have none
    return records.take(data, ~part.held_out(data, share)) if share else data


def _training(read: Open, name: str) -> Records:
    """The training pictures of a data set, which must have some."""
    part = _part(read, name, "train")
    if not len(part.person):
        raise ValueError(f"{name} has no training picture")
    return part


@contextlib.contextmanager
def _naming(option: str) -> Iterator[None]:
    """An error about a source says which option names it."""
    try:
        yield
    except (ValueError, FileNotFoundError, ImportError) as error:
        if len(error.args) == 1:
            error.args = (f"{error} (--config.{option})",)
        raise


def _of_domain(part: Records, domain: Domain) -> Records:
    return part._replace(domain=np.full_like(part.domain, domain))


def _part(read: Open, name: str, *splits: str) -> Records:
    """The rows of some splits; what is drawn is drawn once, and kept on the disk or in memory."""
    if not all(one.startswith("synthetic") for one in name.split("+")):
        return records.where(read(name), *splits)
    place = cache.folder()

    def make() -> Records:
        where = f", once: it is kept in {place}" if place else ""
        command.say(f"drawing {name} ({', '.join(splits)}){where}")
        return records.where(read(name), *splits)

    with progress.doing(f"drawing {name}") as watch:
        if place is not None:
            return kept(make, f"{name} {' '.join(splits)}", place / "street", watch=watch)
        part = make()
        return records.hold(part) if len(part.person) else part


def without_broken(part: Records, name: str) -> Records:
    """The pictures that can be read; the others are counted and named in a line."""
    fine = records.readable(part)
    say_broken(part, fine, name)
    return records.take(part, fine)


def say_broken(part: Records, fine: np.ndarray, name: str) -> None:
    """Count and name the pictures that are not in `fine`, bool[n]."""
    if not fine.all():
        broken = [str(part.image[int(row)])[:200] for row in np.flatnonzero(~fine)[:10]]
        count, names = (~fine).sum(), ", ".join(broken)
        line = f"left out {count} broken pictures of the {name} data: {names}"
        command.say(line)
        if line not in left_out:
            left_out.append(line)
