"""Rows of a table: what an experiment's script says of them, and experiments.tables runs."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Row(NamedTuple):
    """name; options: what it changes of a recipe, a mapping where that depends on the recipe; paper: its figures there."""

    name: str
    options: Mapping[str, Any]
    paper: str = ""


class Table(NamedTuple):
    """A title and rows; recipe: that they go on from where none is named."""

    title: str
    rows: tuple[Row, ...]
    recipe: str = "street"
