"""ReMix's table 14: Deep SORT at 2, 4 and 8 frames a second, with and without videos.

The paper (supplement) tracks in the training sequences of MOT15 and MOT17 by "public detections";
which, how frames were left out, and all thresholds are not told. A MOTA of 93 cannot be had from
the raw public boxes, so boxes near the truth are likely (inferred): both kinds are rows here, and
what is to be compared is the difference that videos make, not MOTA itself. No threshold is chosen
for one encoder: all rows have the same.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reid_jax.app import command, progress
from reid_jax.app.tracks import told
from reid_jax.app.tracks.films import Film
from reid_jax.app.tracks.follow import follow, kept, noise, scored, stride
from reid_jax.app.tracks.looks import AGAIN, look
from reid_jax.app.tracks.track import Options
from reid_jax.files import jsons
from reid_jax.tracking import score
from reid_jax.tracking.tracker import Embed
from reid_jax.whole import whole

FLOOR, WITHOUT, WITH = "motion only", "without videos", "with videos"
FIGURES = ("mota", "switches", "idf1", "hota")


class Paper(NamedTuple):
    """The paper's figures of a row: by set, MOTA in percent and switches."""

    row: str
    set: str
    hertz: float
    mota: float
    switches: int


def make(
    groups: Mapping[str, Sequence[Film]],
    embeds: Mapping[str, Embed | None],
    out: Path,
    options: Options,
    paper: Sequence[Paper] = (),
    title: str = "",
) -> list[dict[str, Any]]:
    """Track in all films with each encoder at each rate, and write OUT/table.md.

    What is done is kept in OUT, so that the same call goes on.

    Args:
        groups: films that are counted together, by name (a seed of the street, a set): the spread
            is that of the groups.
        embeds: by row's name; None: by overlap alone.
        out: a folder.
        options: how.
        paper: figures to show beside.
        title: of the table.

    Returns:
        A line of figures for each row and rate: name, hertz, and for each of FIGURES the groups'.

    Raises:
        ValueError: a film's truth or rate is not known.
    """
    for film in (film for films in groups.values() for film in films):
        if film.truth is None or not film.rate:
            what = "where persons are (gt/gt.txt)" if film.truth is None else "its rate (--rate=25)"
            raise ValueError(f"{film.name} does not say {what}, without which nothing is scored")
    lines: list[dict[str, Any]] = []
    for name, embed in embeds.items():
        for hertz in options.hertz:
            lines.append({"row": name, "hertz": hertz, **{figure: [] for figure in FIGURES}})
        for group, films in groups.items():
            path = out / "rows" / f"{name.replace(' ', '-')}-{group}.json"
            if not path.is_file():
                done = _scores(films, embed, out / "looks" / name.replace(" ", "-"), options)
                with whole(path) as unfinished:
                    unfinished.write_text(json.dumps({"rates": done}) + "\n")
            for at, found in enumerate(jsons.read(path, "scores of films", AGAIN)["rates"]):
                for figure in FIGURES:
                    lines[at - len(options.hertz)][figure].append(found[figure])
        command.say(f"{name}: {_short([one for one in lines if one['row'] == name])}")
    _write(out, lines, list(groups), paper, title)
    return lines


def _scores(
    films: Sequence[Film], embed: Embed | None, folder: Path, options: Options
) -> list[dict[str, Any]]:
    """The scores of some films together, at each rate."""
    counts: list[list[score.Counts]] = [[] for _ in options.hertz]
    for film in films:
        steps = [stride(film.rate, hertz) for hertz in options.hertz]
        wanted = np.unique(np.concatenate([kept(film.numbers, step) for step in steps]))
        with progress.doing(f"looking at {film.name}") as watch:
            looks, _ = look(
                film,
                wanted,
                embed,
                folder / film.name,
                confidence=options.confidence,
                camera_motion=options.camera_motion,
                watch=watch,
            )
        for step, own in zip(steps, counts, strict=True):
            how = options.how._replace(noise=noise(options.pace, step))
            followed = follow(looks, step, how, int(film.numbers[0]))
            assert film.truth is not None
            own.append(scored(film, film.truth, followed))
    return [score.score(score.added(own))._asdict() for own in counts]


def _short(lines: Sequence[dict[str, Any]]) -> str:
    return "; ".join(
        f"{one['hertz']:g} Hz MOTA {100 * np.mean(one['mota']):.1f}, "
        f"{np.mean(one['switches']):.1f} switches"
        for one in lines
    )


def _write(
    out: Path,
    lines: Sequence[dict[str, Any]],
    groups: Sequence[str],
    paper: Sequence[Paper],
    title: str,
) -> None:
    head = ["", "Hz", "MOTA", "switches", "IDF1", "HOTA"]
    known = sorted({one.set for one in paper})
    head += [f"paper, {name}" for name in known]
    cells = []
    for line in lines:
        row = [line["row"], f"{line['hertz']:g}"]
        row += [_spread(line[name], 1 if name == "switches" else 100) for name in FIGURES]
        for name in known:
            row += [
                f"{one.mota} / {one.switches}"
                for one in paper
                if (one.row, one.set, one.hertz) == (line["row"], name, line["hertz"])
            ] or [""]
        cells.append(row)
    parts = [f"# {title or 'ReMix, table 14'}", "", told.table(cells, head), ""]
    parts.append(
        f"Groups of films: {', '.join(groups)}. Figures are means over them, with the standard "
        "deviation where there are several. The paper's figures are MOTA / switches; which boxes "
        "it tracked is not known, so compare what videos change, not MOTA itself."
    )
    with whole(out / "table.md") as unfinished:
        unfinished.write_text("\n".join(parts) + "\n")


def _spread(values: Sequence[float], factor: float) -> str:
    scaled = factor * np.array(values, float)
    more = f" ± {scaled.std(ddof=1):.1f}" if len(scaled) > 1 else ""
    return f"{scaled.mean():.1f}{more}"
