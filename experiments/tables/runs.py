"""The rows of one table in one folder: who trains which, and what there is of them."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reid_jax.app import command
from reid_jax.app.table import Table
from reid_jax.whole import whole

from . import claims, cost, plots, running, targets
from .results import Result, markdown
from .trainings import Asked, Test, Training


def keep(workdir: Path, key: str, asked: Asked, seeds: int, tests: Sequence[str]) -> None:
    """Keep in table.json what a table is run with."""
    more = {"recipe": asked.recipe, "given": list(asked.given), "sets": dict(asked.sets)}
    with whole(workdir / "table.json") as file:
        told = {"table": key, **more, "seeds": seeds, "tests": list(tests)}
        file.write_text(json.dumps(told, indent=1) + "\n")


def kept(workdir: Path, key: str, asked: Asked) -> tuple[Asked, int, list[str]]:
    """What the table in a folder was run with last: how its trainings are made, seeds, tests.

    Raises:
        ValueError: another table was run there, or none.
    """
    file = workdir / "table.json"
    told = json.loads(file.read_text()) if file.is_file() else {}
    if told.get("table") != key:
        raise ValueError(f"{workdir} holds {told.get('table', 'no table')}, and not {key}")
    asked = asked._replace(recipe=told["recipe"], given=told["given"], sets=told["sets"])
    return asked, told["seeds"], told["tests"]


class Run:
    """The rows of one table in one folder.

    Attributes:
        key: the table's name.
        table: the table.
        asked: what its trainings are made of.
        workdir: the folder.
        rows: those that are shown.
        listed: their trainings, and those that they go on from.
        tests: what every row is tested on; empty: each on its own.
    """

    def __init__(
        self,
        key: str,
        table: Table,
        asked: Asked,
        workdir: Path,
        rows: Sequence[int],
        listed: Sequence[Training],
        tests: tuple[Test, ...] = (),
    ):
        self.key, self.table, self.asked, self.workdir = key, table, asked, workdir
        self.rows, self.listed, self.tests = rows, listed, tests

    def all(self, *, train: bool) -> None:
        """Train what can be trained, and write the table.

        Raises:
            ValueError: rows failed; the others are done then.
        """
        failed = []
        for number, one in enumerate(self.listed):
            try:
                if train and one.words:
                    self._row(one, self.listed[number + 1 :])
            except ValueError as error:
                command.say(f"row {one.row}: {error}")
                failed.append(str(one.row))
        self.write(measure=train and not failed)
        text = (self.workdir / "table.md").read_text()
        command.say(f"\n{text}")
        for path in self.draw():
            command.say(str(path))
        if failed:
            raise ValueError(
                f"{len(failed)} rows failed, as told above: {', '.join(failed)}; the same command "
                "tries them again"
            )

    def _row(self, one: Training, after: Sequence[Training]) -> None:
        """Train a row, unless it is done, somebody else does, or what it needs is not there."""
        name = f"{self.key}: {self.table.rows[one.row].name}"
        with claims.claimed(one.folder) as other:
            if other:
                command.say(f"row {one.row} is {other}")
                return
            if left := [need.row for need in self._needed(one) if not running.ready(one, need)]:
                command.say(f"row {one.row} goes on from row {left[0]}, which is not that far")
                return
            if not running.done(one):
                command.say(f"row {one.row}, {self.table.rows[one.row].name}")
                todo = [later for later in after if not claims.of(later.folder)]
                running.train(
                    one,
                    name,
                    lambda text: command.say(
                        f"row {one.row}: {running.rest(text, todo, one.folder)}"
                    ),
                )
            if one.row in self.rows:
                self._figures(one, measure=True)
        self.write(measure=False)

    def _needed(self, one: Training) -> list[Training]:
        """The trainings of the same seed that a row goes on from."""
        there = [need for need in self.listed if need.row in one.needs and need.words]
        return [need for need in there if need.seed == one.seed]

    def results(self, *, measure: bool) -> dict[int, Result]:
        """What there is of each row; `measure`: what is missing of those that are done as well."""
        found = {}
        for row in self.rows:
            runs = [one for one in self.listed if one.row == row]
            encoder = runs[0].config.backbone
            paper = targets.of(self.table.rows[row].paper, encoder)
            found[row] = Result(
                self.table.rows[row].name,
                paper,
                tuple(test.title for test in self.tests or runs[0].tests),
                np.stack([self._figures(one, measure) for one in runs]),
                next(filter(None, map(self._state, runs)), ""),
                all(line.encoder == encoder for line in paper),
            )
        return found

    def _figures(self, one: Training, measure: bool) -> np.ndarray:
        tests = self.tests or one.tests
        if not running.done(one):
            return np.full((len(tests), len(self.table.figures)), np.nan)
        return running.figures(one, tests, self.table.figures, measure=measure)

    def _state(self, one: Training) -> str:
        """What a row waits for; empty: nothing."""
        if running.done(one):
            return ""
        claim = claims.of(one.folder)
        left = cost.told(one.folder) if claim else ""
        return ", ".join(filter(None, [str(claim) if claim else "not trained", left]))

    def write(self, *, measure: bool) -> None:
        """Write table.md."""
        results = self.results(measure=measure)
        text = markdown(self.table.title, list(results.values()), self.table.figures)
        with whole(self.workdir / "table.md") as file:
            file.write_text(text)

    def draw(self) -> list[Path]:
        """Draw the paper's figures of what is done."""
        made = []
        if self.table.axis:
            path = self.workdir / "table.png"
            plots.curves(self.table, self.asked.recipe, self.results(measure=False), path)
            made += [path] if path.is_file() else []
        done = [one for one in self.listed if one.row in self.rows and running.done(one)]
        seed = [one for one in done if one.seed == 0]
        if seed and self.table.draws:
            experiment = self.asked.experiments[self.asked.name]
            made += plots.draw(self.table, experiment, seed, self.workdir)
        return made
