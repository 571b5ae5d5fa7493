"""The results of a table's rows as Markdown."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from . import targets


class Result(NamedTuple):
    """What a row gave.

    Attributes:
        name: the row's.
        paper: the paper's figures.
        measured: f64[seeds tests figures], in percent.
    """

    name: str
    paper: list[targets.Target]
    measured: np.ndarray


def markdown(title: str, results: Sequence[Result], tests: Sequence[str]) -> str:
    """A table of what was measured, then a column for each kind of figures that the paper has."""
    lines = [line for row in results for line in row.paper]
    columns = list(dict.fromkeys(line.column for line in lines))
    heads = [f"{test} {figure}".strip() for test in tests or [""] for figure in ("mAP", "rank-1")]
    heads += [f"paper, mAP / rank-1: {column}" for column in columns]
    text = [f"{title}.", "", f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for row in results:
        several = len(row.measured) > 1
        mean = row.measured.mean(0).reshape(-1)
        deviation = row.measured.std(0, ddof=int(several)).reshape(-1)
        cells = [
            f"{value:.1f} ± {by:.1f}" if several else f"{value:.1f}"
            for value, by in zip(mean, deviation, strict=True)
        ]
        paper = {line.column: f"{line.mAP or '-'} / {line.rank1 or '-'}" for line in row.paper}
        cells += [paper.get(column, "") for column in columns]
        text.append(f"| {row.name} | {' | '.join(cells)} |")
    return "\n".join([*text, *(["", targets.evidence(lines)] if lines else [])]) + "\n"
