"""The papers' figures, as targets.csv has them.

A line is a figure of a row of a table: `source`, what was trained on; `start`, what the encoder was
trained on before (imagenet, a set without its labels, or none); `encoder`, as --config.backbone
names it; `target`, what was tested on; mAP and rank-1 in percent, the time of a picture on a core
of a CPU (an i7-9700K) in ms, the training's GPU hours and its memory in GB, empty where unknown;
`evidence`, where it is published, and what of the line was inferred.
"""

import csv
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Target(NamedTuple):
    """A line of targets.csv."""

    table: str
    row: str
    source: str
    start: str
    encoder: str
    target: str
    mAP: str
    rank1: str
    cpu: str
    hours: str
    memory: str
    evidence: str


@cache
def read() -> tuple[Target, ...]:
    """All lines."""
    with Path(__file__).with_suffix(".csv").open(newline="", encoding="utf-8") as file:
        return tuple(Target(**line) for line in csv.DictReader(file))


def of(paper: str, encoder: str) -> list[Target]:
    """The lines of `TABLE/ROW`: of this encoder or, if there is none, of the first encoder."""
    lines = [line for line in read() if f"{line.table}/{line.row}" == paper]
    return [line for line in lines if line.encoder == encoder] or [
        line for line in lines if line.encoder == lines[0].encoder
    ]


def evidence(lines: Sequence[Target]) -> str:
    """A sentence on what the figures are of and where they are published."""
    encoders = ", ".join(dict.fromkeys(line.encoder for line in lines))
    sources = "; ".join(dict.fromkeys(line.evidence for line in lines))
    data = "; ".join(dict.fromkeys(f"{line.source}, from {line.start}" for line in lines))
    text = f"The paper's figures are of {encoders}, trained on {data}; published in: {sources}."
    if any(line.cpu for line in lines):
        text += " A picture's time is that on an i7-9700K."
    if any(line.hours for line in lines):
        text += " Its hours are those of all GPUs, here those of the machine."
    return text
