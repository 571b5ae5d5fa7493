r"""Run the rows of a table of a paper, and write it.

    python -m experiments.tables --table=remix.8 --workdir=runs/table8
    python -m experiments.tables --table=remix.11 --workdir=runs/table11 --recipe=paper \
        --config.data=csv:/data/msmt17.csv --config.videos=csv:/data/luperson.csv \
        --tests=market1501:/data/market1501,csv:/data/duke.csv \
        --weights=resnet50_ibn_a=/weights/imagenet.pth,luperson/resnet50_ibn_a=/weights/luperson.pth

A row is a training for each seed, in a folder of its own, by a command that is printed; what is
finished is not run again, so that the same command goes on where it was stopped. Without --recipe
they are small, on the synthetic street, from random numbers. With a paper's recipe a row starts
from the file of --weights that fits its encoder and what that was trained on before,
START/BACKBONE=FILE, or BACKBONE=FILE for ImageNet's labels; what is missing is reported before the
first training. Every other option is handed to each training. table.md has the mean over the seeds,
their standard deviation, and the paper's figures (experiments/tables/targets.csv), each below what
it was trained on, started from and tested on.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from absl import flags

from reid_jax.app import command, kinds, sources
from reid_jax.app.job import Experiment
from reid_jax.app.markdown import tested_on
from reid_jax.app.table import Table
from reid_jax.app.words import normal
from reid_jax.encoders import NONE
from reid_jax.options import choose

from .. import find  # noqa: TID252
from . import targets
from .results import Result, markdown
from .trainings import Training, named_files, started, trainings, wanted

FIGURES = ("mAP", "rank1")
SCRIPTS = __package__.rpartition(".")[0]

_TABLE = flags.DEFINE_string("table", None, "EXPERIMENT.NAME, or nothing to list them")
_SEEDS = flags.DEFINE_integer("seeds", 1, "trainings of each row, seeds 0, 1, ...", lower_bound=1)
_TESTS = flags.DEFINE_multi_string(
    "tests", [], "KIND:PATH of each test set, by comma; without it, that of the trainings"
)
_ROWS = flags.DEFINE_list(
    "rows",
    [],
    "numbers of the rows, from 0, that table.md has; what they build upon must be done; none: all",
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


def main(rest: list[str]) -> None:
    """Train the rows of --table, or list the tables; `rest` is handed to each training."""
    tables = all_tables()
    if not _TABLE.value:
        for key, (_, _, one) in tables.items():
            command.say(f"{key:12} {one.title} (--recipe: {', '.join(one.recipes)})")
        return
    name, experiment, table = choose("--table", _TABLE.value, tables)
    recipe = _RECIPE.value or table.recipes[0]
    choose("--recipe", recipe, dict.fromkeys(table.recipes))
    workdir, given = Path(command.workdir()), _handed(rest, experiment)
    files = {}
    if _WEIGHTS.value == [NONE]:
        given.append(f"--config.weights={NONE}")
    else:
        files = named_files(_WEIGHTS.value or [])
    rows = wanted(table, recipe, _ROWS.value or [])
    listed = trainings(
        table, experiment, recipe, workdir, given, rows=rows, seeds=_SEEDS.value or 1
    )
    listed = started(listed, files)
    tests, results = kinds.listed(_TESTS.value or []), []
    if not tests:
        check_tests(listed)
    for number in rows:
        row, runs = table.rows[number], [training for training in listed if training.row == number]
        for training in runs:
            if training.words:
                train(name, training.folder, training.words)
        measured = 100 * np.array([figures(training.folder, tests) for training in runs])
        results.append(Result(row.name, targets.of(row.paper, runs[0].config.backbone), measured))
        text = markdown(table.title, results, tests)
        (workdir / "table.md").write_text(text)
        command.say(f"\n{text}")


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


def train(experiment: str, workdir: Path, words: Sequence[str]) -> None:
    """Run one training, or go on with it."""
    module = f"{SCRIPTS}.{experiment}"
    call = [sys.executable, "-m", module, f"--workdir={workdir}", "--noreport", *words]
    command.say(" ".join(["python", *call[1:]]))
    _run(call)


def figures(workdir: Path, tests: Sequence[str]) -> list[list[float]]:
    """Figures [tests figures] of a run, by its own test or by experiments.evaluate."""
    if not tests:
        lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
        return [_figures([line for line in lines if line["kind"] == "test"][-1])]
    found = []
    for number, test in enumerate(tests):
        out = workdir / f"test-{number}.json"
        out.unlink(missing_ok=True)
        options = [f"--workdir={workdir}", f"--test={test}", f"--out={out}"]
        _run([sys.executable, "-m", f"{SCRIPTS}.evaluate", *options])
        found.append(_figures(json.loads(out.read_text())))
    return found


def _handed(arguments: Sequence[str], experiment: Experiment) -> list[str]:
    """What each training is given: configuration options, and flags that a training has as well."""
    own = [
        flag
        for name in ("run", "command", "cache")
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


def _figures(found: Mapping[str, float]) -> list[float]:
    return [found[name] for name in FIGURES]


def _run(call: list[str]) -> None:
    if subprocess.run(call, check=False).returncode:
        raise ValueError(f"stopped or failed: {' '.join(call)}")


if __name__ == "__main__":
    command.handing(main)
