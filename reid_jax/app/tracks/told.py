"""Figures of tracks in words: a sentence of a film, tables of all."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reid_jax.app.tracks.looks import PARTS
from reid_jax.whole import whole

SCORES = ("mota", "motp", "idf1", "hota", "deta", "assa")
TITLES = {"mota": "MOTA", "motp": "MOTP", "idf1": "IDF1", "hota": "HOTA", "deta": "DetA",
          "assa": "AssA"}  # fmt: skip


def sentence(line: dict[str, Any]) -> str:
    """What became of a film at a rate."""
    hertz = f" at {line['hertz']:g} Hz" if line["hertz"] else ""
    persons = f"{line['persons']:,} person{'s' * (line['persons'] != 1)}"
    text = f"{line['film']}{hertz}: {persons} in {line['frames']:,} frames"
    if line["missing"]:
        text += f" (missing: {line['missing']:,})"
    if "score" in line:
        text += f"; {scores(line['score'])}"
    return text


def scores(found: dict[str, Any]) -> str:
    """Scores in a line."""
    text = ", ".join(f"{TITLES[name]} {100 * found[name]:.1f}" for name in SCORES)
    return f"{text}, {found['switches']} switches, mostly tracked {found['mostly']} of " + (
        f"{found['persons']}"
    )


def table(lines: Sequence[Sequence[Any]], head: Sequence[str]) -> str:
    """A table in Markdown."""
    rows = [list(head), ["---"] * len(head), *([str(cell) for cell in line] for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def cost(line: dict[str, Any]) -> list[str]:
    """The cells of what a frame cost, and of the tracker's share of it."""
    if "detector_ms" not in line:
        return ["", "", "", f"{line['tracker_ms']:.1f}", "", ""]
    whole_ms = sum(line[f"{part}_ms"] for part in PARTS) + line["tracker_ms"]
    others = line["detector_ms"] + line["embedder_ms"]
    share = f"{100 * line['tracker_ms'] / others:.1f}%" if others > 0.05 else ""
    return [
        f"{line['reading_ms']:.1f}",
        f"{line['detector_ms']:.1f}",
        f"{line['embedder_ms']:.1f}",
        f"{line['tracker_ms']:.1f}",
        share,
        f"{1000 / whole_ms:.1f}" if whole_ms else "",
    ]


def write(out: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Write OUT/tracks.md: persons, scores where the truth is known, and what a frame cost."""
    parts = ["# Tracks", ""]
    parts.append(
        table(
            [
                [
                    one["film"],
                    one["rate"],
                    one["frames"],
                    one["missing"],
                    one["persons"],
                    one["boxes"],
                ]
                for one in lines
            ],
            ["film", "rate", "frames", "missing", "persons", "boxes"],
        )
    )
    scored = [one for one in lines if "score" in one]
    if scored:
        head = ["film", "rate", *TITLES.values(), "switches", "mostly tracked", "persons"]
        cells = [
            [one["film"], one["rate"], *(f"{100 * one['score'][name]:.1f}" for name in SCORES),
             one["score"]["switches"], one["score"]["mostly"], one["score"]["persons"]]
            for one in scored
        ]  # fmt: skip
        parts += ["", "Beside the truth, in percent (MOTP: the mean IoU of a pair):", ""]
        parts.append(table(cells, head))
    head = ["film", "rate", "reading", "detector", "embedder", "tracker", "share", "frames/s"]
    parts += [
        "",
        "What a frame cost in ms, and the tracker's share of detector and embedder (empty where it "
        "was looked at before):",
        "",
        table([[one["film"], one["rate"], *cost(one)] for one in lines], head),
    ]
    with whole(out / "tracks.md") as unfinished:
        unfinished.write_text("\n".join(parts) + "\n")
