"""Pieces of pictures: tiles, rows with names, captions, and the colours of right and wrong."""

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from reid_jax.data import records as reading
from reid_jax.data.augment import resize
from reid_jax.types import Records
from reid_jax.whole import whole

SIZE = (128, 64)  # of a picture in a sheet, (height, width)
LEAST = 720  # width of a sheet with a caption, at least
MARGIN = 8  # pixels around text
TITLE, TEXT, SMALL = 18, 15, 11  # heights of letters, in pixels


class Ink(NamedTuple):
    """A colour and its name: rgb in 0 to 255, and the word that captions have for it."""

    rgb: tuple[int, int, int]
    word: str

    @property
    def plotted(self) -> tuple[float, ...]:
        """The colour for matplotlib, in 0 to 1."""
        return tuple(part / 255 for part in self.rgb)


# RIGHT is the same person, a right answer; WRONG another person, a wrong answer: in every picture.
# Blue and orange differ for the colour-blind too. FIRST and SECOND tell two kinds of data apart.
RIGHT, WRONG, QUERY = (
    Ink((0, 114, 178), "blue"),
    Ink((213, 94, 0), "orange"),
    Ink((90,) * 3, "gray"),
)
FIRST, SECOND = Ink((0, 0, 0), "black"), Ink((0, 158, 115), "green")


def tile(part: Records, row: int, ink: Ink | None = None, text: str = "") -> np.ndarray:
    """The picture of a row in a frame of `ink` (None: white), and what fits of lines of text."""
    return framed(resize(reading.read(part, int(row)), SIZE), ink, text)


def framed(image: np.ndarray, ink: Ink | None = None, text: str = "") -> np.ndarray:
    """A picture uint8 [*SIZE 3] in a frame of `ink` (None: white), and lines of text below."""
    edge = ink.rgb if ink else (255, 255, 255)
    image = cv2.copyMakeBorder(image, 4, 4, 3, 3, cv2.BORDER_CONSTANT, value=edge)
    if not text:
        return image
    width = image.shape[1]
    lines = [wrapped(line, width - 2, SMALL)[0] for line in text.split("\n")]
    return np.vstack([image, band("\n".join(lines), width, SMALL, margin=1)])


def grid(lines: Sequence[Sequence[np.ndarray]], names: Sequence[str] = ()) -> np.ndarray:
    """Lay out tiles of one size, uint8 [h w 3], line below line, each line behind its name."""
    height, width = lines[0][0].shape[:2]
    sheet = np.full((len(lines) * height, max(map(len, lines)) * width, 3), 255, np.uint8)
    for top, line in enumerate(lines):
        for left, one in enumerate(line):
            sheet[top * height : (top + 1) * height, left * width : (left + 1) * width] = one
    if not any(names):
        return sheet
    words = [line for name in names for line in name.split("\n")]
    wide = math.ceil(max(_font(SMALL).getlength(word) for word in words)) + 2 * MARGIN
    column = np.full((len(sheet), wide, 3), 255, np.uint8)
    for top, name in enumerate(names):
        label = band(name, wide, SMALL)[:height]
        start = top * height + (height - len(label)) // 2
        column[start : start + len(label)] = label
    return np.hstack([column, sheet])


def captioned(sheet: np.ndarray, title: str, text: str) -> np.ndarray:
    """The sheet below a band with a title and a text, which are wrapped to its width.

    Args:
        sheet: uint8 [h w 3]. White is added on the right up to a width of `LEAST`.
        title: what it is and of which data.
        text: how it is to be read.

    Returns:
        uint8 [more than h, at least w, 3].
    """
    width = max(LEAST, sheet.shape[1])
    sheet = np.pad(sheet, ((0, 0), (0, width - sheet.shape[1]), (0, 0)), constant_values=255)
    parts = [band(title, width, TITLE, bold=True), band(text, width, TEXT)]
    return np.vstack([*parts, sheet])


def band(
    text: str, width: int, size: int, *, bold: bool = False, margin: int = MARGIN
) -> np.ndarray:
    """Black text on white, wrapped, uint8 [h width 3]."""
    font = _font(size, bold)
    lines = wrapped(text, width - 2 * margin, size, bold=bold)
    step = round(1.3 * size)
    image = Image.new("RGB", (width, step * len(lines) + margin), "white")
    draw = ImageDraw.Draw(image)
    for place, line in enumerate(lines):
        draw.text((margin, margin // 2 + place * step), line, fill="black", font=font)
    return np.asarray(image)


def wrapped(text: str, width: int, size: int, *, bold: bool = False) -> list[str]:
    """The lines of a text that are no wider than `width` pixels; a longer word is cut."""
    length, lines = _font(size, bold).getlength, []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            whole = f"{line} {word}" if line else word
            if length(whole) <= width:
                line = whole
                continue
            if line:
                lines.append(line)
            while length(word) > width and len(word) > 1:
                fits = next(
                    n for n in range(len(word) - 1, 0, -1) if n == 1 or length(word[:n]) <= width
                )
                lines.append(word[:fits])
                word = word[fits:]
            line = word
        lines.append(line)
    return lines


def plotted(figure: Any) -> np.ndarray:
    """A figure of matplotlib as uint8 [h w 3]; it is closed."""
    from matplotlib import pyplot

    figure.tight_layout()
    figure.canvas.draw()
    image = np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()
    pyplot.close(figure)
    return image


def save(path: Path, image: np.ndarray) -> None:
    """Write an RGB picture, whole or not at all."""
    encoded = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
    with whole(path) as unfinished:
        unfinished.write_bytes(encoded.tobytes())


@cache
def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)
