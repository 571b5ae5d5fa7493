"""Run the rows of a table of a paper, and write it.

    python -m experiments.tables --table=remix.8 --workdir=runs/table8
    python -m experiments.tables --table=remix.11 --workdir=runs/table11 --recipe=paper --config.data=csv:/data/msmt17.csv \\
        --config.videos=csv:/data/luperson.csv --tests=market1501:/data/market1501,csv:/data/duke.csv \\
        --weights=resnet50_ibn_a=/weights/imagenet.pth,luperson/resnet50_ibn_a=/weights/luperson.pth

A row is a training for each seed, in a folder of its own, by a command that is told; what is finished is not run again, so
that the same command goes on where it was stopped. Without --recipe they are small, on the synthetic street, from random
numbers. With a paper's recipe a row starts from the file of --weights that fits its encoder and what that has learnt from
before, START/BACKBONE=FILE, or BACKBONE=FILE for ImageNet's labels; what is missing is told before the first training. Every
other option is handed to each training. table.md has the mean over the seeds, their standard deviation, and the paper's
figures (experiments/targets.csv), each below what it was trained on, started from and tested on.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from absl import app, flags

from experiments import command, cycas, domainmix, gds, ide, mgn, remix, spcl, targets
from experiments.choices import choose
from experiments.encoders import BACKBONES, MGNS, NEEDED, NONE, WORDS
from experiments.rows import Table

# those with TABLES
SCRIPTS = {"remix": remix, "gds": gds, "ide": ide, "spcl": spcl, "domainmix": domainmix, "cycas": cycas, "mgn": mgn}
FIGURES = ("mAP", "rank1")

_TABLE = flags.DEFINE_string("table", None, "SCRIPT.NAME, or nothing to list them")
_WORKDIR = flags.FLAGS["workdir"]  # of experiments.command
_SEEDS = flags.DEFINE_integer("seeds", 1, "trainings of each row, seeds 0, 1, ...", lower_bound=1)
_TESTS = flags.DEFINE_list("tests", [], "KIND:PATH of each test set, by comma; without it, that of the trainings")
_ROWS = flags.DEFINE_list(
    "rows", [], "numbers of the rows, from 0, that table.md has; what they build upon must be done; none: all"
)
_RECIPE = flags.DEFINE_string("recipe", None, "the script's recipe that the rows go on from; without it, a small one")
_WEIGHTS = flags.DEFINE_list(
    "weights",
    [],
    "BACKBONE=FILE or START/BACKBONE=FILE of each kind of weights that rows start from; none: random numbers",
)


class Training(NamedTuple):
    """The run of a row with a seed: its folder, the words of its command, the configuration that they make.

    No words: an earlier row has trained it. start: which weights it begins with, [START/]BACKBONE; "": the row names them.
    """

    row: int
    folder: Path
    words: list[str]
    config: Any
    start: str


class Result(NamedTuple):
    """A row's name, the paper's figures, and those measured: f64[seeds tests figures], in percent."""

    name: str
    paper: list[targets.Target]
    measured: np.ndarray


def trainings(
    table: Table, script: Any, recipe: str, workdir: Path, given: Sequence[str], *, rows: Sequence[int], seeds: int
) -> list[Training]:
    """What is to be run, in order. given: words that are handed to each training; a row has the last one.

    Raises: ValueError for an option that the script has not, or a value that it cannot have.
    """
    found = []
    for number in rows:
        row = table.rows[number]
        for seed in range(seeds):
            folders = [workdir / f"row{one}-seed{seed}" for one in range(number + 1)]
            changed = _chosen(row.options, recipe, folders)
            own = [f"--config.{name}={value}" for name, value in changed.items()]
            words = [f"--recipe={recipe}", *given, *own, f"--config.seed={seed}"]
            config = command.parsed(script.Config, script.RECIPES, words)
            before = "" if row.start == "imagenet" else f"{row.start}/"
            start = "" if row.run or "weights" in changed else f"{before}{config.backbone}"
            folder = Path(row.run.format(*folders)) if row.run else folders[number]
            found.append(Training(number, folder, [] if row.run else words, config, start))
    return found


def started(found: Sequence[Training], files: Mapping[str, str]) -> list[Training]:
    """The trainings with the weights that they begin with, from `files` by [START/]BACKBONE.

    Raises: ValueError that names what is missing, and where one file is to serve rows that begin differently.
    """
    left = [one for one in found if one.start and one.start not in files]
    missing = {one.start: None for one in left if one.config.weights == NEEDED}
    shared = {one.start: None for one in left if one.config.weights not in WORDS}
    if missing or len(shared) > 1:
        rows = [f"{name} (rows {_rows(found, name)})" for name in missing or shared]
        names = ",".join(f"{name}=FILE" for name in missing or shared)
        raise ValueError(
            f"the rows start from weights of {len(rows)} kinds that are not named each, {', '.join(rows)}: --weights={names}, "
            "or --weights=none for random numbers"
        )
    return [
        one._replace(words=[*one.words, f"--config.weights={files[one.start]}"]) if one.start in files else one
        for one in found
    ]


def _rows(found: Sequence[Training], start: str) -> str:
    return ", ".join(dict.fromkeys(str(one.row) for one in found if one.start == start))


def _files(words: Sequence[str]) -> dict[str, str]:
    """--weights, by what they are of."""
    found = {}
    for word in words:
        name, _, path = word.partition("=")
        choose("--weights", name.rpartition("/")[2], {**BACKBONES, **MGNS})
        if not path or not Path(path).exists():
            raise FileNotFoundError(f"--weights={word}: there is no file or folder {path!r}")
        found[name.removeprefix("imagenet/")] = path
    return found


def train(script: str, workdir: Path, words: Sequence[str]) -> None:
    """One training, run or gone on with."""
    call = [sys.executable, "-m", f"experiments.{script}", f"--workdir={workdir}", "--noreport", *words]
    print(" ".join(["python", *call[1:]]), flush=True)
    _run(call)


def figures(workdir: Path, tests: Sequence[str]) -> list[list[float]]:
    """Figures [tests figures] of a run."""
    if not tests:
        lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
        return [_figures([line for line in lines if line["kind"] == "test"][-1])]
    found = []
    for number, test in enumerate(tests):
        out = workdir / f"test-{number}.json"
        _run([sys.executable, "-m", "experiments.evaluate", f"--workdir={workdir}", f"--test={test}", f"--out={out}"])
        found.append(_figures(json.loads(out.read_text())))
    return found


def table(title: str, results: Sequence[Result], tests: Sequence[str]) -> str:
    """Markdown: what was measured, then a column for each kind of figures that the paper has."""
    lines = [line for row in results for line in row.paper]
    columns = list(dict.fromkeys(line.column for line in lines))
    heads = [f"{test} {figure}".strip() for test in tests or [""] for figure in ("mAP", "rank-1")]
    heads += [f"paper, mAP / rank-1: {column}" for column in columns]
    text = [f"{title}.", "", f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for row in results:
        mean = row.measured.mean(0).reshape(-1)
        spread = row.measured.std(0, ddof=int(len(row.measured) > 1)).reshape(-1)
        cells = [
            f"{value:.1f} ± {by:.1f}" if len(row.measured) > 1 else f"{value:.1f}"
            for value, by in zip(mean, spread, strict=True)
        ]
        told = {line.column: f"{line.mAP or '-'} / {line.rank1 or '-'}" for line in row.paper}
        cells += [told.get(column, "") for column in columns]
        text.append(f"| {row.name} | {' | '.join(cells)} |")
    return "\n".join([*text, *(["", targets.evidence(lines)] if lines else [])]) + "\n"


def main(argv: list[str]) -> None:
    """Run them all."""
    tables = {
        f"{name}.{number}": (name, one) for name, script in SCRIPTS.items() for number, one in script.TABLES.items()
    }
    if not _TABLE.value:
        print(
            "\n".join(
                f"{name:12} {one.title} (--recipe: {', '.join(one.recipes)})" for name, (_, one) in tables.items()
            )
        )
        return
    name, chosen = choose("--table", _TABLE.value, tables)
    recipe, script = _RECIPE.value or chosen.recipes[0], SCRIPTS[name]
    choose("--recipe", recipe, dict.fromkeys(chosen.recipes))
    workdir, given = Path(command.workdir()), _handed(argv[1:], script)
    if _WEIGHTS.value == [NONE]:
        given.append(f"--config.weights={NONE}")
    files = {} if _WEIGHTS.value == [NONE] else _files(_WEIGHTS.value)
    rows = wanted(chosen, recipe, _ROWS.value)
    found = trainings(chosen, script, recipe, workdir, given, rows=rows, seeds=_SEEDS.value)
    results = []
    found = started(found, files)
    for number in rows:
        row, runs = chosen.rows[number], [one for one in found if one.row == number]
        for one in runs:
            if one.words:
                train(name, one.folder, one.words)
        measured = 100 * np.array([figures(one.folder, _TESTS.value) for one in runs])
        results.append(Result(row.name, targets.of(row.paper, runs[0].config.backbone), measured))
        text = table(chosen.title, results, _TESTS.value)
        (workdir / "table.md").write_text(text)
        print(f"\n{text}", flush=True)


def wanted(table: Table, recipe: str, named: Sequence[str]) -> list[int]:
    """The rows that --rows names, or all, of those that this recipe has."""
    there = [place for place, row in enumerate(table.rows) if recipe in (row.recipes or table.recipes)]
    for row in named:
        if row not in map(str, there):
            raise ValueError(f"--rows={row}: the rows of --recipe={recipe} are {', '.join(map(str, there))}")
    return [place for place in there if str(place) in named or not named]


def _handed(arguments: Sequence[str], script: Any) -> list[str]:
    """What each training is given: options of its configuration, and flags of this process that are a training's as well."""
    own = [flag for name in ("run", "command") for flag in flags.FLAGS.get_flags_for_module(f"experiments.{name}")]
    found = [flag.serialize() for flag in own if flag.present and flag.name != "workdir"]
    words = command.words(arguments, script.Config)
    if strange := [word for word in words if not word.startswith(("--config.", "--noconfig."))]:
        raise ValueError(f"unexpected {' '.join(strange)!r}; options are written --name=value, booleans --name=true")
    return found + words


def _chosen(options: Mapping, recipe: str, folders: Sequence[Path]) -> dict:
    """What a row changes in this recipe: a mapping has a value for each recipe that it is for, None to change nothing."""
    values = {name: value if isinstance(value, Mapping) else {recipe: value} for name, value in options.items()}
    if lacking := [name for name, value in values.items() if recipe not in value]:
        raise ValueError(f"--recipe={recipe}: this table's rows do not say what {lacking[0]} is there")
    values = {name: value[recipe] for name, value in values.items() if value[recipe] is not None}
    return {name: value.format(*folders) if isinstance(value, str) else value for name, value in values.items()}


def _figures(found: Mapping[str, float]) -> list[float]:
    return [found[name] for name in FIGURES]


def _run(call: list[str]) -> None:
    if subprocess.run(call, check=False).returncode:
        raise ValueError(f"stopped or failed: {' '.join(call)}")


if __name__ == "__main__":
    flags.FLAGS.set_gnu_getopt()
    app.run(
        lambda argv: command.told(lambda: main(argv)),
        flags_parser=lambda argv: flags.FLAGS(argv, known_only=True),
    )
