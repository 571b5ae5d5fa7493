"""Run the rows of a table of a paper, and write it.

    python -m experiments.tables --table=remix.8 --workdir=runs/table8
    python -m experiments.tables --table=remix.11 --workdir=runs/table11 --recipe=paper --config.data=csv:/data/msmt17.csv \\
        --config.videos=csv:/data/luperson.csv --tests=market1501:/data/market1501,csv:/data/duke.csv

A row is a training for each seed, in a folder of its own, by a command that is told; what is finished is not run again, so
that the same command goes on where it was stopped. Without --recipe they are small, on the synthetic street. Every other
option is handed to each training. table.md has the mean over the seeds, and their standard deviation.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import app, flags

from experiments import command, cycas, domainmix, gds, ide, remix
from experiments.choices import choose

SCRIPTS = {"remix": remix, "gds": gds, "ide": ide, "domainmix": domainmix, "cycas": cycas}  # those with TABLES

_TABLE = flags.DEFINE_string("table", None, "SCRIPT.NAME, or nothing to list them")
_WORKDIR = flags.FLAGS["workdir"]  # of experiments.command
_SEEDS = flags.DEFINE_integer("seeds", 1, "trainings of each row, seeds 0, 1, ...", lower_bound=1)
_TESTS = flags.DEFINE_list("tests", [], "KIND:PATH of each test set, by comma; without it, that of the trainings")
_ROWS = flags.DEFINE_list(
    "rows", [], "numbers of the rows, from 0, that table.md has; what they build upon must be done; none: all"
)
_RECIPE = flags.DEFINE_string("recipe", None, "the script's recipe that the rows go on from; without it, a small one")
FIGURES = ("mAP", "rank1")


class Result(NamedTuple):
    """A row's name, the paper's figures, and those measured: f64[seeds tests figures], in percent."""

    name: str
    paper: str
    measured: np.ndarray


def train(script: str, workdir: Path, options: Sequence[str]) -> Path:
    """The folder of one training, run or gone on with."""
    call = [sys.executable, "-m", f"experiments.{script}", f"--workdir={workdir}", "--noreport", *options]
    print(" ".join(["python", *call[1:]]), flush=True)
    _run(call)
    return workdir


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
    """Markdown."""
    names = tests or [""]
    heads = [f"{test} {figure}".strip() for test in names for figure in ("mAP", "rank-1")]
    lines = [f"{title}.", "", f"| | {' | '.join(heads)} | paper |", "|---" * (len(heads) + 2) + "|"]
    for row in results:
        mean, spread = (
            row.measured.mean(0).reshape(-1),
            row.measured.std(0, ddof=int(len(row.measured) > 1)).reshape(-1),
        )
        cells = [
            f"{value:.1f} ± {by:.1f}" if len(row.measured) > 1 else f"{value:.1f}"
            for value, by in zip(mean, spread, strict=True)
        ]
        lines.append(f"| {row.name} | {' | '.join(cells)} | {row.paper} |")
    return "\n".join(lines) + "\n"


def main(argv: list[str]) -> None:
    """Run them all."""
    tables = {
        f"{name}.{number}": (name, one) for name, script in SCRIPTS.items() for number, one in script.TABLES.items()
    }
    if not _TABLE.value:
        print("\n".join(f"{name:10} {one.title}" for name, (_, one) in tables.items()))
        return
    script, chosen = choose("--table", _TABLE.value, tables)
    recipe = _RECIPE.value or chosen.recipe
    choose("--recipe", recipe, SCRIPTS[script].RECIPES)
    workdir = Path(command.workdir())
    results, wanted = [], _wanted(len(chosen.rows))
    for number, row in enumerate(chosen.rows):
        if number not in wanted:
            continue
        found = []
        for seed in range(_SEEDS.value):
            folders = [workdir / f"row{one}-seed{seed}" for one in range(number + 1)]
            changed = _chosen(row.options, recipe, folders)
            options = [f"--config.{name}={value}" for name, value in changed.items()]
            given = [f"--recipe={recipe}", *argv[1:], *options, f"--config.seed={seed}"]  # a row has the last word
            run = Path(row.run.format(*folders)) if row.run else train(script, folders[number], given)
            found.append(figures(run, _TESTS.value))
        results.append(Result(row.name, row.paper, 100 * np.array(found)))
        text = table(chosen.title, results, _TESTS.value)
        (workdir / "table.md").write_text(text)
        print(f"\n{text}", flush=True)


def _wanted(count: int) -> set[int]:
    """The rows that --rows names."""
    for row in _ROWS.value:
        if not row.isdigit() or int(row) >= count:
            raise ValueError(f"--rows={row}: rows are numbers from 0 to {count - 1}")
    return {int(row) for row in _ROWS.value} or set(range(count))


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
    app.run(
        lambda argv: command.told(lambda: main(argv)),
        flags_parser=lambda argv: flags.FLAGS(argv, known_only=True),
    )
