"""The colours of all pictures, charts and pages, safe for the colour-blind, by the word for them.

Reference:
    Okabe and Ito, Color Universal Design, 2008 (their eight colours).
"""

from typing import NamedTuple


class Ink(NamedTuple):
    """A colour and its name: rgb in 0 to 255, and the word that captions have for it."""

    rgb: tuple[int, int, int]
    word: str

    @property
    def plotted(self) -> tuple[float, ...]:
        """The colour for matplotlib, in 0 to 1."""
        return tuple(part / 255 for part in self.rgb)


# RIGHT is the same person, a right answer; WRONG another person, a wrong answer: in every picture.
# FIRST and SECOND tell two kinds of data apart, SEVERAL what is neither right nor wrong.
RIGHT, WRONG, QUERY = (
    Ink((0, 114, 178), "blue"),
    Ink((213, 94, 0), "orange"),
    Ink((90,) * 3, "gray"),
)
FIRST, SECOND = Ink((0, 0, 0), "black"), Ink((0, 158, 115), "green")
PINK, SKY, AMBER = (
    Ink((204, 121, 167), "pink"),
    Ink((86, 180, 233), "sky"),
    Ink((230, 159, 0), "amber"),
)
SEVERAL = (RIGHT, AMBER, SECOND, PINK, SKY, WRONG, FIRST)
ALL = (*SEVERAL, QUERY)
