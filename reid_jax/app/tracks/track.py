"""The job of `reid-jax track`: films -> tracks, pictures of them, and what it cost."""

import dataclasses
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reid_jax.app import command, progress
from reid_jax.app.tracks import draw, told
from reid_jax.app.tracks.films import Film
from reid_jax.app.tracks.follow import Followed, follow, kept, noise, scored, stride
from reid_jax.app.tracks.looks import AGAIN, PARTS, Cost, Look, look
from reid_jax.files import jsons
from reid_jax.tracking import mot, score
from reid_jax.tracking.tracker import Embed
from reid_jax.tracking.tracks import PUBLISHED, How
from reid_jax.whole import whole

DONE = "what was told of a film"
ABOUT, LOOKS, TRACKS = "config.json", "looks", "tracks.npz"


@dataclasses.dataclass(frozen=True)
class Options:
    """How films are tracked.

    Attributes:
        hertz: rates, frames a second; 0: the film's own.
        how: the options of tracking.
        pace: how the filter's noise is scaled, see `follow.noise`.
        confidence: least of a box.
        camera_motion: find how the picture moves.
        draw: write videos and sheets.
    """

    hertz: tuple[float, ...] = (0.0,)
    how: How = PUBLISHED
    pace: str = "stride"
    confidence: float = 0.3
    camera_motion: bool = False
    draw: bool = True


def track(
    films: Sequence[Film], embed: Embed | None, out: Path, options: Options, about: dict[str, Any]
) -> list[dict[str, Any]]:
    """Track in films at each rate, and write what comes of it below `out`.

    What is done is kept, so that the same call goes on.

    Args:
        films: what is tracked in.
        embed: pictures -> embeddings; None: by overlap alone.
        out: the folder, which may be one that was begun with the same options.
        options: how.
        about: what else decides the result: the encoder, the detector, the films.

    Returns:
        A line of figures for each film and rate.

    Raises:
        FileExistsError: `out` is something else.
        ValueError: it was begun with other options; or as `films.found`.
    """
    begin(out, {**about, **described(options)})
    lines = []
    for film in films:
        lines += _film(film, embed, out / film.name, options)
    told.write(out, lines)
    for film in films:
        shutil.rmtree(out / film.name / LOOKS, ignore_errors=True)
    return lines


def _film(film: Film, embed: Embed | None, folder: Path, options: Options) -> list[dict[str, Any]]:
    """One film at every rate."""
    steps = {hertz: stride(film.rate, hertz) for hertz in options.hertz}
    if any(hertz and not film.rate for hertz in steps):
        raise ValueError(
            f"{film.name} does not say how many frames a second it has; name it with --rate=25"
        )
    names = {hertz: _name(film, hertz) for hertz in steps}
    done = {hertz: folder / f"{name}.json" for hertz, name in names.items()}
    if all(path.is_file() for path in done.values()):
        command.say(f"{film.name}: is there already")
        return [jsons.read(path, DONE, AGAIN) for path in done.values()]
    if not len(film.numbers):
        raise ValueError(f"{film.name} has no frame that can be read")
    if film.short:
        command.say(f"{film.name} is cut short: {film.short}; what is there is used")
    wanted = np.unique(np.concatenate([kept(film.numbers, step) for step in steps.values()]))
    with progress.doing(f"looking at {film.name}") as watch:
        looks, cost = look(
            film,
            wanted,
            embed,
            folder / LOOKS,
            confidence=options.confidence,
            camera_motion=options.camera_motion,
            watch=watch,
        )
    left = ", ".join(f"{count:,} by {why}" for why, count in cost.left_out.items() if count)
    if left:
        command.say(f"{film.name}: boxes left out: {left}")
    lines = []
    for hertz, step in steps.items():
        if not done[hertz].is_file():
            line = _rate(film, looks, cost, folder / names[hertz], step, options)
            with whole(done[hertz]) as unfinished:
                unfinished.write_text(json.dumps(line, indent=2) + "\n")
        lines.append(jsons.read(done[hertz], DONE, AGAIN))
        command.say(told.sentence(lines[-1]))
    return lines


def _name(film: Film, hertz: float) -> str:
    return f"{hertz:g}hz" if hertz else "all"


def _rate(
    film: Film, looks: list[Look], cost: Cost, name: Path, step: int, options: Options
) -> dict[str, Any]:
    """Track at one rate, and write and draw it."""
    first = int(film.numbers[0])
    how = options.how._replace(noise=noise(options.pace, step))
    followed = follow(looks, step, how, first)
    mot.write(name.with_name(f"{name.name}.txt"), followed.rows)
    _keep(name.with_name(f"{name.name}-{TRACKS}"), followed)
    hertz = (film.rate or 25.0) / step
    if options.draw and followed.moments:
        with progress.doing(f"drawing {film.name}, {name.name}") as watch:
            draw.draw(film, followed, hertz, name, watch)
    frames = len(followed.moments)
    line: dict[str, Any] = {
        "film": film.name,
        "rate": name.name,
        "hertz": round(hertz, 3) if film.rate else None,
        "frames": frames,
        "missing": int((film.numbers[-1] - first) // step + 1 - frames),
        "persons": len(followed.number),
        "boxes": len(followed.rows.frame),
        "tracker_ms": 1000 * followed.seconds / max(frames, 1),
    }
    if cost.frames:
        line |= {f"{part}_ms": 1000 * cost.seconds[part] / cost.frames for part in PARTS}
    if film.truth is not None:
        found = score.score(scored(film, film.truth, followed))
        line |= {"score": found._asdict()}
    return line


def _keep(path: Path, followed: Followed) -> None:
    """Write the tracks: number, embedding, and the frames of each."""
    with whole(path) as unfinished, unfinished.open("wb") as file:
        np.savez(file, number=followed.number, embedding=followed.embedding)


def described(options: Options) -> dict[str, Any]:
    """The options as JSON has them."""
    return json.loads(json.dumps(dataclasses.asdict(options)))


def begin(out: Path, about: dict[str, Any]) -> None:
    """Begin a folder, or go on in one that was begun with the same options.

    Raises:
        FileExistsError: it is something else.
        ValueError: it was begun with other options.
    """
    path = out / ABOUT
    if path.is_file():
        theirs = jsons.read(path, "the options of a folder of tracks", "choose another --out")
        changed = [name for name in about if theirs.get(name) != about[name]]
        if changed:
            raise ValueError(
                f"{out} was begun with other options ({', '.join(changed)}); give the same ones to "
                "go on, or choose another --out"
            )
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} exists already and is no folder of tracks; choose another")
    out.mkdir(parents=True, exist_ok=True)
    with whole(path) as unfinished:
        unfinished.write_text(json.dumps(about, indent=2) + "\n")
