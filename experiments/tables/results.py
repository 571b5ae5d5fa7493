"""The results of a table's rows as Markdown."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from . import targets

HEADS = {
    "mAP": "mAP",
    "rank1": "rank-1",
    "rank5": "rank-5",
    "rank10": "rank-10",
    "cpu": "ms a picture, one core",
    "hours": "hours",
    "memory": "memory, GB",
}
SHARES = ("mAP", "rank1", "rank5", "rank10")  # figures in [0, 1], shown in percent


class Result(NamedTuple):
    """What a row gave.

    Attributes:
        name: the row's.
        paper: the paper's figures.
        tests: what it is tested on.
        measured: f64[seeds tests figures], NaN where there is none yet.
        state: what it waits for; empty: nothing.
        alike: whether its encoder is the one of the paper's figures.
    """

    name: str
    paper: list[targets.Target]
    tests: tuple[str, ...]
    measured: np.ndarray
    state: str = ""
    alike: bool = True


def markdown(title: str, results: Sequence[Result], figures: Sequence[str]) -> str:
    """A table with a line for each row and each test of it.

    Beside a figure that was measured stand the paper's and the difference, where the paper has one
    of the same test; what it has of other data stands in the last column.
    """
    lines = [line for row in results for line in row.paper]
    beside = [name for name in figures if any(_paper(row, name) for row in results)]
    other = any(_elsewhere(row) for row in results)
    heads = ["", "tested on"]
    for name in figures:
        heads += [HEADS[name], *(["paper", "difference"] if name in beside else [])]
    heads += ["the paper's mAP / rank-1, on other data"] if other else []
    text = [f"{title}.", "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in results:
        for number, test in enumerate(row.tests):
            cells = [row.name, test]
            for column, name in enumerate(figures):
                cells += _cells(row, test, name, row.measured[:, number, column], name in beside)
            if row.state:
                cells[2] = row.state
            cells += [_elsewhere(row)] if other else []
            text.append(f"| {' | '.join(cells)} |")
    return "\n".join([*text, *(["", targets.evidence(lines)] if lines else [])]) + "\n"


def _cells(row: Result, test: str, name: str, values: np.ndarray, beside: bool) -> list[str]:
    """A figure of a row, and the paper's with the difference to it."""
    there = values[~np.isnan(values)] * (100 if name in SHARES else 1)
    digits = 2 if name == "hours" else 1
    shown = f"{there.mean():.{digits}f}" if len(there) else ""
    if len(there) > 1:
        shown += f" ± {there.std(ddof=1):.{digits}f}"
    if not beside:
        return [shown]
    paper = next((getattr(one, name) for one in row.paper if one.target == test), "")
    compared = len(there) and paper and row.alike
    difference = f"{there.mean() - float(paper):+.1f}" if compared else ""
    return [shown, paper, difference]


def _paper(row: Result, name: str) -> bool:
    """Whether the paper has this figure of a test of the row."""
    return any(one.target in row.tests and getattr(one, name, "") for one in row.paper)


def _elsewhere(row: Result) -> str:
    """The paper's figures of data that the row is not tested on."""
    return "; ".join(
        f"{one.mAP or '-'} / {one.rank1 or '-'} ({one.target})"
        for one in row.paper
        if one.target not in row.tests
    )
