r"""Run the rows of a table of a paper, and write it.

    python -m experiments.tables                                    lists the tables
    python -m experiments.tables --table=remix.8                    its rows, and what they need
    python -m experiments.tables --table=remix.8 --workdir=runs/table8
    python -m experiments.tables --table=remix.11 --workdir=runs/table11 --recipe=paper \
        --root=/data --at=luperson=packed:/luperson \
        --weights=resnet50_ibn_a=/weights/imagenet.pth,luperson/resnet50_ibn_a=/weights/luperson.pth

A row is a training for each seed, in a folder of its own, by a command that is printed; what is
finished is not run again, so that the same command goes on where it was stopped. Several machines
may run the same command on one folder: a row that one of them trains, the others leave alone.

Without --recipe the trainings are small, on the synthetic street, from random numbers. With a
paper's recipe rows are trained and tested on the paper's data sets, which lie below --root, each in
a folder of its kind's name, or where --at says (with --flagfile=FILE both stand in a file), and
start from the file of --weights that fits the encoder and what that was trained on before,
START/BACKBONE=FILE, or BACKBONE=FILE for ImageNet's labels; what is missing is reported before the
first training. Every other option is handed to each training.

table.md has the mean over the seeds, their standard deviation, and beside it the paper's figure
(experiments/tables/targets.csv) and the difference; the pictures of the papers are drawn as .png
files beside it. --show tells what there is, from any machine, and trains nothing.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from reid_jax.app import command, kinds, sources
from reid_jax.app import seeds as several
from reid_jax.app.job import Experiment
from reid_jax.app.markdown import tested_on
from reid_jax.app.protocols.places import placed
from reid_jax.app.table import Table
from reid_jax.app.words import normal
from reid_jax.encoders import NONE
from reid_jax.options import choose

from .. import find  # noqa: TID252
from . import listing, running, runs, sets, tracking
from .trainings import Asked, Test, Training, lacking, trainings, wanted, with_needed
from .weights import named_files, started

_TABLE = flags.DEFINE_string("table", None, "EXPERIMENT.NAME, or nothing to list them")
_TESTS = flags.DEFINE_multi_string(
    "tests", [], "KIND:PATH of each test set, by comma; without it, those of the rows"
)
_ROWS = flags.DEFINE_list(
    "rows",
    [],
    "the rows: numbers from 0, ranges as 3-8, or words of their names; what they build upon is "
    "trained as well; none: all",
)
_RECIPE = flags.DEFINE_string(
    "recipe", None, "the experiment's recipe that the rows go on from; without it, a small one"
)
_WEIGHTS = flags.DEFINE_list(
    "weights",
    [],
    "BACKBONE=FILE or START/BACKBONE=FILE of each kind of weights that rows start from; none: "
    "random numbers",
)
_SHOW = flags.DEFINE_boolean("show", False, "show what there is of the table, and train nothing")
_ROOT = flags.DEFINE_string("root", "", "the folder that has a folder for each data set")
_AT = flags.DEFINE_multi_string(
    "at", [], "by comma, where sets lie that are not below --root: KIND:PATH or NAME=KIND:PATH"
)


def main(rest: list[str]) -> None:
    """Train the rows of --table, or list tables or rows; `rest` is handed to each training."""
    tables = all_tables()
    if not _TABLE.value:
        command.say(listing.tables(tables, find(), _RECIPE.value or ""))
        return
    if _TABLE.value == tracking.NAME:
        if "workdir" in flags.FLAGS and flags.FLAGS["workdir"].value:
            raise ValueError(f"{tracking.NAME} is made by another command: {tracking.COMMAND}")
        command.say(tracking.shown())
        return
    name, experiment, table = choose("--table", _TABLE.value, tables)
    there = "workdir" in flags.FLAGS and flags.FLAGS["workdir"].value
    recipe = _RECIPE.value or (table.recipes[0] if there else listing.papers(table))
    choose("--recipe", recipe, dict.fromkeys(table.recipes))
    given = _handed(rest, experiment)
    given += [f"--config.weights={NONE}"] if _WEIGHTS.value == [NONE] else []
    lie = sets.where(placed(_AT.value or [], _ROOT.value or ""))
    asked = Asked(find(), name, recipe, given, lie)
    if not there:
        listed = trainings(table, asked, Path("WORKDIR"))
        rows = wanted(table, listed, recipe, _ROWS.value or [])
        command.say(
            listing.rows(_TABLE.value, table, recipe, [one for one in listed if one.row in rows])
        )
        return
    workdir, seeds, tests = Path(command.workdir()), several.count() or 1, _TESTS.value or []
    if _SHOW.value:
        asked, seeds, tests = runs.kept(workdir, _TABLE.value, asked)
    listed = trainings(table, asked, workdir, seeds)
    rows = wanted(table, listed, asked.recipe, _ROWS.value or [])
    listed = with_needed(listed, rows)
    if not _SHOW.value:
        listed = _ready(table, listed)
        runs.keep(workdir, _TABLE.value, asked, seeds, tests)
    each = tuple(Test(text, (text,)) for text in kinds.listed(tests))
    runs.Run(_TABLE.value, table, asked, workdir, rows, listed, each).all(train=not _SHOW.value)


def _ready(table: Table, listed: list[Training]) -> list[Training]:
    """The trainings with their weights, after a look whether anything is missing.

    Raises:
        ValueError: data or weights are missing, or a folder is another row's or version's.
    """
    if left := lacking(listed, tests=not _TESTS.value):
        raise ValueError(
            f"where are the data sets of the rows? Name {'; '.join(left)}; or with --root=FOLDER "
            "the folder that has a folder for each"
        )
    random = _WEIGHTS.value == [NONE]
    listed = started(listed, {} if random else named_files(_WEIGHTS.value or []))
    if not _TESTS.value:
        check_tests([one for one in listed if one.words])
    for one in listed:
        if one.words:
            running.check(one, f"{_TABLE.value}: {table.rows[one.row].name}")
    return listed


def check_tests(listed: Sequence[Training]) -> None:
    """Refuse trainings that would end without figures.

    Raises:
        ValueError: their data have no query and no gallery picture.
    """
    configs = {tested_on(one.config): one for one in listed if not one.config.test}
    for name, one in configs.items():
        if not sources.has_test(one.config):
            raise ValueError(
                f"a table needs figures, and {name}, which row {one.row} is tested on, has no "
                "query and no gallery picture: name a test with --config.test=KIND:PATH or "
                "--tests=KIND:PATH"
            )


def all_tables() -> dict[str, tuple[str, Experiment, Table]]:
    """(the experiment's name, the experiment, the table) by EXPERIMENT.NAME."""
    return {
        f"{name}.{key}": (name, experiment, table)
        for name, experiment in find().items()
        for key, table in experiment.tables.items()
    }


def _handed(arguments: Sequence[str], experiment: Experiment) -> list[str]:
    """What each training is given: configuration options, and flags that a training has as well."""
    own = [
        flag
        for name in ("run", "command", "cache", "writers")
        for flag in flags.FLAGS.get_flags_for_module(f"reid_jax.app.{name}")
    ]
    handed = [flag.serialize() for flag in own if flag.present and flag.name != "workdir"]
    words = normal(arguments, experiment.config)
    strange = [word for word in words if not word.startswith(("--config.", "--noconfig."))]
    if strange:
        raise ValueError(
            f"unexpected {' '.join(strange)!r}; options are written --name=value, booleans "
            "--name=true"
        )
    return handed + words


if __name__ == "__main__":
    command.handing(main)
