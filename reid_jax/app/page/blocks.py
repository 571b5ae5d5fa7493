"""What a report is made of. Nothing here knows HTML or Markdown.

Words are plain text in which `code` stands between backticks and **important** words between
asterisks; whatever else they hold, as names of files, is shown as it is.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from reid_jax.app.page.inks import Ink

LINE, AREA, POINTS = "line", "area", "points"  # kinds of `Series`


class Text(NamedTuple):
    """A paragraph."""

    words: str


class Lines(NamedTuple):
    """A list of short sentences."""

    items: Sequence[str]


class Code(NamedTuple):
    """What is typed or read as it is: commands, the lines of a file."""

    text: str


class Table(NamedTuple):
    """Rows of cells; the first cell of a row names it.

    Attributes:
        caption: what it shows and of what data.
        heads: of the columns, the first of them that of the rows' names.
        rows: as many cells each.
        folded: shown on demand only.
        words: the cells are sentences, not numbers.
    """

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    folded: bool = False
    words: bool = False


class Series(NamedTuple):
    """One curve, histogram or cloud of a chart.

    Attributes:
        name: for the legend.
        x: f[n]; of an AREA f[n + 1], the edges of its bins.
        y: f[n].
        ink: its colour.
        kind: LINE, AREA or POINTS.
        other: drawn otherwise than a series beside it, for those who do not see the colour: a
            dashed line; points of shape 0, 1 or 2.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    ink: Ink
    kind: str = LINE
    other: int = 0


class Mark(NamedTuple):
    """A vertical line of a chart at x, with its name."""

    x: float
    name: str


class Chart(NamedTuple):
    """Series over one pair of axes.

    Attributes:
        title: what it shows and of what data.
        words: how it is to be read, and what it says.
        x: what the horizontal axis is, with its unit.
        y: likewise.
        series: at least one.
        marks: vertical lines.
        table: its numbers, for those who do not see it.
        whole: x counts something, so ticks are at whole numbers.
        bare: the axes have no numbers.
        zero: the vertical axis begins at 0.
    """

    title: str
    words: str
    x: str
    y: str
    series: Sequence[Series]
    marks: Sequence[Mark] = ()
    table: Table | None = None
    whole: bool = False
    bare: bool = False
    zero: bool = False


class Tile(NamedTuple):
    """A small picture.

    Attributes:
        pixels: uint8 [h w 3], RGB.
        ink: of its frame; None: no frame.
        caption: lines below it.
        alt: what it is, for those who do not see it.
    """

    pixels: np.ndarray
    ink: Ink | None = None
    caption: Sequence[str] = ()
    alt: str = ""


class Row(NamedTuple):
    """Tiles that belong together, and their name, which may have several lines."""

    name: str
    tiles: Sequence[Tile]


class Sheet(NamedTuple):
    """Rows of tiles.

    Attributes:
        title: what it is and of what data.
        words: how it is to be read.
        rows: at least one.
        panels: 0: a row in each line; else so many rows side by side, each below its name.
        file: the picture of the same beside the report, if there is one.
        told: the text says what is in each row, not only how many there are.
    """

    title: str
    words: str
    rows: Sequence[Row]
    panels: int = 0
    file: str = ""
    told: bool = False


class Picture(NamedTuple):
    """A picture by itself; the fields are those of a Sheet."""

    title: str
    words: str
    pixels: np.ndarray
    file: str = ""


Block = Text | Lines | Code | Table | Chart | Sheet | Picture


class Section(NamedTuple):
    """A heading and what is below it."""

    title: str
    blocks: Sequence[Block]


def plain(words: str) -> str:
    """Words without the marks of `code` and **important** parts."""
    return re.sub(r"`([^`]+)`", r"\1", re.sub(r"\*\*([^*]+)\*\*", r"\1", words))
