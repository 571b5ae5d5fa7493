"""The paper's figures of tracking, as tracking.csv has them: ReMix's table 14.

A line is a row at a rate on a set: MOTA in percent and identity switches; `evidence`, where it is
published, and what was inferred. `reid-jax track table` makes the rows.
"""

import csv
from functools import cache
from pathlib import Path

from reid_jax.app.tracks.table14 import Paper

NAME = "remix.14"
TITLE = "ReMix, table 14: Deep SORT with and without videos, at 2, 4 and 8 frames a second"
COMMAND = "reid-jax track table --without=RUN --workdir=RUN --out=FOLDER"


@cache
def read() -> tuple[Paper, ...]:
    """All lines."""
    with Path(__file__).with_suffix(".csv").open(newline="", encoding="utf-8") as file:
        return tuple(
            Paper(
                line["row"],
                line["set"],
                float(line["hertz"]),
                float(line["mota"]),
                int(line["switches"]),
            )
            for line in csv.DictReader(file)
        )


def shown() -> str:
    """The table's rows with the paper's figures, and the command that makes it."""
    lines = [f"{NAME}: {TITLE}"]
    for number, row in enumerate(dict.fromkeys(one.row for one in read())):
        lines.append(f"{number:4}  {row}; the paper's MOTA / switches:")
        for name in dict.fromkeys(one.set for one in read()):
            own = [one for one in read() if (one.row, one.set) == (row, name)]
            rates = ", ".join(f"{one.hertz:g}" for one in own)
            figures = ", ".join(f"{one.mota} / {one.switches}" for one in own)
            lines.append(f"      {figures} at {rates} Hz on {name}")
    lines += [
        "",
        f"{COMMAND} makes it of two runs, as rows 0 and 2 of remix.4 are: on the street, or with "
        "--videos=MOT15/train or MOT17/train on the sequences of one",
    ]
    return "\n".join(lines)
