"""The page's twin in Markdown: the same sections in words, pictures as links."""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from reid_jax.app.page.blocks import (
    AREA,
    POINTS,
    Block,
    Chart,
    Code,
    Lines,
    Picture,
    Section,
    Sheet,
    Table,
    Text,
)

_FOOT = "---\n\n"  # before the foot


def text(title: str, sections: Sequence[Section], *, opening: str = "", foot: str = "") -> str:
    """The whole text; arguments are as of `html.page`."""
    parts = [f"# {_safe(title)}", _safe(opening), *(section(one) for one in sections)]
    return "\n\n".join(filter(None, [*parts, foot and _FOOT + _safe(foot)])) + "\n"


def added(written: str, one: Section) -> str:
    """A text of `text` with one more section at its end, in place of one of the same title."""
    head = re.escape(f"## {one.title}\n")
    body, mark, foot = written.partition(f"\n{_FOOT}")
    body = re.sub(rf"^{head}.*?(?=^## |\Z)", "", body, flags=re.S | re.M)
    return f"{body.rstrip()}\n\n{section(one)}\n{mark}{foot}"


def section(one: Section) -> str:
    """A heading and its blocks."""
    return "\n\n".join([f"## {one.title}", *(part for b in one.blocks for part in _block(b))])


def _block(block: Block) -> Iterator[str]:
    """The paragraphs of a block."""
    if isinstance(block, Text):
        yield _safe(block.words)
    elif isinstance(block, Lines):
        yield "\n".join(f"- {_safe(one)}" for one in block.items)
    elif isinstance(block, Code):
        yield "\n".join(f"    {line}".rstrip() for line in block.text.split("\n"))
    elif isinstance(block, Table):
        yield from _table(block)
    elif isinstance(block, Chart):
        yield f"### {_safe(block.title)}"
        yield _safe(f"{block.words} {_axes(block)}")
        if block.table:
            yield from _table(block.table)
    else:
        yield from _pictures(block)


def _table(table: Table) -> Iterator[str]:
    yield _safe(table.caption)
    yield tabled(table)


def tabled(table: Table) -> str:
    """A table without its caption."""
    heads = f"| {' | '.join(map(_cell, table.heads))} |"
    rows = [f"| {' | '.join(map(_cell, row))} |" for row in table.rows]
    return "\n".join([heads, "|---" * len(table.heads) + "|", *rows])


def _cell(words: str) -> str:
    return _safe(words).replace("|", "\\|").replace("\n", " ")


def _axes(chart: Chart) -> str:
    """What a chart shows, with the reach of each series."""
    if all(one.kind == POINTS for one in chart.series):
        counts = ", ".join(f"{one.name}: {len(one.x):,}" for one in chart.series)
        return f"Points of {counts}."
    told = [f"Across: {chart.x}; upwards: {chart.y}."]
    for one in chart.series:
        there = np.asarray(one.y)[np.isfinite(one.y)]
        if one.kind != AREA and len(there) and not chart.table:
            told.append(f"{one.name}: from {there[0]:.4g} to {there[-1]:.4g}.")
    return " ".join([*told, *(f"Line: {one.name}." for one in chart.marks)])


def _pictures(block: Sheet | Picture) -> Iterator[str]:
    """The title with a link, the words, and what is in the rows where that is worth telling."""
    title = re.sub(r"[\[\]]", "", block.title)
    yield f"### {_safe(title)}"
    words = _safe(block.words)
    yield f"{words} [{block.file}]({block.file})" if block.file else words
    if isinstance(block, Sheet) and block.told:
        lines = [
            f"- {row.name.replace(chr(10), ', ')}: {'; '.join(one.alt for one in row.tiles)}"
            for row in block.rows
        ]
        yield "\n".join(lines).replace("<", "&lt;")


def _safe(words: str) -> str:
    """Words in which no name makes a tag."""
    return words.replace("<", "&lt;")
