"""Runs that are compared: each by itself, or the seeds of one training as a group."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reid_jax.app import origin
from reid_jax.app.results import record
from reid_jax.app.results.record import Result
from reid_jax.options import expanded

SEED = re.compile(r"seed(\d+)")
PROTOCOL = ("same_camera", "flip")  # of a test; figures of two of them mean two things
WORDS = {"same_camera": "matches by the query's own camera", "flip": "mirrored pictures added"}


class Group(NamedTuple):
    """One run, or the seeds of one training.

    Attributes:
        name: as it was given.
        results: of each seed.
    """

    name: str
    results: tuple[Result, ...]

    @property
    def config(self) -> dict[str, Any]:
        """The configuration, without the seed; see `origin.configuration`."""
        about = self.results[0].about
        return origin.configuration(about.get("config", {}), about.get("folder", ""))

    @property
    def test(self) -> dict[str, Any]:
        """What is tested on, see `record.test_of`."""
        return self.results[0].about["test"]

    def values(self) -> np.ndarray:
        """f64[seeds queries figures], see `Queries.values`."""
        return np.stack([one.queries.values() for one in self.results if one.queries])


def opened(text: str) -> Group:
    """The group of a run's folder, of a folder of seeds, or of a file of `reid-jax evaluate --out`.

    Of a folder with folders seed0, seed1, ... these are the seeds, of another all runs in it.

    Raises:
        FileNotFoundError: there is nothing.
        ValueError: it is none of these, a run has no figures, or runs differ by more than the seed.
    """
    path = Path(expanded(text))
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}; name a run's folder, or one of its seeds")
    if path.is_file() or _is_run(path):
        return Group(text, (_result(path),))
    inside = sorted(one for one in path.iterdir() if _is_run(one))
    seeds = [one for one in inside if SEED.fullmatch(one.name)]
    found = sorted(seeds, key=lambda one: int(one.name[4:])) or inside
    if not found:
        raise ValueError(
            f"{path} is no run, no folder of runs and no file of `reid-jax evaluate --out`"
        )
    group = Group(text, tuple(_result(one) for one in found))
    first = group.results[0]
    for one in group.results[1:]:
        pair = [Group(str(each.path.parent), (each,)) for each in (first, one)]
        if changed := differences(pair):
            told = "; ".join(f"{name}: {a!r}, {b!r}" for name, (a, b) in changed.items())
            raise ValueError(
                f"{path} holds runs that differ by more than the seed ({told}, in "
                f"{first.path.parent.name} and {one.path.parent.name}); name each by itself"
            )
        _check_tests(*pair)
    seeded = [seed for one in group.results for seed in one.about["seeds"]]
    if twice := sorted({seed for seed in seeded if seeded.count(seed) > 1}):
        raise ValueError(f"{path} holds the seed {twice[0]} twice; name each run by itself")
    return group


def _is_run(path: Path) -> bool:
    run = (path / "config.json").is_file() and not (path / "encoder.json").is_file()
    return run or (path / record.FILE).is_file()


def _result(path: Path) -> Result:
    """The results of a run or of a file, with figures."""
    file = path if path.is_file() else path / record.FILE
    again = f"`reid-jax evaluate --workdir={path} --out=FILE.json` gives them, and FILE.json is"
    if not file.is_file():
        raise ValueError(
            f"{path} has no figures: it is not finished, or an earlier version trained it; {again} "
            "named in its place"
        )
    found = record.read(file)
    if found.queries is None:
        raise ValueError(
            f"{path} has no figures, since it had no test data; {again} "
            "named in its place, with --test=KIND:PATH"
        )
    return found


def check(groups: Sequence[Group]) -> None:
    """Refuse what cannot be compared.

    Raises:
        ValueError: one group, one run twice, or runs tested on other data or by another protocol.
    """
    if len(groups) < 2:
        given = f"only {groups[0].name}" if groups else "none"
        raise ValueError(f"compare takes two runs or more, and {given} is named")
    seen: dict[Path, str] = {}
    for group in groups:
        for one in group.results:
            file = one.path.resolve()
            if file in seen:
                same = group.name == seen[file]
                names = f"{group.name}" if same else f"{seen[file]} and {group.name}"
                raise ValueError(f"{names}: the run {file.parent} is named twice")
            seen[file] = group.name
    for group in groups[1:]:
        _check_tests(groups[0], group)


def _check_tests(one: Group, other: Group) -> None:
    a, b = one.test, other.test
    if a["mark"] != b["mark"]:
        told = [
            f"`{test['source']}` ({test['query']:,} queries, {test['gallery']:,} gallery pictures)"
            for test in (a, b)
        ]
        raise ValueError(
            f"{one.name} and {other.name} were tested on different pictures: {told[0]} and "
            f"{told[1]}; `reid-jax evaluate --test=KIND:PATH --out=FILE.json` tests both alike"
        )
    for name in PROTOCOL:
        if a.get(name) != b.get(name):
            words = [f"{'with' if test.get(name) else 'without'} {WORDS[name]}" for test in (a, b)]
            raise ValueError(
                f"{one.name} and {other.name} were tested by different protocols: {words[0]} and "
                f"{words[1]}; `reid-jax evaluate --{name}=... --out=FILE.json` tests both alike"
            )


def differences(groups: Sequence[Group]) -> dict[str, tuple[Any, ...]]:
    """The options of all groups that have not one value, and what each has."""
    whole = [
        {
            **_known(group.results[0].about, "experiment"),
            **group.config,
            "metric of the test": group.test["metric"],
        }
        for group in groups
    ]
    shared = [name for name in whole[0] if all(name in one for one in whole)]
    found = {name: tuple(one[name] for one in whole) for name in shared}
    return {name: values for name, values in found.items() if any(v != values[0] for v in values)}


def _known(about: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {name: about[name]} if about.get(name) else {}


def lacking(groups: Sequence[Group]) -> dict[str, list[str]]:
    """By group, the options that it has and some other has not."""
    own = [set(group.config) for group in groups]
    shared = set.intersection(*own)
    return {
        group.name: sorted(names - shared)
        for group, names in zip(groups, own, strict=True)
        if names - shared
    }
