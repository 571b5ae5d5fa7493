"""Published figures, from published.csv: a method's on a target, after training on named sets.

A line is `method`; `sources`, the sets by name, joined by "+", with ",train=all" where the test
part was trained on too and ",labels=no" where labels were not; `target`; mAP and rank-1 in percent,
empty where unknown; `evidence`, where the figure was read.
"""

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

# (query, gallery) pictures of the tests that published figures are of; CUHK03 by the new protocol,
# detected or labelled boxes
TESTS = {
    "market1501": {(3_368, 15_913)},
    "dukemtmc": {(2_228, 17_661)},
    "cuhk03": {(1_400, 5_332), (1_400, 5_328)},
    "msmt17": {(11_659, 82_161)},
    "prid2011": {(100, 649)},
    "grid": {(125, 900)},
    "viper": {(316, 316)},
    "ilids": {(60, 60)},
}


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
