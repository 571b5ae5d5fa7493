"""Draws the ideas of the methods: `python docs/drawings.py` writes docs/pictures/NAME.svg.

A drawing is boxes in a grid and arrows between them. Blue has labels, orange has none, grey is
computed, a dashed box is kept between batches.
"""

import math
from html import escape
from pathlib import Path

HERE = Path(__file__).parent / "pictures"
CELL, BOX = (222, 78), (152, 52)
INKS = {
    "labelled": ("#dbe9f6", "#1f6fb4", ""),
    "unlabelled": ("#fde8d3", "#c8650a", ""),
    "net": ("#e9e9e9", "#444444", ""),
    "kept": ("#f4f4f4", "#444444", 'stroke-dasharray="5 3"'),
    "loss": ("#ffffff", "#444444", ""),
}

# name: (boxes: key -> (column, row, kind, lines by "/"), arrows: "from to [words]")
DRAWINGS = {
    "ide": (
        {
            "p": (0, 0.5, "labelled", "a batch: P persons/K pictures of each"),
            "n": (1, 0.5, "net", "network"),
            "e": (2, 0.5, "net", "embeddings"),
            "c": (3, 0, "loss", "who is it?/cross-entropy"),
            "t": (3, 1, "loss", "own nearer than/others: triplets"),
        },
        ["p n", "n e", "e c", "e t"],
    ),
    "mgn": (
        {
            "p": (0, 1, "labelled", "pictures of/named persons"),
            "n": (1, 1, "net", "shared trunk"),
            "a": (2, 0, "net", "branch 1:/the whole body"),
            "b": (2, 1, "net", "branch 2:/and 2 stripes"),
            "d": (2, 2, "net", "branch 3:/and 3 stripes"),
            "h": (3, 0.5, "loss", "8 heads:/circle softmax each"),
            "t": (3, 1.5, "loss", "5 triplet losses"),
        },
        ["p n", "n a", "n b", "n d", "a h", "b h", "d h", "a t", "b t", "d t"],
    ),
    "remix": (
        {
            "l": (0, 0, "labelled", "labelled pictures,/several cameras"),
            "v": (0, 1.5, "unlabelled", "videos,/a camera each"),
            "m": (1, 1.5, "kept", "momentum encoder"),
            "d": (2, 1.5, "net", "DBSCAN inside/each video"),
            "e": (1, 0, "net", "encoder"),
            "b": (3, 1.5, "kept", "centroids of persons/and of labels"),
            "s": (3, 0, "loss", "four contrastive/losses"),
        },
        ["l e", "v m", "m d", "v e", "e m slow copy", "d b", "e s", "b s", "m s"],
    ),
    "spcl": (
        {
            "s": (0, 0, "labelled", "source,/labelled"),
            "t": (0, 1, "unlabelled", "target,/no labels"),
            "e": (1, 0.5, "net", "encoder"),
            "l": (2, 0, "loss", "like one's own/prototype?"),
            "m": (2, 1, "kept", "memory: classes,/each target picture"),
            "d": (3, 1, "net", "DBSCAN at 3 radii:/do they agree?"),
            "r": (3, 0, "net", "labels that are/reliable"),
        },
        ["s e", "t e", "e l", "e m", "m d", "d r", "r l"],
    ),
    "cluster_contrast": (
        {
            "t": (0, 0.5, "unlabelled", "pictures,/no labels"),
            "e": (1, 0.5, "net", "encoder"),
            "d": (2, 0, "net", "DBSCAN,/each epoch"),
            "m": (3, 0.5, "kept", "memory: a centroid/of each cluster"),
            "l": (2, 1, "loss", "nearest to one's/own centroid?"),
        },
        ["t e", "e d", "d m", "m l", "e l"],
    ),
    "domainmix": (
        {
            "s": (0, 0, "labelled", "synthetic,/labelled"),
            "r": (0, 1.2, "unlabelled", "real,/no labels"),
            "1": (1, 1.2, "net", "stage 1: pseudo/labels (SpCL)"),
            "2": (2, 0.6, "net", "stage 2: one network/for both"),
            "l": (3, 0, "loss", "who is it?/triplets"),
            "3": (3, 1.2, "kept", "stage 3: discriminator:/which domain?"),
        },
        ["s 2", "r 1", "s 1", "1 2", "2 l", "2 3", "3 2 fool it"],
    ),
    "mmt": (
        {
            "t": (0, 0.75, "unlabelled", "target, two views/of each picture"),
            "a": (1, 0, "net", "network 1"),
            "b": (1, 1.5, "net", "network 2"),
            "x": (2, 0, "kept", "teacher 1"),
            "y": (2, 1.5, "kept", "teacher 2"),
            "k": (3, 0.75, "net", "labels: clusters of/the teachers' mean"),
        },
        [
            *("t a", "t b", "a x slow copy", "b y slow copy"),
            *("y a teaches", "x b teaches", "x k", "y k"),
        ],
    ),
    "cycas": (
        {
            "a": (0, 0.5, "unlabelled", "people of frame 1/of a video"),
            "b": (1, 0.5, "unlabelled", "people of frame 2"),
            "c": (2, 0.5, "net", "back at frame 1"),
            "l": (3, 0, "loss", "each at itself?/relaxed cycle loss"),
            "q": (3, 1, "kept", "queue: people of other/videos are others"),
        },
        ["a b most like", "b c most like", "c l", "c q"],
    ),
    "moco": (
        {
            "p": (0, 0.75, "unlabelled", "a picture"),
            "a": (1, 0, "net", "view 1 -> encoder/and predictor"),
            "b": (1, 1.5, "kept", "view 2 -> momentum/encoder"),
            "l": (2, 0.75, "loss", "the same picture,/among all of a batch?"),
        },
        ["p a", "p b", "a b slow copy", "a l", "b l"],
    ),
}  # fmt: skip


def centre(place: tuple) -> tuple[float, float]:
    """The middle of a box."""
    return 12 + place[0] * CELL[0] + BOX[0] / 2, 12 + place[1] * CELL[1] + BOX[1] / 2


def words(x: float, y: float, text: str, size: int = 12, ink: str = "#222") -> str:
    """Lines of text around a point."""
    lines = text.split("/")
    return "".join(
        f'<text x="{x:.0f}" y="{y + 4 + (k - (len(lines) - 1) / 2) * 15:.0f}" fill="{ink}" '
        f'font-size="{size}" text-anchor="middle">{escape(line)}</text>'
        for k, line in enumerate(lines)
    )


def edge(a: tuple, b: tuple) -> tuple[float, float]:
    """Where the line from a's middle to b's leaves the box of a."""
    (x, y), (u, v) = a, b
    scale = min(
        (BOX[0] / 2 + 2) / abs(u - x) if u != x else math.inf,
        (BOX[1] / 2 + 2) / abs(v - y) if v != y else math.inf,
    )
    return x + (u - x) * scale, y + (v - y) * scale


def arrow(boxes: dict, text: str, both: bool) -> str:
    """An arrow; one that has another the other way round is moved aside."""
    first, last, *said = text.split(" ", 2)
    a, b = centre(boxes[first]), centre(boxes[last])
    (x, y), (u, v) = edge(a, b), edge(b, a)
    if both:
        long = math.dist((x, y), (u, v))
        aside = (-(v - y) / long * 7, (u - x) / long * 7)
        x, y, u, v = x + aside[0], y + aside[1], u + aside[0], v + aside[1]
    line = f'<path d="M{x:.0f} {y:.0f}L{u:.0f} {v:.0f}" stroke="#555" marker-end="url(#head)"/>'
    if not said:
        return line
    x, y = (x + u) / 2, (y + v) / 2 - 10 * (y == v)  # beside a level arrow, on a steep one
    wide = 6 * len(said[0])
    back = (
        f'<rect x="{x - wide / 2:.0f}" y="{y - 8:.0f}" width="{wide}" height="16" fill="#fbfbfb"/>'
    )
    return line + back + words(x, y, said[0], 11, "#555")


def page(width: float, height: float, inner: str, title: str) -> str:
    """A whole picture."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" '
        'font-family="sans-serif" fill="none">'
        f"<title>{escape(title)}</title>"
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#555"/></marker></defs>'
        f'<rect width="100%" height="100%" rx="6" fill="#fbfbfb"/>{inner}</svg>\n'
    )


def flow(name: str) -> str:
    """Boxes and arrows."""
    boxes, arrows = DRAWINGS[name]
    ways = {tuple(one.split(" ")[:2]) for one in arrows}
    inner = "".join(arrow(boxes, one, tuple(one.split(" ")[1::-1]) in ways) for one in arrows)
    for column, row, kind, text in boxes.values():
        x, y = 12 + column * CELL[0], 12 + row * CELL[1]
        fill, line, more = INKS[kind]
        inner += (
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{BOX[0]}" height="{BOX[1]}" rx="7" '
            f'fill="{fill}" stroke="{line}" {more}/>' + words(x + BOX[0] / 2, y + BOX[1] / 2, text)
        )
    columns, rows = (max(box[k] for box in boxes.values()) for k in (0, 1))
    return page(
        24 + columns * CELL[0] + BOX[0], 24 + rows * CELL[1] + BOX[1], inner, f"The idea of {name}"
    )


def bell(mean: float, wide: float, ink: str) -> str:
    """A distribution of distances."""
    points = " ".join(
        f"{x},{130 - 90 * math.exp(-(((x - mean) / wide) ** 2) / 2):.1f}" for x in range(20, 651, 3)
    )
    return (
        f'<polyline fill="{ink}" fill-opacity="0.15" stroke="{ink}" stroke-width="2" '
        f'points="{points}"/>'
    )


def separation() -> str:
    """GDS: two distributions that part."""
    inner = bell(220, 50, "#1f6fb4") + bell(430, 50, "#c8650a")
    inner += '<path d="M20 130H660" stroke="#555" marker-end="url(#head)"/>'
    inner += words(340, 148, "distance of a pair of pictures")
    inner += words(220, 28, "same person", 13, "#1f6fb4") + words(
        430, 28, "two persons", 13, "#c8650a"
    )
    for x, y, u in ((200, 100, 150), (450, 100, 500)):
        inner += f'<path d="M{x} {y}H{u}" stroke="#555" stroke-width="2" marker-end="url(#head)"/>'
    inner += words(325, 64, "GDS-H: the tails/must not meet", 11, "#555")
    inner += '<path d="M325 84V118" stroke="#555" marker-end="url(#head)"/>'
    return page(680, 164, inner, "The idea of GDS: distances of one person and of two persons part")


def main() -> None:
    """Write all of them."""
    for name in DRAWINGS:
        (HERE / f"{name}.svg").write_text(flow(name))
    (HERE / "gds.svg").write_text(separation())


if __name__ == "__main__":
    main()
