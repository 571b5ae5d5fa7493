"""The jobs of `reid-jax track` beside tracking: scores, gaps, persons of several cameras."""

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reid_jax.app import canvas, command
from reid_jax.app.page.inks import QUERY, RIGHT, WRONG
from reid_jax.app.tracks import films, told
from reid_jax.app.tracks.track import Options, track
from reid_jax.files import npz
from reid_jax.tracking import across, gaps, mot, score
from reid_jax.tracking.gaps import Bin
from reid_jax.tracking.mot import Rows
from reid_jax.tracking.tracker import Embed
from reid_jax.whole import whole


def paired(tracks: Sequence[str], truth: Sequence[str]) -> list[tuple[str, Rows, Rows]]:
    """(name, truth, tracks) of files in MOT format, or of two folders by the files' names.

    Raises:
        ValueError: there are not as many, or a folder has no .txt file, or a file another form.
        FileNotFoundError: there is no such file.
    """
    pairs: list[tuple[Path, Path]] = []
    if len(tracks) != len(truth):
        raise ValueError(
            f"--tracks names {len(tracks)} and --truth {len(truth)}; give a file of the truth for "
            "each file of tracks, in one order, or a folder each"
        )
    for one, other in zip(map(Path, tracks), map(Path, truth), strict=True):
        if not one.is_dir():
            pairs.append((one, other / one.name if other.is_dir() else other))
            continue
        names = sorted(path.name for path in one.glob("*.txt"))
        if not names:
            raise ValueError(f"{one} holds no .txt file of tracks in MOT format")
        pairs += [(one / name, other / name) for name in names]
    return [(str(one), mot.read(other), mot.read(one)) for one, other in pairs]


def scored(tracks: Sequence[str], truth: Sequence[str]) -> None:
    """Say the scores of each file, and of all together."""
    counts = []
    for name, wanted, given in paired(tracks, truth):
        counts.append(score.count(wanted, given))
        command.say(f"{name}: {told.scores(score.score(counts[-1])._asdict())}")
    if len(counts) > 1:
        command.say(f"all {len(counts)}: {told.scores(score.score(score.added(counts))._asdict())}")


def told_gaps(tracks: Sequence[str], truth: Sequence[str], rate: float, out: Path) -> list[Bin]:
    """Write OUT.csv and OUT.png: after gaps of which length persons got their number back.

    Args:
        tracks: files.
        truth: files.
        rate: frames a second; 0: gaps are told in frames alone.
        out: OUT.csv.
    """
    found = []
    for _, wanted, given in paired(tracks, truth):
        frames = np.union1d(wanted.frame, given.frame)
        every = int(np.diff(frames).min()) if len(frames) > 1 else 1
        found += gaps.gaps(wanted, given, every)
    bins = gaps.bins(found)
    if not bins:
        command.say("no person has a gap: whoever has a track keeps one to the end")
    head = ["frames", "seconds", "gaps", "own number", "new number", "another's number"]
    lines = [[_frames(one), _seconds(one, rate), one.gaps, *_shares(one)] for one in bins]
    command.say(told.table(lines, head))
    with whole(out) as unfinished, unfinished.open("w") as file:
        writer = csv.writer(file)
        writer.writerow(["least", "most", "gaps", "found", "new", "joined"])
        writer.writerows(bins)
    if bins:
        canvas.save(out.with_suffix(".png"), _plotted(bins, rate))
    return bins


def _frames(one: Bin) -> str:
    if one.most < 0:
        return f"{one.least} or more"
    return f"{one.least}" if one.least == one.most else f"{one.least} to {one.most}"


def _seconds(one: Bin, rate: float) -> str:
    if not rate:
        return ""
    most = f" to {one.most / rate:.1f}" if one.most > one.least else ""
    return f"{one.least / rate:.1f}{most or ' or more' * (one.most < 0)}"


def _shares(one: Bin) -> list[str]:
    return [f"{100 * part / one.gaps:.0f}%" for part in (one.found, one.new, one.joined)]


def _plotted(bins: Sequence[Bin], rate: float) -> np.ndarray:
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(9, 4))
    place, bottom = np.arange(len(bins)), np.zeros(len(bins))
    parts = (
        ("found", "own number", RIGHT),
        ("new", "new number", QUERY),
        ("joined", "another's number", WRONG),
    )
    for name, label, ink in parts:
        share = np.array([100 * getattr(one, name) / one.gaps for one in bins])
        axis.bar(place, share, bottom=bottom, color=ink.plotted, label=label)
        bottom += share
    axis.set_xticks(place, [f"{_frames(one)}\n{one.gaps:,} gaps" for one in bins], fontsize=8)
    axis.set_xlabel("frames without a track" + (f", {rate:g} a second" if rate else ""))
    axis.set_ylabel("of the gaps, in percent")
    axis.set_ylim(0, 100)
    axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=8)
    axis.set_title("After a gap, a person got", fontsize=11)
    return canvas.plotted(figure)


def cameras(
    folders: Sequence[str], name: str, out: Path, how: across.How, truth: Sequence[str]
) -> float | None:
    """Make persons of the tracks of several cameras, and write their tracks below `out`.

    Args:
        folders: of a camera each, as `track` wrote them.
        name: of the rate: 8hz, all.
        out: the new folder: CAMERA.txt each, with numbers of persons.
        how: the options of clustering.
        truth: files with numbers that are the same in all cameras, one for each; none: no score.

    Returns:
        IDF1 over all cameras, where the truth is known.

    Raises:
        FileNotFoundError: a folder has no such tracks.
        ValueError: there are fewer than two cameras, or tracks have no embeddings.
    """
    if len(folders) < 2:
        raise ValueError("name the folders of two cameras or more with --tracks=FOLDER,FOLDER")
    if truth and len(truth) != len(folders):
        raise ValueError(
            f"{len(folders)} cameras and {len(truth)} files of the truth; give as many"
        )
    rows, embedding, camera, frames = [], [], [], []
    for number, folder in enumerate(map(Path, folders)):
        own = mot.read(folder / f"{name}.txt")
        held = npz.read(folder / f"{name}-tracks.npz", "tracks of `reid-jax track`")
        numbers, vectors = held["number"], held["embedding"]
        if len(numbers) and not vectors.shape[1]:
            raise ValueError(f"{folder} was tracked by motion only; persons need embeddings")
        rows.append(own)
        embedding.append(vectors)
        camera += [number] * len(numbers)
        frames += [own.frame[own.number == one] for one in numbers]
    vectors = np.concatenate([one for one in embedding if len(one)] or [np.zeros((0, 1))])
    person = across.persons(vectors.astype(np.float32), np.array(camera, int), frames, how)
    named, start = [], 0
    for own, vectors in zip(rows, embedding, strict=True):
        mine = person[start : start + len(vectors)]
        start += len(vectors)
        _, place = np.unique(own.number, return_inverse=True)
        named.append(mot.make(own.frame, mine[place] if len(mine) else own.number, own.box))
    with whole(out) as unfinished:
        unfinished.mkdir()
        for camera_folder, one in zip(folders, named, strict=True):
            mot.write(unfinished / f"{Path(camera_folder).name}.txt", one)
    several = sum(len({camera[row] for row in np.flatnonzero(person == one)}) > 1
                  for one in np.unique(person))  # fmt: skip
    command.say(
        f"{len(person):,} tracks of {len(folders)} cameras are {len(np.unique(person)):,} persons, "
        f"{several:,} of them in two cameras or more; {out}"
    )
    if not truth:
        return None
    wanted = [mot.read(one) for one in truth]
    wanted = [
        Rows(*(column[np.isin(one.frame, own.frame)] for column in one))
        for one, own in zip(wanted, named, strict=True)
    ]
    apart = max(int(one.frame.max(initial=0)) for one in [*wanted, *named])
    counts = score.count(across.joined(wanted, apart), across.joined(named, apart))
    found = score.score(counts)
    command.say(f"over all cameras: {told.scores(found._asdict())}")
    return found.idf1


def scenes(
    count: int, embed: Embed | None, out: Path, options: Options, how: across.How,
    about: dict[str, Any],
) -> list[float]:  # fmt: skip
    """Track in scenes of the street, two cameras each, and make persons of the tracks.

    Args:
        count: scenes.
        embed: pictures -> embeddings.
        out: a folder: tracks of each camera, their truth, and the persons of each scene.
        options: of tracking.
        how: of clustering.
        about: what else decides the result.

    Returns:
        IDF1 over the cameras of each scene.

    Raises:
        ValueError: as `track` and `cameras`.
    """
    pairs = [films.scene(pair=pair) for pair in range(count)]
    track([film for pair in pairs for film in pair], embed, out / "tracks", options, about)
    found = []
    for number, pair in enumerate(pairs):
        truths = [out / "truth" / f"{film.name}.txt" for film in pair]
        for path, film in zip(truths, pair, strict=True):
            if film.truth is not None:
                mot.write(path, film.truth)
        persons = out / f"persons-{number}"
        shutil.rmtree(persons, ignore_errors=True)  # of a run before
        folders = [str(out / "tracks" / film.name) for film in pair]
        found.append(cameras(folders, "all", persons, how, [str(path) for path in truths]) or 0.0)
    spread = f" ± {100 * np.std(found, ddof=1):.1f}" if len(found) > 1 else ""
    command.say(f"IDF1 over the cameras of {len(found)} scenes: {100 * np.mean(found):.1f}{spread}")
    return found
