"""An answer of a gallery: a table of text, and a sheet with the query and who was found."""

from collections.abc import Mapping, Sequence

import numpy as np

from reid_jax.app.canvas import SIZE
from reid_jax.app.page.blocks import Row, Sheet, Tile
from reid_jax.app.page.inks import QUERY, RIGHT, WRONG, Ink
from reid_jax.data.augment import resize
from reid_jax.gallery.answer import Answer, Match
from reid_jax.gallery.thumbnails import decoded

ACROSS = 8  # pictures in a row of the sheet
BLANK = 235  # grey of a picture that is not kept
HEAD = (
    *("place", "row", "cosine", "above", "chance", "camera", "time", "track", "person"),
    "picture",
)


def verdict(answer: Answer) -> str:
    """Who was found, in a sentence."""
    of = f"among {answer.looked:,} pictures"
    if not answer.matches:
        return f"nobody {of}"
    if answer.threshold is None:
        return f"the nearest {len(answer.matches)} {of}; the encoder has no threshold"
    above = sum(bool(one.above) for one in answer.matches)
    at = f"the threshold of {answer.threshold:.4f}"
    if answer.nobody:
        return f"nobody {of} is above {at}; the nearest are shown"
    return f"{above} of the nearest {len(answer.matches)} {of} reach {at}"


def exactness(answer: Answer) -> str:
    """How sure it is that none was overlooked."""
    if answer.exact:
        return "every picture was looked at"
    return f"by the index, which finds {100 * answer.recall:.1f}% of the ten nearest"


def table(answer: Answer) -> list[str]:
    """Lines of text, a match in each; columns of which nothing is known are left out."""
    rows = [_cells(place, one) for place, one in enumerate(answer.matches, 1)]
    used = [column for column in range(len(HEAD)) if column < 3 or any(row[column] for row in rows)]
    lines = [[line[column] for column in used] for line in [HEAD, *rows]]
    wide = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, wide, strict=True)).rstrip()
        for line in lines
    ]


def sheet(
    query: Sequence[np.ndarray], answer: Answer, jpegs: Mapping[int, bytes], title: str
) -> Sheet:
    """The query's pictures, then the matches, each with its place, cosine, camera and time.

    Args:
        query: pictures uint8 [h w 3], the first are shown.
        answer: whose matches follow.
        jpegs: thumbnails by the number of the row.
        title: of the caption.
    """
    tiles = [Tile(resize(one, SIZE), QUERY, ("query", "", "", "")) for one in query[:ACROSS]]
    for place, one in enumerate(answer.matches, 1):
        jpeg = jpegs.get(one.row)
        picture = np.full((*SIZE, 3), BLANK, np.uint8) if jpeg is None else decoded(jpeg)
        tiles.append(Tile(resize(picture, SIZE), _ink(one), _under(place, one)))
    lines = [Row("", tiles[start : start + ACROSS]) for start in range(0, len(tiles), ACROSS)]
    text = f"{QUERY.word} frame = the query; then from the nearest on, with cosine, camera, "
    text += "day and time (UTC)"
    if answer.threshold is not None:
        text += f"; {RIGHT.word} frame = above the threshold, {WRONG.word} frame = below"
    said = verdict(answer)
    caption = f"{said[0].upper()}{said[1:]}; {exactness(answer)}. {text[0].upper()}{text[1:]}."
    return Sheet(title, caption, lines)


def _cells(place: int, one: Match) -> tuple[str, ...]:
    tracked = "" if one.track is None else one.track
    if one.pictures > 1:
        tracked += f" ({one.pictures} pictures, best {one.best:.4f})"
    return (
        str(place),
        str(one.row),
        f"{one.cosine:.4f}",
        "" if one.above is None else "yes" if one.above else "no",
        "" if one.probability is None else f"{100 * one.probability:.1f}%",
        one.camera or "",
        one.time or "",
        tracked,
        one.person or "",
        one.name or "",
    )


def _ink(one: Match) -> Ink | None:
    return None if one.above is None else RIGHT if one.above else WRONG


def _under(place: int, one: Match) -> tuple[str, ...]:
    day, _, clock = (one.time or "").partition("T")
    camera = "" if one.camera is None else f"cam {one.camera}"
    return f"{place}: {one.cosine:.3f}", camera, day, clock[:8]
