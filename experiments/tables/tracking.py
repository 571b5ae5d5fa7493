"""The paper's figures of tracking, as tracking.csv has them: ReMix's table 14.

A line is a row at a rate on a set: MOTA in percent and identity switches; `evidence`, where it is
published, and what was inferred. `reid-jax track table` makes the rows.
"""

import csv
from functools import cache
from pathlib import Path

from reid_jax.app.tracks.table14 import Paper


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
