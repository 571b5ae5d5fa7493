"""A source -> the crops of its people, in a folder of their own, whole or not at all.

Shots with few people are dropped: their mean number over a few frames, one from the middle of each of as many equal
parts, is taken first. Then people are cut out of every seventh frame. Videos are read from their start each time, since
seeking is not exact in all of them.

Reference: CycAs, "Generalizable Re-Identification from Videos with Cycle Association", sections 4.1 and 4.2: shots,
5 frames, at least 2 persons, every 7th frame; how the 5 lie, the score (0.5), the overlap (0.4) and the area (200 pixels)
are those of the paper's detector, JDE, as it is published, or our choice.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from array_record.python.array_record_module import ArrayRecordWriter

from reid_jax.video import detect
from reid_jax.video.boxes import Boxes
from reid_jax.video.find import Source, View
from reid_jax.video.frames import claims, frames, numbers
from reid_jax.video.shots import shots

ABOUT, CROPS, ROWS = "about.json", "crops.array_record", "rows.npz"
COLUMNS = {"view": (), "shot": (), "frame": (), "person": (), "box": (4,)}  # i32 of each crop; box: x, y, w, h
SEARCH = 0.2  # the share of the work that shots take, about
Watch = Callable[[float, int], None]  # (the share that is done, crops so far)


@dataclass(frozen=True)
class How:
    """What is cut out."""

    detector: str = "hog"  # see detect.detector
    score: float = 0.5
    overlap: float = 0.4
    every: int = 7  # frames
    people: float = 2.0  # in a shot, on average, at least
    looks: int = 5  # frames of a shot that people are counted in
    area: int = 200  # pixels of a box within the frame, at least


def cut(source: Source, parts: str | Path, how: How, watch: Watch = lambda *_: None) -> dict:
    """Cut `source` and leave what came of it in parts/KEY, unless it is there already; returns its ABOUT.

    A source that cannot be read is told in ABOUT (`broken`) like any other; errors of the disk, of a missing package or
    of `how` are raised.

    ABOUT: broken, the reason, or absent; views: path, frames, cut (where the file ends early), rate, of each;
    shots: first, last, people (mean), crops, kept, of each; crops, of all.
    """
    folder = Path(parts) / source.key
    if (folder / ABOUT).is_file():
        return json.loads((folder / ABOUT).read_text())
    detector = detect.detector(how.detector, score=how.score, overlap=how.overlap)
    for stale in folder.parent.glob(f"{source.key}.unfinished-*"):
        shutil.rmtree(stale)
    unfinished = folder.with_name(f"{source.key}.unfinished-{os.getpid()}")
    unfinished.mkdir(parents=True)
    try:
        try:
            about = _cut(source, detector, how, unfinished, watch)
        except (ValueError, FileNotFoundError, cv2.error) as error:
            for file in unfinished.iterdir():
                file.unlink()
            about = {"views": [{"path": view.path} for view in source.views], "shots": [], "crops": 0}
            reason, name = " ".join(str(error).split()), source.views[0].path
            about["broken"] = reason if name in reason else f"{name}: {reason}"
        (unfinished / ABOUT).write_text(json.dumps(about, indent=1))
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return about


def counted(found: np.ndarray, looks: int) -> np.ndarray:
    """Of the numbers of a shot those that people are counted in: one from the middle of each of `looks` equal parts."""
    return np.unique(found[(2 * np.arange(looks) + 1) * len(found) // (2 * looks)])


def crop(picture: np.ndarray, box: np.ndarray, area: int) -> tuple[np.ndarray, list[int]] | None:
    """(the pixels of a box left, top, right, bottom, and x, y, w, h of them); None where fewer than `area` are in the
    picture. Nothing is added around.
    """
    height, width = picture.shape[:2]
    if not np.isfinite(box).all():
        return None
    left, top = np.clip(np.floor(box[:2]), 0, (width, height)).astype(int).tolist()
    right, bottom = np.clip(np.ceil(box[2:]), 0, (width, height)).astype(int).tolist()
    w, h = right - left, bottom - top
    if min(w, h) < 1 or w * h < area:
        return None
    return picture[top:bottom, left:right], [left, top, w, h]


def _cut(source: Source, detector, how: How, folder: Path, watch: Watch) -> dict:
    views, shot = _shots(source.views, watch)
    runs = [(view, detector(view.name)) for view in source.views]
    looked = [counted(found, how.looks) for found in shot]
    seen = np.concatenate(looked)
    people = {int(number): 0 for number in seen}
    for view, run in runs:
        for number, picture in frames(view.path, seen.tolist()):
            people[number] += len(_fair(run(picture, number), picture, how))
    told = []
    for found, look in zip(shot, looked, strict=True):
        mean = sum(people[int(number)] for number in look) / len(look) / len(runs)
        told.append({"first": int(found[0]), "last": int(found[-1]), "people": mean, "crops": 0})
    kept = [which for which, one in enumerate(told) if one["people"] >= how.people]
    wanted = {int(number): which for which in kept for number in shot[which][:: how.every]}
    rows = _write(folder, _crops(runs, wanted, how, watch)) if wanted else {"shot": np.zeros(0, int)}
    for which, one in enumerate(told):
        one |= {"kept": which in kept, "crops": int((rows["shot"] == which).sum())}
    return {"views": views, "shots": told, "crops": len(rows["shot"])}


def _shots(views: tuple[View, ...], watch: Watch) -> tuple[list[dict], list[np.ndarray]]:
    """(what is known of each view, the numbers of the frames of each shot); synchronised views are one shot, of the
    frames that all have.
    """
    said = [claims(view.path) for view in views]
    if len(views) > 1 and max(rate for _, rate in said) > 1.01 * min(rate for _, rate in said):
        rates = " and ".join(f"{rate:.4g}" for _, rate in said)
        raise ValueError(f"{', '.join(view.path for view in views)}: {rates} frames a second are not synchronised")
    if len(views) == 1:
        shot = shots(_watched(views[0].path, said[0][0], watch))
        found = [np.concatenate(shot)]
    else:
        found = [numbers(view.path) for view in views]
        shot = [found[0][np.all([np.isin(found[0], other) for other in found], axis=0)]]
        if not len(shot[0]):
            raise ValueError(f"{', '.join(view.path for view in views)} have no frame number in common")
    told = []
    for view, (claim, rate), one in zip(views, said, found, strict=True):
        told.append({"path": view.path, "frames": len(one), "rate": round(rate, 3)})
        if len(one) < claim - max(1, rate):  # more than a second is lacking; what files claim is often a little more
            told[-1]["cut"] = f"it ends after frame {len(one)} of {claim}"
    return told, shot


def _watched(path: str, claim: int, watch: Watch) -> Iterator[tuple[int, np.ndarray]]:
    for done, one in enumerate(frames(path), 1):
        watch(SEARCH * min(1, done / max(claim, 1)), 0)
        yield one


def _fair(found: Boxes, picture: np.ndarray, how: How) -> list[tuple[np.ndarray, list[int], int, float]]:
    """(pixels, box, person, score) of the boxes that are large enough."""
    pieces = [crop(picture, box, how.area) for box in found.box]
    told = zip(pieces, found.person.tolist(), found.score.tolist(), strict=True)
    return [(*piece, person, score) for piece, person, score in told if piece]


def _crops(runs: list, wanted: dict[int, int], how: How, watch: Watch) -> Iterator[tuple[bytes, tuple, float]]:
    """(JPEG, a row of COLUMNS, score) of every person, view after view, frame after frame, best first."""
    order, crops, done = sorted(wanted), 0, 0
    for which, (view, run) in enumerate(runs):
        for number, picture in frames(view.path, order):
            for pixels, box, person, score in _fair(run(picture, number), picture, how):
                data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes()
                yield data, (which, wanted[number], number, person, box), score
                crops += 1
            done += 1
            watch(1 - (1 - SEARCH) * (1 - done / (len(order) * len(runs))), crops)


def _write(folder: Path, crops: Iterator[tuple[bytes, tuple, float]]) -> dict[str, np.ndarray]:
    """CROPS and ROWS; returns the columns."""
    writer, rows, scores = ArrayRecordWriter(str(folder / CROPS), "group_size:1"), [], []
    try:
        for data, row, score in crops:
            writer.write(data)
            rows.append(row)
            scores.append(score)
    finally:
        writer.close()
    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    shaped = zip(COLUMNS.items(), columns, strict=True)
    told = {name: np.array(column, np.int32).reshape(-1, *shape) for (name, shape), column in shaped}
    told["score"] = np.array(scores, np.float32)
    np.savez(folder / ROWS, **told)
    return told
