"""From the rows of a table to the trainings that they are."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Formatter
from typing import Any, NamedTuple

from reid_jax.app.job import Experiment
from reid_jax.app.markdown import tested_on
from reid_jax.app.table import Row, Table, of_recipe, small
from reid_jax.app.words import parsed
from reid_jax.options import nearest

from . import sets as known


class Test(NamedTuple):
    """A data set that a row is tested on.

    Attributes:
        title: as targets.csv names it, or where it lies if it is none of the papers'.
        sources: KIND:PATH of each of its splits; none: the training's own test.
    """

    title: str
    sources: tuple[str, ...] = ()


class Training(NamedTuple):
    """The run of a row with a seed.

    Attributes:
        row: its number in the table.
        seed: of its random numbers.
        folder: its workdir.
        words: of its command; none where another row trains it.
        config: the configuration that the words make.
        start: the weights that it begins with, [START/]BACKBONE; empty: the row names them.
        experiment: that trains it.
        tests: what it is tested on; its own test is the first.
        needs: numbers of the rows whose runs it goes on from.
    """

    row: int
    seed: int
    folder: Path
    words: list[str]
    config: Any
    start: str
    experiment: str
    tests: tuple[Test, ...]
    needs: tuple[int, ...]


class Asked(NamedTuple):
    """What the trainings of a table are made of, beside its rows.

    Attributes:
        experiments: all, by name.
        name: of the table's experiment.
        recipe: that the rows go on from.
        given: words for each training; a row's own options win, its data sets do not.
        sets: where data sets lie, by name; rows of others keep "{name}".
    """

    experiments: Mapping[str, Experiment]
    name: str
    recipe: str
    given: Sequence[str] = ()
    sets: Mapping[str, str] = {}


def trainings(table: Table, asked: Asked, workdir: Path, seeds: int = 1) -> list[Training]:
    """List the trainings of a table, row by row.

    A row that comes to the training of an earlier one is left out: on the street, and on data that
    are named with --config.data, the rows of several data sets are one.

    Args:
        table: the table.
        asked: what they are made of.
        workdir: in which each row and seed has a folder.
        seeds: trainings of each row.

    Raises:
        ValueError: an option that the experiment lacks, or a value that it cannot have.
    """
    listed = []
    for seed in range(seeds):
        folders = [workdir / f"row{number}-seed{seed}" for number in range(len(table.rows))]
        first = list(range(len(table.rows)))  # the row of each one's training
        made: dict[tuple[Any, ...], int] = {}
        for number, row in enumerate(table.rows):
            if asked.recipe not in (row.recipes or table.recipes):
                continue
            one = _training(number, row, asked, folders, seed)
            own = (one.experiment, one.start, repr(one.config))
            first[number] = made.setdefault((one.folder,) if row.run else own, number)
            if first[number] < number:
                folders[number] = folders[first[number]]
            else:
                listed.append(one._replace(needs=tuple(dict.fromkeys(first[n] for n in one.needs))))
    return sorted(listed, key=lambda one: one.row)


def _training(number: int, row: Row, asked: Asked, folders: Sequence[Path], seed: int) -> Training:
    name, _, recipe = row.by.partition(":")
    experiment = asked.experiments[name or asked.name]
    data, options = _data(row, asked), _options(row.options, asked.recipe)
    data = {option: text for option, text in data.items() if option not in options}
    sets = {one: f"{{{one}}}" for one in known.SETS} | dict(asked.sets)
    own = {option: text.format(**sets) for option, text in data.items()}
    own |= {k: v.format(*folders) if isinstance(v, str) else v for k, v in options.items()}
    words = [
        f"--recipe={asked.recipe if small(asked.recipe) else recipe or asked.recipe}",
        *(word for word in asked.given if not name or _has(experiment, word)),
        *(f"--config.{option}={value}" for option, value in own.items()),
        f"--config.seed={seed}",
    ]
    config = parsed(experiment.config, experiment.recipes, words)
    before = "" if row.start == "imagenet" else f"{row.start}/"
    begun = row.run or "weights" in own or row.start == "none"
    return Training(
        row=number,
        seed=seed,
        folder=Path(row.run.format(*folders)) if row.run else folders[number],
        words=[] if row.run else words,
        config=config,
        start="" if begun else f"{before}{config.backbone}",
        experiment=name or asked.name,
        tests=_tests(row, data, config, asked, sets),
        needs=_numbers([*options.values(), row.run]),
    )


def _data(row: Row, asked: Asked) -> dict[str, str]:
    """The options that name a row's data sets, without those that the user has given."""
    given = {word.partition("=")[0] for word in asked.given}
    named = {} if small(asked.recipe) else row.data
    return {name: text for name, text in named.items() if f"--config.{name}" not in given}


def _tests(
    row: Row, data: Mapping[str, str], config: Any, asked: Asked, sets: Mapping[str, str]
) -> tuple[Test, ...]:
    """What a row is tested on: the data of its training's test, then those of `tests`."""
    option = next(one for one in ("test", "target", "data") if getattr(config, one, ""))
    first = Test(_title(data[option]) if option in data else tested_on(config))
    if small(asked.recipe):
        return (first,)
    return (first, *(_test(text, sets) for text in row.tests))


def _test(text: str, sets: Mapping[str, str]) -> Test:
    (name,) = known.named([text])
    return Test(known.SETS[name].title, tuple(known.splits(name, text.format(**sets))))


def _title(text: str) -> str:
    names = known.named([text])
    return known.SETS[names[0]].title if len(names) == 1 else text


def _numbers(texts: Sequence[Any]) -> tuple[int, ...]:
    """The rows that texts name the folders of."""
    fields = [name for text in texts for _, name, _, _ in Formatter().parse(str(text)) if name]
    return tuple(dict.fromkeys(int(one) for one in fields if one.isdigit()))


def _has(experiment: Experiment, word: str) -> bool:
    """Whether an experiment takes a word that was given for another one's."""
    name = word.removeprefix("--no").removeprefix("--").partition("=")[0]
    fields = {field.name for field in dataclasses.fields(experiment.config)}
    return not name.startswith("config.") or name.removeprefix("config.") in fields


def lacking(listed: Sequence[Training], *, tests: bool = True) -> list[str]:
    """A line for each data set that trainings need and that lies nowhere: which flag says where.

    Args:
        listed: the trainings.
        tests: whether rows are tested on their further data sets.
    """
    of: dict[str, dict[str, None]] = {}  # the rows, by what is to be said
    for one in listed:
        texts = [str(value) for value in vars(one.config).values() if one.words]
        texts += [source for test in one.tests for source in test.sources if tests]
        for name in known.SETS:
            if any(f"{{{name}}}" in text for text in texts):
                of.setdefault(known.asked(name), {})[str(one.row)] = None
    return [f"{flag} (rows {', '.join(rows)})" for flag, rows in of.items()]


def wanted(
    table: Table, listed: Sequence[Training], recipe: str, named: Sequence[str]
) -> list[int]:
    """The rows that --rows names, or all, of those that a recipe has.

    Args:
        table: the table.
        listed: its trainings.
        recipe: theirs.
        named: numbers, ranges as 3-8, or words that are in a row's name.

    Raises:
        ValueError: there is no such row.
    """
    there = list(dict.fromkeys(one.row for one in listed))
    chosen = set() if named else set(there)
    for text in named:
        numbers = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
        if numbers:
            few = range(int(numbers[1]), int(numbers[2] or numbers[1]) + 1)
            found = [row for row in there if row in few]
        else:
            found = [row for row in there if text.lower() in table.rows[row].name.lower()]
        if not found:
            near = nearest(text, [table.rows[row].name for row in there])
            raise ValueError(
                f"--rows={text}: no such row{near}; the rows of --recipe={recipe} are "
                f"{', '.join(map(str, there))}"
            )
        chosen.update(found)
    return sorted(chosen)


def with_needed(listed: Sequence[Training], rows: Sequence[int]) -> list[Training]:
    """The trainings of rows, and those that they go on from."""
    needs = {one.row: one.needs for one in listed}
    chosen, more = set(), {*rows}
    while more:
        chosen |= more
        more = {need for row in more for need in needs[row]} - chosen
    return [one for one in listed if one.row in chosen]


def _options(options: Mapping[str, Any], recipe: str) -> dict[str, Any]:
    """What a row changes in a recipe.

    A mapping has a value for each recipe that it is for, None to change nothing.
    """
    if lacking := [k for k, v in options.items() if isinstance(v, Mapping) and recipe not in v]:
        raise ValueError(
            f"--recipe={recipe}: this table's rows do not say what {lacking[0]} is there"
        )
    values = {name: of_recipe(value, recipe) for name, value in options.items()}
    return {name: value for name, value in values.items() if value is not None}
