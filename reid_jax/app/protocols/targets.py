"""The tests of a target: its splits as selections of rows of pictures that are embedded once."""

import hashlib
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from reid_jax import evaluate
from reid_jax.app import kinds, sources, written
from reid_jax.app.protocols.kept import Key
from reid_jax.data import records
from reid_jax.data.check import check_test, survey, valid_queries
from reid_jax.data.sets.official import WARNING
from reid_jax.retrieval.single_shot import galleries
from reid_jax.types import Records

SEED = 0  # of the draws of single gallery pictures
CLASSIC = ("protocol", "classic")  # CUHK03's lists; its other protocol has one split


class Split(NamedTuple):
    """A split of a target.

    Attributes:
        number: of the split; 0 where the target has one.
        rows: i64[n], its query and gallery among the target's pictures.
        test: the same as records.
        counts: pictures and persons of query and gallery, distractors, valid queries.
        mark: that another split, or the same of other pictures, does not have.
    """

    number: int
    rows: np.ndarray
    test: Records
    counts: dict[str, int]
    mark: str


class Target(NamedTuple):
    """What is tested on.

    Attributes:
        name: of the set.
        source: KIND:PATH with its options.
        pictures: of all splits, each file once.
        splits: one or more.
        warnings: how its pictures differ from the published ones.
    """

    name: str
    source: str
    pictures: Records
    splits: tuple[Split, ...]
    warnings: tuple[str, ...]


def numbers(source: str) -> tuple[int, ...]:
    """The splits of a source that names none: those of its kind, or (0,) where there is one."""
    one = written.parsed(source)
    options = kinds.KINDS[one.kind].options if one.kind in kinds.KINDS else {}
    found = options.get("split")
    if not isinstance(found, tuple) or "split" in one.options:
        return (0,)
    if "protocol" in options and CLASSIC not in one.options.items():
        return (0,)
    return tuple(range(int(found[0]), int(found[1]) + 1))


def opened(
    name: str,
    source: str,
    *,
    same_camera: bool = False,
    skip_broken: bool = False,
    say: Callable[[str], None],
) -> Target:
    """Open all splits of a target.

    Args:
        name: of the set.
        source: KIND:PATH; without `split=` all splits of its kind are opened.
        same_camera: whether matches by the query's own camera count too.
        skip_broken: leave out pictures that cannot be read, which takes reading all of them.
        say: is told what is found, of the first split.

    Raises:
        ValueError: a split has no query that can be answered, or the data are not as they should.
        FileNotFoundError: the data are not there.
    """
    tests: list[tuple[int, Records]] = []
    warnings: dict[str, None] = {}
    for number in numbers(source):
        text = f"{source},split={number}" if number else source
        told: list[str] = []
        if name.startswith("synthetic"):  # what is drawn is kept
            test = sources.test_of(text)
        else:
            test = records.where(kinds.open_source(text, say=told.append), *sources.TEST)
        for line in told if number < 2 else ():  # of the first split; the others are alike
            say(line)
        warnings |= {one.removeprefix(WARNING): None for one in told if one.startswith(WARNING)}
        if skip_broken:
            test = sources.without_broken(test, text)
        try:
            check_test(test, same_camera=same_camera)
        except ValueError as error:
            raise ValueError(f"{text}: {error}") from None
        tests.append((number, test))
    pictures, rows = once([test for _, test in tests])
    splits = [
        Split(number, own, test, _counts(test, same_camera), mark(test))
        for (number, test), own in zip(tests, rows, strict=True)
    ]
    return Target(name, source, pictures, tuple(splits), tuple(warnings))


def once(tests: Sequence[Records]) -> tuple[Records, list[np.ndarray]]:
    """The pictures of several tests, each file once, and which of them each test has.

    Pictures that are not files are not compared.
    """
    files = [test.image for test in tests if isinstance(test.image, np.ndarray)]
    if len(tests) == 1 or len(files) < len(tests):
        ends = np.cumsum([0, *(len(test.person) for test in tests)])
        whole = tests[0] if len(tests) == 1 else records.concat(tests)
        return whole, [np.arange(*pair) for pair in itertools.pairwise(ends)]
    place: dict[str, int] = {}
    rows = [np.array([place.setdefault(one, len(place)) for one in own]) for own in files]
    return records.make(list(place), -1, split="gallery"), rows


def figures(embedding: np.ndarray, split: Split, key: Key) -> dict[str, float]:
    """Figures of a split by name, see `evaluate.figures`; with draws their means over these.

    Args:
        embedding: f32[m d], of all the target's pictures.
        split: the split.
        key: how is measured: metric, same_camera, draws.
    """
    own, found = embedding[split.rows], []
    for rows in _single(split.test, key.draws) if key.draws else [np.arange(len(own))]:
        part = records.take(split.test, rows)
        ranking = evaluate.rank_records(
            own[rows], part, metric=key.metric, same_camera=key.same_camera
        )
        found.append(dict(evaluate.figures(ranking)))
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def _single(test: Records, draws: int) -> Iterator[np.ndarray]:
    """The rows of the query and of each gallery with one picture a person."""
    query, gallery = (np.flatnonzero(test.split == one) for one in ("query", "gallery"))
    for rows in galleries(test.person[gallery], draws, SEED):
        yield np.concatenate([query, gallery[rows]])


def _counts(test: Records, same_camera: bool) -> dict[str, int]:
    found = survey(test)
    return {
        "query": found.images["query"],
        "gallery": found.images["gallery"],
        "persons": found.persons["query"],
        "gallery_persons": found.persons["gallery"],
        "distractors": found.distractors,
        "valid": int(valid_queries(test, same_camera=same_camera).sum()),
    }


def mark(test: Records) -> str:
    """SHA-256 of names of files, persons, cameras and splits: the first 16 digits."""
    made = hashlib.sha256()
    if isinstance(test.image, np.ndarray):
        made.update("\n".join(os.path.basename(str(one)) for one in test.image).encode())
    for column in (test.person, test.camera):
        made.update(np.ascontiguousarray(column, np.int64).tobytes())
    made.update((test.split == "query").tobytes())
    return made.hexdigest()[:16]
