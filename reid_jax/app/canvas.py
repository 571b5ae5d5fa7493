"""Pictures from sheets and charts: tiles, rows with names, captions, panels of curves."""

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from reid_jax.app.page.blocks import AREA, LINE, Chart, Series, Sheet, Tile, plain
from reid_jax.data import records as reading
from reid_jax.data.augment import resize
from reid_jax.types import Records
from reid_jax.whole import whole

matplotlib.use("agg")

SIZE = (128, 64)  # of a picture in a sheet, (height, width)
LEAST = 720  # width of a sheet with a caption, at least
MARGIN = 8  # pixels around text
TITLE, TEXT, SMALL = 18, 15, 11  # heights of letters, in pixels
GAP, PANEL = 12, 17  # pixels between two panels, and of the name of one
NAME = 24  # letters of a name of a row, at most
DOTS = ("o", "x", "^")  # marks of points, as of the page


def picture(part: Records, row: int) -> np.ndarray:
    """The picture of a row in the size of a sheet, uint8 [128 64 3]."""
    return resize(reading.read(part, int(row)), SIZE)


def drawn(sheet: Sheet) -> np.ndarray:
    """A sheet below its caption, uint8 [h w 3]."""
    lines = [[_tile(one) for one in row.tiles] for row in sheet.rows]
    height = max(len(one) for line in lines for one in line)
    lines = [[_padded(one, height, one.shape[1]) for one in line] for line in lines]
    names = [row.name for row in sheet.rows]
    title, words = plain(sheet.title), plain(sheet.words)
    if not sheet.panels:
        return captioned(grid(lines, names), title, words)
    width = GAP + max(len(line) * line[0].shape[1] for line in lines)
    panels = [_panel(name, line, width) for name, line in zip(names, lines, strict=True)]
    laid = [panels[at : at + sheet.panels] for at in range(0, len(panels), sheet.panels)]
    return captioned(grid(laid), title, words)


def _padded(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """A picture with white below and on the right, up to a size."""
    more = ((0, height - image.shape[0]), (0, width - image.shape[1]), (0, 0))
    return np.pad(image, more, constant_values=255)


def _panel(name: str, line: Sequence[np.ndarray], width: int) -> np.ndarray:
    """Tiles of a row below its name."""
    tiles = np.hstack(line)
    tiles = _padded(tiles, len(tiles), width)
    return np.vstack([band(name, width, SMALL, margin=3)[:PANEL], tiles]) if name else tiles


def _tile(one: Tile) -> np.ndarray:
    """A picture in its frame (without one: white), and what fits of its caption."""
    edge = one.ink.rgb if one.ink else (255, 255, 255)
    image = cv2.copyMakeBorder(one.pixels, 4, 4, 3, 3, cv2.BORDER_CONSTANT, value=edge)
    if not one.caption:
        return image
    width = image.shape[1]
    lines = [wrapped(line, width - 2, SMALL)[0] for line in one.caption]
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
    words = [line[:NAME] for name in names for line in name.split("\n")]
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


def charted(rows: Sequence[Sequence[Chart]], title: str, text: str) -> np.ndarray:
    """Charts in lines, as matplotlib draws them, below a caption, uint8 [h w 3]."""
    from matplotlib import pyplot

    wide = max(map(len, rows))
    size = (6.5 * wide, 4 * len(rows))
    figure, panels = pyplot.subplots(len(rows), wide, figsize=size, squeeze=False)
    for line, row in zip(panels, rows, strict=True):
        for axes, chart in zip(line, row, strict=False):
            _axes(axes, chart)
        for axes in line[len(row) :]:
            axes.set_axis_off()
    return captioned(plotted(figure), title, text)


def plotted(figure: Any) -> np.ndarray:
    """A figure of matplotlib as uint8 [h w 3]; it is closed."""
    from matplotlib import pyplot

    figure.tight_layout()
    figure.canvas.draw()
    image = np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()
    pyplot.close(figure)
    return image


def _axes(axes: Any, chart: Chart) -> None:
    """One chart."""
    for one in chart.series:
        _series(axes, one)
    for mark in chart.marks:
        axes.axvline(mark.x, color="black", linestyle=":", label=_shown(mark.name))
    axes.set_title(_shown(chart.title), wrap=True, fontsize="medium")
    axes.set_xlabel(_shown(chart.x))
    axes.set_ylabel(_shown(chart.y))
    if chart.whole:
        axes.xaxis.get_major_locator().set_params(integer=True)
    if chart.bare:
        axes.set_xticks([])
        axes.set_yticks([])
    if chart.series:
        axes.legend(fontsize="small")


def _shown(words: str) -> str:
    """Words as matplotlib shows them: a dollar of a path begins no formula."""
    return plain(words).replace("$", r"\$")


def _series(axes: Any, one: Series) -> None:
    look = {"label": _shown(one.name), "color": one.ink.plotted}
    if one.kind == AREA:
        axes.bar(one.x[:-1], one.y, np.diff(one.x), align="edge", alpha=0.6, **look)
    elif one.kind == LINE:
        axes.plot(one.x, one.y, marker=".", linestyle="--" if one.other else "-", **look)
    else:
        axes.scatter(one.x, one.y, s=16, alpha=0.6, marker=DOTS[one.other % len(DOTS)], **look)


def save(path: Path, image: np.ndarray) -> None:
    """Write an RGB picture, whole or not at all."""
    encoded = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
    with whole(path) as unfinished:
        unfinished.write_bytes(encoded.tobytes())


@cache
def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)
