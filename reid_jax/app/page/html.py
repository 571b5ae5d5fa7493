"""The page: sections as one HTML file that loads nothing and runs nothing.

Everything that comes from outside is escaped, so a name of a file shows as it is. Headings,
landmarks, alternative texts and heads of tables are there for those who read it by ear or by keys.
"""

import re
from collections.abc import Iterator, Sequence
from html import escape

from reid_jax.app.page import picture, svg
from reid_jax.app.page.blocks import (
    AREA,
    LINE,
    Block,
    Chart,
    Code,
    Lines,
    Picture,
    Row,
    Section,
    Sheet,
    Table,
    Text,
    Tile,
    plain,
)
from reid_jax.app.page.inks import WRONG
from reid_jax.app.page.style import style

LIMIT = 4_000_000  # bytes of the page of a run, at most

# what a browser may load (pictures and the style that are in the page) and run: nothing
POLICY = (
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
)
_NAV_END, _MAIN_END = "</ul></nav>", "</main>"  # no text holds either: texts are escaped


def page(title: str, sections: Sequence[Section], *, opening: str = "", foot: str = "") -> str:
    """A whole page.

    Args:
        title: of the page.
        sections: in their order; their titles differ.
        opening: words below the title.
        foot: words at the end.

    Returns:
        The text of an HTML file, without an address that a browser would load.
    """
    heads = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{POLICY}'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title><style>{style()}</style>'
        f'</head><body><a class="skip" href="#main">To the content</a>'
        f"<header><h1>{escape(title)}</h1>{_paragraph(opening)}</header>"
    )
    links = "".join(_link(one) for one in sections)
    body = "\n".join(_section(one) for one in sections)
    return (
        f'{heads}<nav aria-label="Sections"><ul>{links}{_NAV_END}\n'
        f'<main id="main">{body}{_MAIN_END}'
        f"<footer>{_paragraph(foot)}</footer></body></html>\n"
    )


def added(text: str, section: Section) -> str:
    """The page `text` with one more section at its end, in place of one of the same title."""
    name = _anchor(section.title)
    text = re.sub(rf'\n?<section id="{name}".*?</section>', "", text, flags=re.S)
    text = text.replace(_link(section), "")
    text = text.replace(_NAV_END, f"{_link(section)}{_NAV_END}", 1)
    return text.replace(_MAIN_END, f"\n{_section(section)}{_MAIN_END}", 1)


def inline(words: str) -> str:
    """Words with their `code` and **important** parts, escaped."""
    pieces = re.split(r"`([^`]+)`", words)
    made = [
        f"<code>{escape(piece)}</code>"
        if place % 2
        else re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", escape(piece))
        for place, piece in enumerate(pieces)
    ]
    return "".join(made)


def _link(section: Section) -> str:
    return f'<li><a href="#{_anchor(section.title)}">{escape(section.title)}</a></li>'


def _anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"


def _paragraph(words: str) -> str:
    return f"<p>{inline(words)}</p>" if words else ""


def _section(section: Section) -> str:
    """A section; charts that follow each other stand side by side."""
    name = _anchor(section.title)
    parts: list[str] = []
    charts: list[str] = []
    for number, block in enumerate(section.blocks):
        if isinstance(block, Chart):
            charts.append(_chart(block, f"{name}-{number}"))
            continue
        parts += _side_by_side(charts)
        charts = []
        parts.append(_block(block))
    parts += _side_by_side(charts)
    return (
        f'<section id="{name}" aria-labelledby="{name}-h"><h2 id="{name}-h">'
        f"{escape(section.title)}</h2>{''.join(parts)}</section>"
    )


def _side_by_side(charts: Sequence[str]) -> Iterator[str]:
    if charts:
        yield f'<div class="charts">{"".join(charts)}</div>'


def _block(block: Block) -> str:
    if isinstance(block, Text):
        return _paragraph(block.words)
    if isinstance(block, Lines):
        return f"<ul>{''.join(f'<li>{inline(one)}</li>' for one in block.items)}</ul>"
    if isinstance(block, Code):
        return f"<pre><code>{escape(block.text)}</code></pre>"
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Sheet):
        return _sheet(block)
    assert isinstance(block, Picture)
    source = picture.embedded(block.pixels, picture.LARGE)
    image = f'<img class="large" src="{source}" alt="{escape(plain(block.title))}">'
    return f"<figure>{_caption(block.title, block.words)}{image}</figure>"


def _caption(title: str, words: str) -> str:
    return f"<figcaption><h3>{inline(title)}</h3>{_paragraph(words)}</figcaption>"


def _table(table: Table) -> str:
    """A table in a frame that scrolls by itself where the window is narrow."""
    heads = "".join(f'<th scope="col">{inline(one)}</th>' for one in table.heads)
    rows = "".join(
        f'<tr><th scope="row">{inline(row[0])}</th>'
        f"{''.join(f'<td>{inline(cell)}</td>' for cell in row[1:])}</tr>"
        for row in table.rows
    )
    kind = "words" if table.words else "numbers"
    label = escape(plain(table.caption))
    made = (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{label}">'
        f'<table class="{kind}"><caption>{inline(table.caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    if not table.folded:
        return made
    made = re.sub("<caption>.*?</caption>", "", made, count=1)  # the summary says it
    return f"<details><summary>{inline(table.caption)}</summary>{made}</details>"


def _chart(chart: Chart, name: str) -> str:
    """A chart with caption, legend, and its numbers on demand."""
    items = "".join(f"<li>{_key(one)}{escape(one.name)}</li>" for one in chart.series)
    bare = chart._replace(title=plain(chart.title), words=plain(chart.words))
    numbers = _table(chart.table._replace(folded=True)) if chart.table else ""
    return (
        f"<figure>{_caption(chart.title, chart.words)}{svg.drawn(bare, name)}"
        f'<ul class="legend">{items}</ul>{numbers}</figure>'
    )


def _key(one: svg.Series) -> str:
    """What a series looks like, for the legend."""
    if one.kind == AREA:
        shape = '<path class="area {}" d="M2 2h22v10h-22z"/>'
    elif one.kind == LINE:
        dashed = " dashed" if one.other else ""
        shape = f'<path class="line {{}}{dashed}" d="M1 7h24"/>'
    else:
        points = svg.SHAPES[one.other % len(svg.SHAPES)]
        kind = "marks" if one.other else "points"
        shape = f'<path class="{kind} {{}}" d="M13 7{points}"/>'
    return f'<svg viewBox="0 0 26 14" aria-hidden="true">{shape.format(one.ink.word)}</svg>'


def _sheet(sheet: Sheet) -> str:
    rows = "".join(f"<li>{_row(one)}</li>" for one in sheet.rows)
    kind = "rows panels" if sheet.panels else "rows"
    return f'<figure>{_caption(sheet.title, sheet.words)}<ul class="{kind}">{rows}</ul></figure>'


def _row(row: Row) -> str:
    name = f'<p class="name">{escape(row.name.replace(chr(10), ", "))}</p>' if row.name else ""
    return f'{name}<ul class="tiles">{"".join(_tile(one) for one in row.tiles)}</ul>'


def _tile(tile: Tile) -> str:
    """A picture, whose frame is dashed where it is wrong."""
    kind = f" framed {tile.ink.word}" if tile.ink else ""
    kind += " wrong" if tile.ink == WRONG else ""
    lines = "".join(f"<span>{escape(line)}</span>" for line in tile.caption)
    alt = escape(tile.alt or ", ".join(tile.caption))
    source = picture.embedded(tile.pixels, picture.TILE)
    return f'<li class="tile{kind}"><img src="{source}" alt="{alt}" title="{alt}">{lines}</li>'
