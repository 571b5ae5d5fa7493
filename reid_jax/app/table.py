"""Rows of a table of a paper, as an experiment says them; `experiments.tables` trains them."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Row(NamedTuple):
    """One line of a table.

    Attributes:
        name: as the table shows it.
        options: what it changes of a recipe, a value or a mapping from recipes to values. "{0}",
            "{1}", ... is the folder of the table's first, second, ... row with the same seed.
        paper: TABLE/ROW of experiments/tables/targets.csv, the paper's figures of it.
        start: what the encoder was trained on before, in the papers' recipes: imagenet, luperson
            (without labels), ...
        run: the folder of a run that an earlier row made; nothing is trained then.
        recipes: those that have this row; empty: all of the table's.
    """

    name: str
    options: Mapping[str, Any]
    paper: str = ""
    start: str = "imagenet"
    run: str = ""
    recipes: tuple[str, ...] = ()


class Table(NamedTuple):
    """A table of a paper.

    Attributes:
        title: as its file begins.
        rows: its lines.
        recipes: those that its rows can go on from; the first where none is named.
    """

    title: str
    rows: tuple[Row, ...]
    recipes: tuple[str, ...] = ("street", "paper")
