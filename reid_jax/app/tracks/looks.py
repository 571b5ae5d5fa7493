"""What is seen in a film's frames: boxes and embeddings, kept in parts so that a stop loses little.

Tracking itself takes milliseconds, so that any rate and any options of it are tried on one look.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reid_jax.app.progress import Watch
from reid_jax.app.tracks.films import Film
from reid_jax.files import npz
from reid_jax.tracking import moving, tracker
from reid_jax.tracking.tracker import Embed
from reid_jax.whole import whole

PART = 100  # frames of a file
AGAIN = "remove it, and the same command makes it again"  # of a damaged file
PARTS = ("reading", "detector", "embedder", "camera")


class Look(NamedTuple):
    """A frame.

    Attributes:
        frame: its number.
        box: f64[m 4], those that can be tracked.
        embedding: f32[m d], rows of length one; None without an encoder.
        warp: f64[3 3], how the picture moved since the frame that was looked at before.
    """

    frame: int
    box: np.ndarray
    embedding: np.ndarray | None
    warp: np.ndarray


class Cost(NamedTuple):
    """What looking cost.

    Attributes:
        frames: how many.
        seconds: by PARTS.
        left_out: boxes, by reason.
    """

    frames: int
    seconds: Counter[str]
    left_out: Counter[str]


def look(
    film: Film,
    wanted: np.ndarray,
    embed: Embed | None,
    folder: Path,
    *,
    confidence: float,
    camera_motion: bool,
    watch: Watch,
) -> tuple[list[Look], Cost]:
    """Look at frames, or read what is kept of an earlier look at them.

    Args:
        film: what is looked at.
        wanted: i64[n], the numbers of the frames.
        embed: pictures -> embeddings; None: boxes alone.
        folder: where parts are kept.
        confidence: least of a box.
        camera_motion: find how the picture moves.
        watch: is told how far it is.

    Returns:
        (a Look of each frame that can be read, the cost of what was not kept).
    """
    folder.mkdir(parents=True, exist_ok=True)
    result: list[Look] = []
    spent = Cost(0, Counter(), Counter())
    for start in range(0, len(wanted), PART):
        part = wanted[start : start + PART]
        path = folder / f"{start:08}.npz"
        if not path.is_file():
            before = wanted[start - 1 : start] if camera_motion else wanted[:0]

            def seen(done: int, start: int = start) -> None:
                watch(start + done, len(wanted))

            made, cost = _seen(film, part, before, embed, confidence, camera_motion, seen)
            _write(path, made)
            spent.seconds.update(cost.seconds)
            spent.left_out.update(cost.left_out)
            spent = spent._replace(frames=spent.frames + cost.frames)
        result += _read(path)
        watch(min(start + PART, len(wanted)), len(wanted))
    return result, spent


def _seen(
    film: Film,
    part: np.ndarray,
    before: np.ndarray,
    embed: Embed | None,
    confidence: float,
    camera_motion: bool,
    seen: Callable[[int], None],
) -> tuple[list[Look], Cost]:
    """Look at the frames of a part; `before`: the frame before the first, whose motion counts."""
    spent, left, looks = Counter[str](), Counter[str](), list[Look]()
    last: np.ndarray | None = None
    clock = time.perf_counter()

    def lap(what: str) -> None:
        nonlocal clock
        now = time.perf_counter()
        spent[what] += now - clock  # type: ignore[assignment]
        clock = now

    for number, picture in film.pictures([*before.tolist(), *part.tolist()]):
        lap("reading")
        warp, small = np.eye(3), moving.small(picture) if camera_motion else None
        if last is not None and small is not None and last.shape == small.shape:
            warp[:2] = moving.between(last, small, picture.shape[1])
        last = small
        lap("camera")
        if number in before:
            continue
        found = film.detect(picture, number)
        box, certain = tracker.given(found.box, found.score, number)
        box = box[
            tracker.usable(box, certain, confidence, (picture.shape[0], picture.shape[1]), left)
        ]
        lap("detector")
        vectors = tracker.embedded(embed, picture, box) if embed else None
        lap("embedder")
        looks.append(Look(number, box, vectors, warp))
        seen(len(looks))
    return looks, Cost(len(looks), spent, left)


def _write(path: Path, looks: list[Look]) -> None:
    vectors = [one.embedding for one in looks if one.embedding is not None]
    width = max((one.shape[1] for one in vectors), default=0)
    rows = [one.reshape(len(one), width) for one in vectors]
    with whole(path) as unfinished, unfinished.open("wb") as file:
        np.savez(
            file,
            frame=np.array([one.frame for one in looks], np.int64),
            count=np.array([len(one.box) for one in looks], np.int64),
            box=np.concatenate([one.box for one in looks] or [np.zeros((0, 4))]),
            embedding=np.concatenate(rows or [np.zeros((0, 0), np.float32)]),
            known=len(vectors) > 0,
            warp=np.array([one.warp for one in looks]).reshape(-1, 3, 3),
        )


def _read(path: Path) -> Iterator[Look]:
    kept = npz.read(path, "boxes and embeddings of a film", AGAIN)
    ends = np.cumsum(kept["count"])
    for at, (frame, end) in enumerate(zip(kept["frame"].tolist(), ends.tolist(), strict=True)):
        rows = slice(end - int(kept["count"][at]), end)
        vectors = kept["embedding"][rows] if kept["known"] else None
        yield Look(frame, kept["box"][rows], vectors, kept["warp"][at])
