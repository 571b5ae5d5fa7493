"""Frame pairs -> rows: two sets of persons for cycle association, drawn without a look at who they are.

A batch is one or several groups, and a group two sets of as many places, [groups 2 crops]; places that are left over are
empty, -1. An epoch is an int matrix [t groups * 2 * crops], drawn as a whole: no list has an item for each picture.
"""

from typing import NamedTuple

import numpy as np

from reid_jax.data.sample import in_turns
from reid_jax.types import Records


class Count(NamedTuple):
    """Videos of one camera and scenes of several that give a frame pair; `idle` give none."""

    videos: int
    scenes: int
    idle: int


class _Frames(NamedTuple):
    """What a camera saw of a video at a moment: rows[first : first + count] of the pictures in order."""

    group: np.ndarray
    camera: np.ndarray
    frame: np.ndarray
    first: np.ndarray
    count: np.ndarray


class _Choices(NamedTuple):
    """Of which frames pairs are made: of place p and any other in low[p]:high[p].

    able: the places that have another, by video; start, count: of each video's in `able`; order: the frame at a place.
    """

    low: np.ndarray
    high: np.ndarray
    able: np.ndarray
    start: np.ndarray
    count: np.ndarray
    order: np.ndarray


def count(records: Records, *, interval: int = 30) -> Count:
    """What there is to draw from, see `frame_pairs`.

    Raises: ValueError where no picture is of a known frame of a known video, or no two frames make a pair.
    """
    _, _, videos, scenes, idle = _index(records, interval)
    return Count(len(videos.start), len(scenes.start), idle)


def steps(videos: int, *, groups: int = 1, pairs: int = 16, times: int = 16) -> int:
    """Batches of an epoch that draws each of so many videos `times` times: rounded down, one at least."""
    return max(1, times * videos // (min(pairs, videos) * groups))


def frame_pairs(
    records: Records,
    *,
    step: int,
    rng: np.random.Generator,
    groups: int = 1,
    pairs: int = 16,
    crops: int = 40,
    interval: int = 30,
    times: int = 16,
    early: int = 0,
) -> tuple[np.ndarray, dict[str, float]]:
    """Pairs of frames of videos, (i32[t groups * 2 * crops], figures).

    A video of one camera (`Records.group`, `camera`) gives pairs of two of its frames, which are up to `interval` apart; a
    group that several cameras have is one scene, and gives pairs of the same frame by two of them. Each set of a group of
    rows holds the persons of one frame of each of `pairs` videos, of fewer where there are fewer videos: a video comes
    once in a group, since its persons would be held for others. Pairs follow each other while both sets have room; of the
    first that does not fit, persons are left out at random, and the pairs after it are dropped, so that persons mostly
    lose both of their pictures or none. A video too short for a pair is left out.

    Args:
        step: how many steps have been trained before.
        interval: frames, in the unit of Records.frame. times: that each video is drawn in an epoch.
        early: epochs of the videos alone, before the scenes come in.

    Raises:
        ValueError: as `count`; `early` without videos of one camera.

    Reference: Wang et al., "Generalizable Re-Identification from Videos with Cycle Association", sections 4 and 5.1.1. It
        tells neither the interval nor what is left out when a set is full.
    """
    rows, frames, videos, scenes, idle = _index(records, interval)
    kinds = [videos] if len(videos.start) else []
    length = {"groups": groups, "pairs": pairs, "times": times}
    if early and not kinds:
        raise ValueError("there is no video of one camera to begin with; choose --config.early=0")
    if len(scenes.start) and (not early or step >= early * steps(len(videos.start), **length)):
        kinds.append(scenes)
    total = sum(len(kind.start) for kind in kinds)
    drawn = in_turns(total, min(pairs, total), groups * steps(total, **length), rng)
    one, other, first = np.empty(drawn.shape, np.int64), np.empty(drawn.shape, np.int64), 0
    for kind in kinds:
        mine = (drawn >= first) & (drawn < first + len(kind.start))
        one[mine], other[mine] = _draw(kind, drawn[mine] - first, rng)
        first += len(kind.start)
    out, held = _fill(rows, frames, one, other, crops, rng)
    figures = {
        "videos": float(total),
        "idle_videos": float(idle),
        "pairs": held,
        "crops": (out >= 0).sum() / len(out) / 2,
    }
    return out.reshape(-1, groups * 2 * crops), figures


def _index(records: Records, interval: int) -> tuple[np.ndarray, _Frames, _Choices, _Choices, int]:
    """(rows by frame, frames, choices of videos, of scenes, how many have none)."""
    known = np.flatnonzero((records.group >= 0) & (records.frame >= 0))
    if not len(known):
        raise ValueError(
            "no picture is of a known frame of a known video; a CSV names them in the columns group and frame"
        )
    columns = [column[known] for column in (records.group, records.camera, records.frame)]
    order = np.lexsort(columns[::-1])
    rows, columns = known[order].astype(np.int32), [column[order] for column in columns]
    first = _starts(*columns)
    frames = _Frames(*(column[first] for column in columns), first, np.diff(first, append=len(rows)))
    group = _starts(frames.group)
    cameras = np.add.reduceat(_changes(frames.group, frames.camera), group)
    several = np.repeat(cameras > 1, np.diff(group, append=len(frames.group)))
    videos = _choices(frames, np.flatnonzero(~several), interval)
    seen = np.flatnonzero(several)
    scenes = _choices(frames, seen[np.lexsort((frames.frame[seen], frames.group[seen]))], 0)
    able = len(videos.start) + len(scenes.start)
    if not able:
        raise ValueError(
            f"none of {len(group)} videos has two frames at most {interval} apart; choose a larger --config.interval, or "
            "take more of the frames"
        )
    return rows, frames, videos, scenes, len(group) - able


def _choices(frames: _Frames, order: np.ndarray, reach: int) -> _Choices:
    """order: frames of each video by time; a frame goes with those of its video up to `reach` from it."""
    video, frame = np.cumsum(_changes(frames.group[order])), frames.frame[order].astype(np.int64)
    at = video * (frame.max(initial=0) + reach + 1) + frame
    low, high = np.searchsorted(at, at - reach), np.searchsorted(at, at + reach, "right")
    able = np.flatnonzero(high - low > 1)
    _, start, number = np.unique(video[able], return_index=True, return_counts=True)
    return _Choices(low, high, able, start, number, order)


def _draw(kind: _Choices, video: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A frame of each video, and another that goes with it."""
    one = kind.able[kind.start[video] + _any_of(kind.count[video], rng)]
    other = kind.low[one] + _any_of(kind.high[one] - kind.low[one] - 1, rng)
    return kind.order[one], kind.order[other + (other >= one)]


def _fill(
    rows: np.ndarray, frames: _Frames, one: np.ndarray, other: np.ndarray, crops: int, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """(i32[n 2 crops] of frame pairs [n p], how many of the p have a place, on the mean)."""
    sides = [(frame, frames.count[frame]) for frame in (one, other)]
    ahead = [np.cumsum(size, axis=1) - size for _, size in sides]
    pair = np.flatnonzero((ahead[0] < crops) & (ahead[1] < crops))
    out = np.full((len(one), 2, crops), -1, np.int32)
    for side, (frame, size) in enumerate(sides):
        size = size.reshape(-1)[pair]
        whose = np.repeat(pair, size)
        nth = np.arange(len(whose)) - np.repeat(np.cumsum(size) - size, size)
        shuffled = np.lexsort((rng.random(len(whose)), whose))
        row = rows[frames.first[frame.reshape(-1)[whose]] + nth][shuffled]
        place = ahead[side].reshape(-1)[whose] + nth
        kept = place < crops
        out[whose[kept] // one.shape[1], side, place[kept]] = row[kept]
    return out, len(pair) / len(one)


def _any_of(number: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A number below each of these."""
    return (rng.random(number.shape) * number).astype(np.int64)


def _changes(*columns: np.ndarray) -> np.ndarray:
    """1 where the row differs from the one before, and at the first; i64[n]."""
    change = np.ones(len(columns[0]), np.int64)
    if len(change):
        change[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return change


def _starts(*columns: np.ndarray) -> np.ndarray:
    return np.flatnonzero(_changes(*columns))
