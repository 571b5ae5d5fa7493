"""Frame pairs -> rows: two sets of persons for cycle association, drawn without a look at who they are.

A batch is one or several groups, and a group two sets of as many places, [groups 2 crops]; places that are left over are
empty, -1. An epoch is an int matrix [t groups * 2 * crops], drawn as a whole: no list has an item for each picture.
"""

from typing import NamedTuple

import numpy as np

from reid_jax.data.sample import in_turns
from reid_jax.types import Records


class Count(NamedTuple):
    """Videos of one camera and scenes of several that give a frame pair, with their clips; `idle` give none."""

    videos: int
    scenes: int
    idle: int
    video_clips: int
    scene_clips: int


class _Frames(NamedTuple):
    """What a camera saw of a video at a moment: rows[first : first + count] of the pictures in order."""

    group: np.ndarray
    clip: np.ndarray
    camera: np.ndarray
    frame: np.ndarray
    first: np.ndarray
    count: np.ndarray


class _Choices(NamedTuple):
    """Of which frames pairs are made: of place p and any other in low[p]:high[p].

    able: the places that have another, by clip; start, count: of each clip's in `able`; order: the frame at a place; video:
    of each clip.
    """

    low: np.ndarray
    high: np.ndarray
    able: np.ndarray
    start: np.ndarray
    count: np.ndarray
    order: np.ndarray
    video: np.ndarray


def count(records: Records, *, interval: int = 30, clip: int = 0) -> Count:
    """What there is to draw from, see `frame_pairs`.

    Raises: ValueError where no picture is of a known frame of a known video, or no two frames make a pair.
    """
    return _index(records, interval, clip)[-1]


def steps(there: Count, *, scenes: bool = True, groups: int = 1, pairs: int = 16, times: int = 16) -> int:
    """Batches of an epoch that draws each clip, with those of scenes or without, `times` times; rounded down, at least one."""
    videos, clips = (there.videos + scenes * there.scenes), (there.video_clips + scenes * there.scene_clips)
    return max(1, times * clips // (min(pairs, videos) * groups))


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
    clip: int = 0,
    scene_share: float = 0.0,
) -> tuple[np.ndarray, dict[str, float]]:
    """Pairs of frames of videos, (i32[t groups * 2 * crops], figures).

    What is drawn is a clip: a shot of a video (`Records.shot`, `group`), or a part of one. One of a single camera gives pairs
    of two of its frames, which are up to `interval` apart; a group that several cameras have is one scene, and gives pairs
    of the same frame by two of them. Each set of a group of rows holds the persons of one frame of each of `pairs` videos,
    of fewer where there are fewer videos: a video comes once in a group, by one of its clips, since its persons would be
    held for others. Where a video has too many of all clips for that, some are left out. Pairs follow each other while both
    sets have room; of the first that does not fit, persons are left out at random, and the pairs after it are dropped, so
    that persons mostly lose both of their pictures or none. A clip too short for a pair is left out.

    Args:
        step: how many steps have been trained before.
        interval: frames, in the unit of Records.frame. times: that each clip is drawn in an epoch.
        early: epochs of the videos alone, before the scenes come in.
        clip: frames that a clip spans at most: longer shots are cut from their first frame on; 0: they stay whole.
        scene_share: of the pairs of an epoch that has videos and scenes, in [0, 1]; no more of a group's than there are
            scenes. 0: the scenes' share of the clips.

    Raises:
        ValueError: as `count`; `early` without videos of one camera.

    Reference: Wang et al., "Generalizable Re-Identification from Videos with Cycle Association", sections 4 and 5.1.1. It
        tells neither the interval nor what is left out when a set is full. By its words an epoch is over when each video
        was drawn 16 times, and the last five epochs take videos and scenes. To the letter, 25 scenes beside 74,000 clips
        are 0.03 % of the pairs, 2,000 of 5.9 million in five epochs: none could be felt. But in its figure 8 scenes help
        more than as many pictures of videos, where they are 20 to 50 % of all pictures. So they must have been drawn more
        often than their number says; how often is not told.
    """
    if not 0 <= scene_share <= 1 or clip < 0:
        raise ValueError(f"scene_share is in [0, 1] and clip 0 or more, not {scene_share} and {clip}")
    rows, frames, videos, scenes, there = _index(records, interval, clip)
    length = {"groups": groups, "pairs": pairs, "times": times}
    if early and not there.videos:
        raise ValueError("there is no video of one camera to begin with; choose --config.early=0")
    late = not early or step >= early * steps(there, scenes=False, **length)
    kinds = [videos, scenes] if late else [videos]
    video = np.concatenate([kind.video for kind in kinds])
    total = there.videos + late * there.scenes
    shape = groups * steps(there, scenes=late, **length), min(pairs, total)
    if scene_share and late and there.videos and there.scenes:
        seen = min(round(scene_share * shape[0] * shape[1]), shape[0] * there.scenes)
        drawn = _dealt([(videos.video, shape[0] * shape[1] - seen), (scenes.video, seen)], shape, rng)
    elif len(video) > total:
        drawn = _dealt([(video, shape[0] * shape[1])], shape, rng)
    else:
        drawn = in_turns(total, shape[1], shape[0], rng)
    one, other, first = np.full(drawn.shape, -1), np.full(drawn.shape, -1), 0
    for kind in kinds:
        mine = (drawn >= first) & (drawn < first + len(kind.start))
        one[mine], other[mine] = _draw(kind, drawn[mine] - first, rng)
        first += len(kind.start)
    out, held = _fill(rows, frames, one, other, crops, rng)
    figures = {
        "videos": float(total),
        "clips": float(len(video)),
        "idle_videos": float(there.idle),
        "scene_share": (drawn >= there.video_clips).sum() / (drawn >= 0).sum(),
        "pairs": held,
        "crops": (out >= 0).sum() / len(out) / 2,
    }
    return out.reshape(-1, groups * 2 * crops), figures


def _index(records: Records, interval: int, length: int) -> tuple[np.ndarray, _Frames, _Choices, _Choices, Count]:
    """(rows by frame, frames, choices of videos, of scenes, how many there are)."""
    known = np.flatnonzero((records.group >= 0) & (records.frame >= 0))
    if not len(known):
        raise ValueError(
            "no picture is of a known frame of a known video; a CSV names them in the columns group and frame"
        )
    columns = [column[known] for column in (records.group, records.shot, records.camera, records.frame)]
    order = np.lexsort(columns[::-1])
    rows, columns = known[order].astype(np.int32), [column[order] for column in columns]
    first = _starts(*columns)
    at, shot, camera, frame = (column[first] for column in columns)
    frames = _Frames(at, _clips(at, shot, frame, length), camera, frame, first, np.diff(first, append=len(rows)))
    group = _starts(frames.group)
    several = np.minimum.reduceat(frames.camera, group) < np.maximum.reduceat(frames.camera, group)
    several = np.repeat(several, np.diff(group, append=len(frames.group)))
    videos = _choices(frames, np.flatnonzero(~several), interval)
    seen = np.flatnonzero(several)
    scenes = _choices(frames, seen[np.lexsort((frames.frame[seen], frames.clip[seen]))], 0)
    able = [len(np.unique(kind.video)) for kind in (videos, scenes)]
    if not sum(able):
        raise ValueError(
            f"none of {len(group)} videos has two frames at most {interval} apart; choose a larger --config.interval, or "
            "take more of the frames"
        )
    there = Count(*able, len(group) - sum(able), len(videos.video), len(scenes.video))
    return rows, frames, videos, scenes, there


def _clips(group: np.ndarray, shot: np.ndarray, frame: np.ndarray, length: int) -> np.ndarray:
    """The clip of each frame, i64[n], numbered in their order: a shot, or each `length` frames of it."""
    whole = np.cumsum(_changes(group, shot)) - 1
    part = (frame - np.minimum.reduceat(frame, _starts(whole))[whole]) // length if length else np.zeros_like(whole)
    return whole * (part.max() + 1) + part


def _choices(frames: _Frames, order: np.ndarray, reach: int) -> _Choices:
    """order: frames of each clip by time; a frame goes with those of its clip up to `reach` from it."""
    clip, frame = np.cumsum(_changes(frames.clip[order])), frames.frame[order].astype(np.int64)
    at = clip * (frame.max(initial=0) + reach + 1) + frame
    low, high = np.searchsorted(at, at - reach), np.searchsorted(at, at + reach, "right")
    able = np.flatnonzero(high - low > 1)
    _, start, number = np.unique(clip[able], return_index=True, return_counts=True)
    return _Choices(low, high, able, start, number, order, frames.group[order[able[start]]])


def _dealt(kinds: list[tuple[np.ndarray, int]], shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Clips [n p], -1: none, with no video twice in a row; of each kind (the video of each clip, how many are drawn) all
    equally often, but no video more often than there are rows.

    What is drawn lies video by video, kind after kind, and is dealt to all rows again and again, each time in a new order:
    a video comes twice in a row only if it goes on in the next round, and begins that with the rows that have it not.
    """
    rows, clips, videos, first = shape[0], [], [], 0
    for video, number in kinds:
        more = rng.choice(len(video), number % len(video), replace=False)
        clip = rng.permutation(np.concatenate([np.tile(np.arange(len(video)), number // len(video)), more]))
        names, which = np.unique(video, return_inverse=True)
        clip = clip[np.argsort(rng.permutation(len(names))[which][clip], kind="stable")]
        start = _starts(video[clip])
        nth = np.arange(len(clip)) - np.repeat(start, np.diff(start, append=len(clip)))
        clips.append(first + clip[nth < rows])
        videos.append(video[clip[nth < rows]])
        first += len(video)
    queue = np.full((2, shape[1] * rows), -1)
    queue[:, : sum(map(len, clips))] = np.concatenate(clips), np.concatenate(videos)
    out, has = np.empty(shape, np.int64), np.zeros(rows, bool)
    for place, (clip, video) in enumerate(queue.reshape(2, shape[1], rows).swapaxes(0, 1)):
        turn = rng.permutation(rows)
        turn = turn[np.argsort(has[turn], kind="stable")]
        out[turn, place] = clip
        has[turn] = video == video[-1]
    return rng.permuted(out, axis=1)


def _draw(kind: _Choices, clip: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A frame of each clip, and another that goes with it."""
    one = kind.able[kind.start[clip] + _any_of(kind.count[clip], rng)]
    other = kind.low[one] + _any_of(kind.high[one] - kind.low[one] - 1, rng)
    return kind.order[one], kind.order[other + (other >= one)]


def _fill(
    rows: np.ndarray, frames: _Frames, one: np.ndarray, other: np.ndarray, crops: int, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """(i32[n 2 crops] of frame pairs [n p], -1: none, how many of the p have a place, on the mean)."""
    sides = [(frame, np.where(frame >= 0, frames.count[frame], 0)) for frame in (one, other)]
    ahead = [np.cumsum(size, axis=1) - size for _, size in sides]
    pair = np.flatnonzero((one >= 0) & (ahead[0] < crops) & (ahead[1] < crops))
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
