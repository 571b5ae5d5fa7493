"""Rows of a table of a paper, as an experiment says them; `experiments.tables` trains them."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Row(NamedTuple):
    """One line of a table, a training.

    A text in `options`, `data`, `tests` and `run` may have "{0}", "{1}", ..., the folder of the
    table's first, second, ... row with the same seed, and "{market}", "{duke}", ..., the source of
    a data set (experiments/tables/sets.py has the names).

    Attributes:
        name: as the table shows it.
        options: what it changes of a recipe, a value or a mapping from recipes to values.
        paper: TABLE/ROW of experiments/tables/targets.csv, the paper's figures of it.
        start: what the encoder was trained on before, in the papers' recipes: imagenet, luperson
            (without labels), ...; none: it begins with random numbers.
        run: the folder of a run that another row makes; nothing is trained then.
        recipes: those that have this row; empty: all of the table's.
        data: options that name the paper's data sets, for the recipes that are not `small`.
        tests: further data sets that it is tested on then.
        by: EXPERIMENT, or EXPERIMENT:RECIPE where the paper's recipe has another name there; empty:
            the table's.
        at: where a picture of the table shows it: (name of the curve, place on the axis), the place
            a number or a mapping from recipes to numbers; None: nowhere.
    """

    name: str
    options: Mapping[str, Any]
    paper: str = ""
    start: str = "imagenet"
    run: str = ""
    recipes: tuple[str, ...] = ()
    data: Mapping[str, str] = {}
    tests: tuple[str, ...] = ()
    by: str = ""
    at: tuple[str, float | Mapping[str, float]] | None = None


class Table(NamedTuple):
    """A table of a paper.

    Attributes:
        title: as its file begins.
        rows: its lines.
        recipes: those that its rows can go on from; the first where none is named.
        figures: what it shows of a row: figures of a ranking; hours, of training; memory, the most
            that a process had of the host's, in GB; cpu, of a picture on one core, in ms.
        axis: what `Row.at` counts; rows become curves then, in a picture.
        draws: other pictures of its rows: distances, trend.
    """

    title: str
    rows: tuple[Row, ...]
    recipes: tuple[str, ...] = ("street", "paper")
    figures: tuple[str, ...] = ("mAP", "rank1")
    axis: str = ""
    draws: tuple[str, ...] = ()


def small(recipe: str) -> bool:
    """Whether a recipe is one on the synthetic street, which needs neither data nor weights."""
    return recipe.startswith("street")


def of_recipe(value: Any, recipe: str) -> Any:
    """A value, or the one that a mapping from recipes to values has."""
    return value[recipe] if isinstance(value, Mapping) else value
