"""From the rows of a table to the trainings that they are."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from reid_jax.app.job import Experiment
from reid_jax.app.table import Table
from reid_jax.app.words import parsed
from reid_jax.encoders import BACKBONES, MGNS, NEEDED
from reid_jax.options import WORDS, choose, expanded


class Training(NamedTuple):
    """The run of a row with a seed.

    Attributes:
        row: its number in the table.
        folder: its workdir.
        words: of its command; none where an earlier row has trained it.
        config: the configuration that the words make.
        start: the weights that it begins with, [START/]BACKBONE; empty: the row names them.
    """

    row: int
    folder: Path
    words: list[str]
    config: Any
    start: str


def trainings(
    table: Table,
    experiment: Experiment,
    recipe: str,
    workdir: Path,
    given: Sequence[str],
    *,
    rows: Sequence[int],
    seeds: int,
) -> list[Training]:
    """List what is to be run, in order.

    Args:
        table: the table.
        experiment: that trains its rows.
        recipe: that the rows go on from.
        workdir: in which each row and seed has a folder.
        given: words for each training; the row's own options win.
        rows: numbers of the table's rows.
        seeds: trainings of each row.

    Returns:
        The trainings.

    Raises:
        ValueError: an option that the experiment lacks, or a value that it cannot have.
    """
    listed = []
    for number in rows:
        row = table.rows[number]
        for seed in range(seeds):
            folders = [workdir / f"row{one}-seed{seed}" for one in range(number + 1)]
            changed = _options(row.options, recipe, folders)
            own = [f"--config.{name}={value}" for name, value in changed.items()]
            words = [f"--recipe={recipe}", *given, *own, f"--config.seed={seed}"]
            config = parsed(experiment.config, experiment.recipes, words)
            before = "" if row.start == "imagenet" else f"{row.start}/"
            start = "" if row.run or "weights" in changed else f"{before}{config.backbone}"
            folder = Path(row.run.format(*folders)) if row.run else folders[number]
            listed.append(Training(number, folder, [] if row.run else words, config, start))
    return listed


def started(listed: Sequence[Training], files: Mapping[str, str]) -> list[Training]:
    """The trainings with the weights that they begin with.

    Args:
        listed: of `trainings`.
        files: by [START/]BACKBONE.

    Raises:
        ValueError: weights are missing (it names them), or one file is to serve rows that begin
            differently.
    """
    left = [one for one in listed if one.start and one.start not in files]
    missing = {one.start: None for one in left if one.config.weights == NEEDED}
    shared = {one.start: None for one in left if one.config.weights not in WORDS}
    if missing or len(shared) > 1:
        rows = [f"{name} (rows {_rows(listed, name)})" for name in missing or shared]
        names = ",".join(f"{name}=FILE" for name in missing or shared)
        raise ValueError(
            f"the rows start from weights of {len(rows)} kinds that are not named each, "
            f"{', '.join(rows)}: --weights={names}, or --weights=none for random numbers"
        )
    return [
        one._replace(words=[*one.words, f"--config.weights={files[one.start]}"])
        if one.start in files
        else one
        for one in listed
    ]


def _rows(listed: Sequence[Training], start: str) -> str:
    return ", ".join(dict.fromkeys(str(one.row) for one in listed if one.start == start))


def named_files(words: Sequence[str]) -> dict[str, str]:
    """The words of --weights as files by [START/]BACKBONE.

    Raises:
        ValueError: a backbone is not known.
        FileNotFoundError: there is no such file.
    """
    files = {}
    for word in words:
        name, _, path = word.partition("=")
        path = expanded(path)
        choose("--weights", name.rpartition("/")[2], {**BACKBONES, **MGNS})
        if not path or not Path(path).exists():
            raise FileNotFoundError(f"--weights={word}: there is no file or folder {path!r}")
        files[name.removeprefix("imagenet/")] = path
    return files


def wanted(table: Table, recipe: str, named: Sequence[str]) -> list[int]:
    """The rows that --rows names, or all, of those that a recipe has.

    Raises:
        ValueError: the recipe has no row of a number.
    """
    numbers = [
        number for number, row in enumerate(table.rows) if recipe in (row.recipes or table.recipes)
    ]
    for row in named:
        if row not in map(str, numbers):
            raise ValueError(
                f"--rows={row}: the rows of --recipe={recipe} are {', '.join(map(str, numbers))}"
            )
    return [number for number in numbers if str(number) in named or not named]


def _options(options: Mapping[str, Any], recipe: str, folders: Sequence[Path]) -> dict[str, Any]:
    """What a row changes in a recipe.

    A mapping has a value for each recipe that it is for, None to change nothing.
    """
    values = {
        name: value if isinstance(value, Mapping) else {recipe: value}
        for name, value in options.items()
    }
    if lacking := [name for name, value in values.items() if recipe not in value]:
        raise ValueError(
            f"--recipe={recipe}: this table's rows do not say what {lacking[0]} is there"
        )
    chosen = {name: value[recipe] for name, value in values.items() if value[recipe] is not None}
    return {
        name: value.format(*folders) if isinstance(value, str) else value
        for name, value in chosen.items()
    }
