"""Rows of a table: what an experiment's script says of them, and experiments.tables runs."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Row(NamedTuple):
    """name; options: what it changes of a recipe, a value or a mapping from recipes to values.

    "{0}", "{1}", ... in an option is the folder of the table's first, second, ... row with the same seed.
    paper: TABLE/ROW of experiments/targets.csv, where the paper's figures of it are.
    start: what the encoder has learnt from before, in the papers' recipes: imagenet, luperson (without labels), ...
    run: the folder of a run that an earlier row made, whose figures the row tells; then nothing is trained.
    recipes: those that have this row, where it is not all of the table's.
    """

    name: str
    options: Mapping[str, Any]
    paper: str = ""
    start: str = "imagenet"
    run: str = ""
    recipes: tuple[str, ...] = ()


class Table(NamedTuple):
    """A title and rows; recipes: that they can go on from, the first where none is named."""

    title: str
    rows: tuple[Row, ...]
    recipes: tuple[str, ...] = ("street", "paper")
