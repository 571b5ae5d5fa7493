"""Published figures, from published.csv: a method's on a target, after training on named sets.

A line is `method`; `sources`, the sets by name, joined by "+", with ",train=all" where the test
part was trained on too and ",labels=no" where labels were not; `target`; mAP and rank-1 in percent,
empty where unknown; `evidence`, where the figure was read.
"""

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Published(NamedTuple):
    """A line of published.csv."""

    method: str
    sources: frozenset[str]
    target: str
    mAP: str
    rank1: str
    evidence: str

    def text(self) -> str:
        """Its mAP / rank-1."""
        return f"{self.mAP or '-'} / {self.rank1 or '-'}"


@cache
def read() -> tuple[Published, ...]:
    """All lines."""
    with Path(__file__).with_suffix(".csv").open(newline="", encoding="utf-8") as file:
        return tuple(
            Published(
                line["method"],
                frozenset(line["sources"].split("+")),
                line["target"],
                line["mAP"],
                line["rank1"],
                line["evidence"],
            )
            for line in csv.DictReader(file)
        )


def beside(sources: frozenset[str], target: str) -> list[Published]:
    """The lines of checkpoints that were trained on these parts of sets and tested on a target."""
    return [line for line in read() if (line.sources, line.target) == (sources, target)]
