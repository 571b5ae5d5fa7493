"""Pictures of a table's rows: curves of their figures, their distances, how those moved."""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reid_jax import encoders, parallel
from reid_jax.app import canvas, distances
from reid_jax.app.curves import Moments
from reid_jax.app.embedding import embed_rows
from reid_jax.app.job import Experiment
from reid_jax.app.table import Table, of_recipe

from .results import HEADS, SHARES, Result
from .trainings import Training


class Point(NamedTuple):
    """A figure of a row, by what `Row.at` counts."""

    place: float
    measured: np.ndarray
    paper: str


def curves(table: Table, recipe: str, results: Mapping[int, Result], path: Path) -> None:
    """Draw a panel for each figure and test, a curve for each name in `Row.at`.

    Filled: measured, with the standard deviation of several seeds; open: the paper's.

    Args:
        table: with an `axis`.
        recipe: of the rows.
        results: by row.
        path: of the picture; nothing is drawn where nothing was measured.
    """
    from matplotlib import pyplot

    tests = list(dict.fromkeys(test for one in results.values() for test in one.tests))
    panels = {}
    for name in table.figures:
        for test in tests if name in SHARES else tests[:1]:
            points = _points(table, recipe, results, name, test)
            if any(len(one.measured) for curve in points.values() for one in curve):
                panels[name, test] = points
    if not panels:
        return
    size = (5.5 * len(panels), 4)
    figure, (line,) = pyplot.subplots(1, len(panels), figsize=size, squeeze=False)
    for axes, ((name, test), points) in zip(line, panels.items(), strict=True):
        for curve, those in points.items():
            _curve(axes, curve, those)
        axes.set_xlabel(table.axis)
        axes.set_ylabel(f"{HEADS[name]}{', %' if name in SHARES else ''}")
        axes.set_title(test if name in SHARES else "")
        axes.legend()
        places = [one.place for those in points.values() for one in those]
        if min(places) > 0 and max(places) > 50 * min(places):
            axes.set_xscale("log")
    text = "Filled marks were measured, open ones are the paper's, of its own data."
    canvas.save(path, canvas.captioned(canvas.plotted(figure), table.title, text))


def _points(
    table: Table, recipe: str, results: Mapping[int, Result], name: str, test: str
) -> dict[str, list[Point]]:
    """The points of each curve, in order."""
    found: dict[str, list[Point]] = {}
    for row, one in results.items():
        at = table.rows[row].at
        if at is None or test not in one.tests:
            continue
        values = one.measured[:, one.tests.index(test), table.figures.index(name)]
        values = values[np.isfinite(values)] * (100 if name in SHARES else 1)
        told = next((getattr(line, name, "") for line in one.paper if line.target == test), "")
        found.setdefault(at[0], []).append(Point(of_recipe(at[1], recipe), values, told))
    return {curve: sorted(those, key=lambda one: one.place) for curve, those in found.items()}


def _curve(axes: Any, name: str, points: Sequence[Point]) -> None:
    """Draw one curve, and the paper's figures of it."""
    there = [one for one in points if len(one.measured)]
    x, y = [one.place for one in there], [one.measured.mean() for one in there]
    spread = [one.measured.std(ddof=1) if len(one.measured) > 1 else 0.0 for one in there]
    (line, *_) = axes.errorbar(x, y, spread, marker="o", label=name, capsize=3)
    told = [one for one in points if one.paper]
    if told:
        axes.plot(
            [one.place for one in told],
            [float(one.paper) for one in told],
            "o",
            mfc="none",
            color=line.get_color(),
            label=f"{name}, the paper",
        )


def draw(
    table: Table,
    experiment: Experiment,
    listed: Sequence[Training],
    folder: Path,
) -> list[Path]:
    """Draw what `table.draws` names of the rows that are done.

    Args:
        table: the table.
        experiment: the table's.
        listed: a training of each row, done.
        folder: the pictures are distances.png and trend-ROW.png there.

    Returns:
        The pictures.
    """
    made = []
    if "distances" in table.draws and listed:
        made.append(_distances(table, experiment, listed, folder / "distances.png"))
    if "trend" in table.draws:
        for one in listed:
            path = folder / f"trend-{one.row}.png"
            moments = Moments(one.folder / "metrics.jsonl")
            distances.trend(moments, path, table.rows[one.row].name)
            made += [path] if path.is_file() else []
    return made


def _distances(
    table: Table, experiment: Experiment, listed: Sequence[Training], path: Path
) -> Path:
    """Draw the distances of each row's encoder, on the test and on the training part."""
    rows = []
    for one in listed:
        plain = dataclasses.replace(one.config, weights="")
        job = experiment.build(plain)
        _, model, variables = encoders.trained(one.folder)
        job = job._replace(model=model)
        embed, encoder = parallel.build_embed(model), parallel.replicate(variables)
        test = np.arange(len(job.test.person))
        embedding = embed_rows(embed, model, job.test, encoder, test)
        look = partial(embed_rows, embed, model, job.train, encoder)
        counts = distances.measured(job, look, embedding, plain)
        name = table.rows[one.row].name
        rows.append({f"{name}\n{what}": count for what, count in counts.items()})
    distances.compared(rows, path, table.title)
    return path
