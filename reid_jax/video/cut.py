"""Cutting a source into the crops of its people, in a folder of their own, atomically.

A few frames of each shot are searched for people first: the middle ones of equal parts of the
shot. Shots with few people on average are dropped. Then people are cut out of every seventh frame.
A video is read from its start each time, since not all videos can be positioned exactly.

Reference:
    CycAs, Generalizable Re-Identification from Videos with Cycle Association, sections 4.1 and
    4.2: shots, 5 frames, at least 2 persons, every 7th frame. The positions of the 5 frames, the
    score (0.5), the overlap (0.4) and the area (200 pixels) are those of the published code of the
    paper's detector, JDE, or chosen here.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from array_record.python.array_record_module import ArrayRecordWriter

from reid_jax.files import jsons
from reid_jax.video import detect
from reid_jax.video.boxes import Boxes
from reid_jax.video.detect import Detect
from reid_jax.video.find import Source, View
from reid_jax.video.frames import claims, frames, numbers
from reid_jax.video.shots import shots
from reid_jax.whole import whole

ABOUT, CROPS, ROWS = "about.json", "crops.array_record", "rows.npz"
# The i32 columns of ROWS and their shapes, a row for each crop; box is x, y, w, h.
COLUMNS: dict[str, tuple[int, ...]] = {
    "view": (),
    "shot": (),
    "frame": (),
    "person": (),
    "box": (4,),
}
SEARCH = 0.2  # the fraction of the work that finding the shots takes, roughly
Watch = Callable[[float, int], None]  # (fraction that is done, crops so far)


@dataclass(frozen=True)
class How:
    """Which people are cut out.

    Attributes:
        detector: see `detect.detector`.
        score: see `detect.detector`.
        overlap: see `detect.detector`.
        every: people are cut out of every such frame.
        people: least mean number of people in a shot.
        looks: frames of a shot in which people are counted.
        area: least number of pixels of a box, within the frame.
    """

    detector: str = "hog"
    score: float = 0.5
    overlap: float = 0.4
    every: int = 7
    people: float = 2.0
    looks: int = 5
    area: int = 200


def cut(source: Source, parts: str | Path, how: How, watch: Watch = lambda *_: None) -> dict:
    """Cut `source` into the folder parts/KEY, unless that exists, and return its ABOUT.

    The folder appears when it is complete. ABOUT, a file of JSON, contains

    - broken: why the source cannot be read, if so;
    - views: path, frames, rate and cut (where the file ends early) of each view;
    - shots: first, last, people (mean), crops and kept of each shot;
    - crops: the number of all crops.

    Args:
        source: what to cut.
        parts: folder of the parts.
        how: options.
        watch: called with the progress, many times.

    Returns:
        ABOUT. For a source that cannot be read it has `broken`; that is not an error.

    Raises:
        ValueError: an option of `how` is wrong.
        OSError: an error of the disk, or a file that an option names is missing.
        ImportError: a package is missing.
    """
    folder = Path(parts) / source.key
    if (folder / ABOUT).is_file():
        then = "remove its folder to cut it again"
        return jsons.read(folder / ABOUT, "what a part says of itself", then)
    detector = detect.detector(how.detector, score=how.score, overlap=how.overlap)
    for stale in folder.parent.glob(f"{source.key}.unfinished-*"):
        shutil.rmtree(stale)
    with whole(folder) as unfinished:
        unfinished.mkdir()
        try:
            about = _cut(source, detector, how, unfinished, watch)
        except (ValueError, FileNotFoundError, cv2.error) as error:
            for file in unfinished.iterdir():
                file.unlink()
            views = [{"path": view.path} for view in source.views]
            about = {"views": views, "shots": [], "crops": 0}
            reason, name = " ".join(str(error).split()), source.views[0].path
            about["broken"] = reason if name in reason else f"{name}: {reason}"
        (unfinished / ABOUT).write_text(json.dumps(about, indent=1))
    return about


def counted(shot: np.ndarray, looks: int) -> np.ndarray:
    """The frame numbers of a shot at which people are counted, at most `looks`.

    They are the middle ones of `looks` equal parts of `shot`, the numbers of all its frames.
    """
    return np.unique(shot[(2 * np.arange(looks) + 1) * len(shot) // (2 * looks)])


def crop(picture: np.ndarray, box: np.ndarray, area: int) -> tuple[np.ndarray, list[int]] | None:
    """The pixels of a box, without a margin, and their place.

    Args:
        picture: uint8 [h w 3].
        box: f32[4], left, top, right, bottom; may reach beyond the picture.
        area: least number of pixels within the picture.

    Returns:
        (uint8 [h w 3], [x, y, w, h]); None where fewer than `area` pixels are in the picture.
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


def _cut(
    source: Source, detector: Callable[[str], Detect], how: How, folder: Path, watch: Watch
) -> dict:
    views, all_shots = _shots(source.views, watch)
    runs = [(view, detector(view.name)) for view in source.views]
    searched = [counted(shot, how.looks) for shot in all_shots]
    people = {int(number): 0 for number in np.concatenate(searched)}
    for view, run in runs:
        for number, picture in frames(view.path, list(people)):
            people[number] += len(_fair(run(picture, number), picture, how))
    about = []
    for shot, few in zip(all_shots, searched, strict=True):
        mean = sum(people[int(number)] for number in few) / len(few) / len(runs)
        about.append({"first": int(shot[0]), "last": int(shot[-1]), "people": mean, "crops": 0})
    kept = [which for which, one in enumerate(about) if one["people"] >= how.people]
    wanted = {int(number): which for which in kept for number in all_shots[which][:: how.every]}
    rows = (
        _write(folder, _crops(runs, wanted, how, watch)) if wanted else {"shot": np.zeros(0, int)}
    )
    for which, one in enumerate(about):
        one |= {"kept": which in kept, "crops": int((rows["shot"] == which).sum())}
    return {"views": views, "shots": about, "crops": len(rows["shot"])}


def _shots(views: tuple[View, ...], watch: Watch) -> tuple[list[dict], list[np.ndarray]]:
    """(what ABOUT states of each view, the frame numbers of each shot).

    Synchronised views are one shot, of the frames that all of them have.
    """
    stated = [claims(view.path) for view in views]
    rates = [rate for _, rate in stated]
    paths = ", ".join(view.path for view in views)
    if len(views) > 1 and max(rates) > 1.01 * min(rates):
        text = " and ".join(f"{rate:.4g}" for rate in rates)
        raise ValueError(f"{paths}: {text} frames a second are not synchronised")
    if len(views) == 1:
        all_shots = shots(_watched(views[0].path, stated[0][0], watch))
        present = [np.concatenate(all_shots)]
    else:
        present = [numbers(view.path) for view in views]
        common = present[0][np.all([np.isin(present[0], other) for other in present], axis=0)]
        if not len(common):
            raise ValueError(f"{paths} have no frame number in common")
        all_shots = [common]
    about = []
    for view, (claim, rate), one in zip(views, stated, present, strict=True):
        about.append({"path": view.path, "frames": len(one), "rate": round(rate, 3)})
        # Files often state a few frames too many; it is cut where more than a second is missing.
        if len(one) < claim - max(1, rate):
            about[-1]["cut"] = f"it ends after frame {len(one)} of {claim}"
    return about, all_shots


def _watched(path: str, claim: int, watch: Watch) -> Iterator[tuple[int, np.ndarray]]:
    """All frames of a video; reports the progress of the search for shots."""
    for done, one in enumerate(frames(path), 1):
        watch(SEARCH * min(1, done / max(claim, 1)), 0)
        yield one


def _fair(
    boxes: Boxes, picture: np.ndarray, how: How
) -> list[tuple[np.ndarray, list[int], int, float]]:
    """(pixels, box, person, score) of the boxes that are large enough."""
    pieces = [crop(picture, box, how.area) for box in boxes.box]
    named = zip(pieces, boxes.person.tolist(), boxes.score.tolist(), strict=True)
    return [(*piece, person, score) for piece, person, score in named if piece]


def _crops(
    runs: list[tuple[View, Detect]], wanted: dict[int, int], how: How, watch: Watch
) -> Iterator[tuple[bytes, tuple, float]]:
    """(JPEG, a row of COLUMNS, score) of every person, by view, frame and rank of the box.

    wanted: the shot of each frame number.
    """
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
    """Write CROPS and ROWS; returns the columns of ROWS: COLUMNS and score."""
    writer = ArrayRecordWriter(str(folder / CROPS), "group_size:1")
    rows: list[tuple] = []
    scores: list[float] = []
    try:
        for data, row, score in crops:
            writer.write(data)
            rows.append(row)
            scores.append(score)
    finally:
        writer.close()
    values = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    columns = {
        name: np.array(column, np.int32).reshape(-1, *shape)
        for (name, shape), column in zip(COLUMNS.items(), values, strict=True)
    }
    held: dict[str, np.ndarray] = {**columns, "score": np.array(scores, np.float32)}
    np.savez(folder / ROWS, allow_pickle=False, **held)
    return held
