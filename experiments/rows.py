"""Rows of a table: what an experiment's script says of them, and experiments.tables runs."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Row(NamedTuple):
    """name; options: what it changes of a recipe, a value or a mapping from recipes to values; paper: its figures there.

    "{0}", "{1}", ... in an option is the folder of the table's first, second, ... row with the same seed.
    run: the folder of a run that an earlier row made, whose figures the row tells; then nothing is trained.
    """

    name: str
    options: Mapping[str, Any]
    paper: str = ""
    run: str = ""


class Table(NamedTuple):
    """A title and rows; recipe: that they go on from where none is named."""

    title: str
    rows: tuple[Row, ...]
    recipe: str = "street"
