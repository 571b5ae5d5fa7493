"""Synthetic data sets: pictures and videos of persons, rendered from a seed, for tests and trials.

No picture is stored. A picture is a pure function of its name (domain, seed, person, camera, ...),
so each can be rendered alone, in any order and in any process. A person is a vector of proportions,
hair, clothes, patterns and bags. A camera is a vector of background, view, light and sensor. A
domain (`DOMAINS`) is a distribution over both.
"""

from collections.abc import Sequence

import numpy as np

from reid_jax import worker
from reid_jax.data import records
from reid_jax.synthetic import workers
from reid_jax.synthetic.chance import generator
from reid_jax.synthetic.domain import DOMAINS, find
from reid_jax.synthetic.films import Films, film_pair
from reid_jax.synthetic.pictures import Crops, VideoCrops
from reid_jax.synthetic.video import TRUTH, Video
from reid_jax.types import Records

__all__ = [
    "DOMAINS",
    "TRUTH",
    "Crops",
    "Films",
    "Video",
    "VideoCrops",
    "camera_pair",
    "labelled",
    "query_gallery",
    "video_crops",
    "videos",
]

APART = 100_000  # distance of the person numbers of two seeds, and of training and test parts

_MANY = 1_500  # figures that one core paints later than workers start
_SEEN = 0.7  # share of the cameras that see a person
_SPLITS = ("train", "query", "gallery")


def _check(domain: str, seed: int, size: tuple[int, int], **counts: int) -> None:
    """Refuse options out of range."""
    find(domain)
    if not 0 <= seed < 10_000:  # person numbers are i32, see APART
        raise ValueError(f"seed={seed}; give a whole number from 0 to 9999")
    if len(size) != 2 or min(size) < 16:
        raise ValueError(f"size={size} is not (height, width) of at least 16 pixels each")
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name}={count}, but at least 1 is needed")


def _rows(place: tuple[str, int, str], persons: int, cameras: int, per_camera: int) -> np.ndarray:
    """Draw which cameras see a person; return (person, camera, shot) of every picture, i32[n 3]."""
    order = generator("seen", *place).random((persons, cameras))
    rank = order.argsort(1).argsort(1)
    seen = (order < _SEEN) | (rank < min(2, cameras))
    person, camera = np.nonzero(seen)
    rows = np.stack([np.repeat(person + 1, per_camera), np.repeat(camera, per_camera)], 1)
    shot = np.tile(np.arange(per_camera), len(person))
    return np.concatenate([rows, shot[:, None]], 1).astype(np.int32)


def _numbers(place: tuple[str, int, str], person: np.ndarray) -> np.ndarray:
    """Make the numbers of persons unique over all seeds and parts."""
    return person + APART * (2 * place[1] + (place[2] == "test"))


def labelled(
    *,
    domain: str = "plaza",
    persons: int = 200,
    cameras: int = 6,
    per_camera: int = 4,
    seed: int = 0,
    split: str = "train",
    size: tuple[int, int] = (128, 64),
) -> Records:
    """Make a multi-camera data set with known identities.

    The appearance of a person depends on domain, seed, part and number. The training part ("train")
    and the test part ("query", "gallery") have different persons, and so have two seeds. Persons
    are numbered from 1 to `persons`, plus APART * 2 * seed, plus APART in the test part, so that
    data sets can be joined. Cameras depend on the domain alone: both parts of a domain share them.

    Args:
        domain: a name in `DOMAINS`.
        persons: number of identities.
        cameras: number of cameras. About 7 in 10 of them see a person, at least two if there are
            two.
        per_camera: pictures of a person by each camera that sees it.
        seed: of persons and passages, 0 to 9999.
        split: "train", "query" or "gallery", the split of every row.
        size: (height, width) of a picture in pixels.

    Returns:
        Records sorted by person, camera and shot; domain 0, group -1. Images are rendered on
        demand.

    Raises:
        ValueError: an unknown domain or split, a seed out of range, a count below 1, or a size
            below 16 pixels.
    """
    _check(domain, seed, size, persons=persons, cameras=cameras, per_camera=per_camera)
    if split not in _SPLITS:
        raise ValueError(f"split={split!r} is none of {', '.join(_SPLITS)}")
    place = domain, seed, "train" if split == "train" else "test"
    columns = _rows(place, persons, cameras, per_camera)
    image = Crops(place, columns, np.zeros(len(columns), bool), (size[0], size[1]))
    return records.make(image, _numbers(place, columns[:, 0]), columns[:, 1].copy(), split=split)


def query_gallery(
    *,
    domain: str = "plaza",
    persons: int = 100,
    cameras: int = 6,
    per_camera: int = 4,
    seed: int = 0,
    distractors: int = 100,
    size: tuple[int, int] = (128, 64),
) -> Records:
    """Make a test set like Market-1501's: one query of each person and camera, the rest gallery.

    Args:
        domain: a name in `DOMAINS`.
        persons: number of identities; none of them is in `labelled(split="train")`.
        cameras: number of cameras, the same ones as those of `labelled`.
        per_camera: pictures of a person by each camera that sees it, at least 2.
        seed: of persons and passages, 0 to 9999.
        distractors: gallery pictures of person 0, half of them of other persons, half errors of a
            detector.
        size: (height, width) of a picture in pixels.

    Returns:
        Records with split "query" (shot 0) and "gallery", distractors last; domain 0, group -1.

    Raises:
        ValueError: as `labelled`, or per_camera below 2, or distractors below 0.
    """
    _check(domain, seed, size, persons=persons, cameras=cameras)
    if per_camera < 2:
        raise ValueError(
            f"per_camera={per_camera}, but a query and a gallery picture are needed; "
            "give at least 2"
        )
    if distractors < 0:
        raise ValueError(f"distractors={distractors} is negative; give 0 for none")
    place = domain, seed, "test"
    columns = _rows(place, persons, cameras, per_camera)
    number = np.arange(distractors)
    more = np.stack([number, number % cameras, np.zeros_like(number)], 1)
    stray = np.arange(len(columns) + distractors) >= len(columns)
    columns = np.concatenate([columns, more]).astype(np.int32)
    person = np.where(stray, 0, _numbers(place, columns[:, 0]))
    split = np.where((columns[:, 2] == 0) & ~stray, "query", "gallery")
    image = Crops(place, columns, stray, (size[0], size[1]))
    return records.make(image, person, columns[:, 1].copy(), split=split)


def videos(
    *,
    domain: str = "plaza",
    videos: int = 8,
    frames: int = 60,
    people: int = 6,
    seed: int = 0,
    rate: float = 10.0,
    size: tuple[int, int] = (360, 480),
) -> Films:
    """Make single-camera videos of walking persons who enter, leave, overlap and hide each other.

    Args:
        domain: a name in `DOMAINS`.
        videos: number of videos. No two share a camera or a person.
        frames: frames of each video.
        people: persons in each video; those of video i are numbered i * people + 1 to
            (i + 1) * people.
        seed: of persons, cameras and paths, 0 to 9999.
        rate: frames a second.
        size: (height, width) of a frame in pixels.

    Returns:
        A lazy, picklable sequence of `Video`. Frames are rendered on demand; `Video.truth` has the
        boxes and numbers of the persons.

    Raises:
        ValueError: an unknown domain, a seed out of range, a count or rate that is not positive,
            or a size below 16 pixels.
    """
    _check(domain, seed, size, videos=videos, frames=frames, people=people)
    if not rate > 0:
        raise ValueError(f"rate={rate} frames a second; give a positive number")
    return Films((domain, seed), videos, frames, people, float(rate), (size[0], size[1]))


def camera_pair(
    *,
    domain: str = "plaza",
    frames: int = 60,
    people: int = 6,
    seed: int = 0,
    pair: int = 0,
    rate: float = 10.0,
    size: tuple[int, int] = (360, 480),
) -> tuple[Video, Video]:
    """Make two synchronised videos of the same persons, by two cameras that look at one place.

    Frame i of both is the same moment, and a number is the same person in both. A person may be
    visible in one of them only.

    Args:
        domain: a name in `DOMAINS`.
        frames: frames of each video.
        people: number of persons, numbered pair * people + 1 to (pair + 1) * people.
        seed: of persons, cameras and paths, 0 to 9999.
        pair: number of the pair, from 0. Two pairs differ in persons, cameras and paths.
        rate: frames a second.
        size: (height, width) of a frame in pixels.

    Returns:
        Two videos with the cameras 2 * pair and 2 * pair + 1; the group of both is `pair`.

    Raises:
        ValueError: as `videos`, or a negative pair.
    """
    _check(domain, seed, size, frames=frames, people=people)
    if pair < 0 or not rate > 0:
        raise ValueError(f"pair={pair} and rate={rate}: pair counts from 0, rate is positive")
    name = domain, seed, "pair", pair
    return film_pair(name, people, frames, float(rate), (size[0], size[1]))


def _truths(films: Sequence[Video], stride: int) -> list[np.ndarray]:
    """`Video.truth_every` of each; figures are painted for it, many of them by all cores."""
    figures = sum(len(one.walkers) * -(-one.frames // stride) for one in films)
    cores = 1 if figures < _MANY else min(worker.cores(), len(films))
    return workers.each(Video.truth_every, [(video, stride) for video in films], cores)


def video_crops(
    films: Sequence[Video],
    *,
    stride: int = 1,
    visible: float = 0.3,
    size: tuple[int, int] = (128, 64),
) -> Records:
    """Crop the persons from videos, with their true boxes.

    Args:
        films: the videos that `videos` or `camera_pair` returned.
        stride: every `stride`-th frame is used.
        visible: least visible share of a figure; boxes below it are left out.
        size: (height, width) of a picture in pixels.

    Returns:
        Records sorted by video, frame and person, with the true persons; camera, group and frame
        of the video; shot 0, domain 1, split "train".

    Raises:
        ValueError: stride below 1, or no box is visible enough.
    """
    if stride < 1:
        raise ValueError(f"stride={stride}, but at least 1 is needed")
    truths = _truths(films, stride)
    kept = [truth[truth["visible"] >= visible] for truth in truths]
    which = np.repeat(np.arange(len(kept), dtype=np.int32), [len(truth) for truth in kept])
    truth = np.concatenate(kept)
    if not len(truth):
        raise ValueError(
            f"no box of {len(films)} videos has visible >= {visible}; "
            "give more frames or a lower share"
        )
    corners = np.stack(
        [truth["x"], truth["y"], truth["x"] + truth["w"], truth["y"] + truth["h"]], 1
    )
    camera, group = np.array([(video.camera, video.group) for video in films])[which].T
    image = VideoCrops(films, which, truth["frame"].copy(), corners, size)
    return records.make(
        image,
        truth["person"].copy(),
        camera,
        domain=1,
        group=group,
        frame=truth["frame"].copy(),
        shot=0,
    )
