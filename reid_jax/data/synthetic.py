"""The synthetic street: people and cameras drawn from a seed, for every test and for every first try.

Nothing is stored and nothing is remembered: a picture is a function of its name, so any of them can be had on its own,
in any order and in any process. A person is a vector of proportions, hair, clothes, patterns and bags; a camera is a
vector of background, view, light and sensor; a domain (`DOMAINS`) is a distribution over both.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from reid_jax.data.street.camera import draw_camera
from reid_jax.data.street.chance import between, generator
from reid_jax.data.street.crop import shoot, shoot_nobody
from reid_jax.data.street.domain import DOMAINS, find
from reid_jax.data.street.person import draw_person
from reid_jax.data.street.video import BOX, Video
from reid_jax.data.street.walk import CENTRE, Station, draw_walker
from reid_jax.types import Records

__all__ = ["BOX", "DOMAINS", "Clips", "Crops", "Video", "Videos", "camera_pair", "clips", "labelled", "query_gallery",
           "videos"]  # fmt: skip

_SEEN = 0.7  # the share of the cameras that see a person
_SPLITS = ("train", "query", "gallery")


class Crops:
    """Pictures of persons, rendered when they are asked for: item `row` is uint8 [h w 3], RGB.

    Columns i32[n] name the pictures: the number of the person in the pool ("train" or "test"), the camera, and the shot
    among those of the same person and camera. Where `stray`, the picture shows nobody of the pool.
    """

    def __init__(self, place: tuple[str, int, str], columns: np.ndarray, stray: np.ndarray, size: tuple[int, int]):
        self.place, self.columns, self.stray, self.size = place, columns, stray, size

    def __len__(self) -> int:
        return len(self.columns)

    def __getitem__(self, row: int) -> np.ndarray:
        """Render the picture of a row, uint8 [h w 3]."""
        number, camera, shot = self.columns[row].tolist()
        if not self.stray[row]:
            return shoot((*self.place, number, camera, shot), self.size)
        domain, seed, _ = self.place
        # Every second stray picture shows a passer-by, the others are mistakes of a detector.
        take = shoot if number % 2 else shoot_nobody
        return take((domain, seed, "stray", number, camera, shot), self.size)

    def take(self, rows: np.ndarray) -> "Crops":
        """Give the pictures of some rows."""
        return Crops(self.place, self.columns[rows], self.stray[rows], self.size)


def _check(domain: str, seed: int, size: tuple[int, int], **counts: int) -> None:
    find(domain)
    if seed < 0:
        raise ValueError(f"seed={seed} is negative; give a whole number of at least 0")
    if len(size) != 2 or min(size) < 16:
        raise ValueError(f"size={size} is not (height, width) of at least 16 pixels each")
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name}={count}, but at least 1 is needed")


def _rows(place: tuple[str, int, str], persons: int, cameras: int, per_camera: int) -> np.ndarray:
    """Give (person, camera, shot) of every picture, i32[n 3]; a person is missing from some of the cameras."""
    order = generator("seen", *place).random((persons, cameras))
    rank = order.argsort(1).argsort(1)
    seen = (order < _SEEN) | (rank < min(2, cameras))
    person, camera = np.nonzero(seen)
    rows = np.stack([np.repeat(person + 1, per_camera), np.repeat(camera, per_camera)], 1)
    shot = np.tile(np.arange(per_camera), len(person))
    return np.concatenate([rows, shot[:, None]], 1).astype(np.int32)


def _records(image: Crops, person: np.ndarray, split: Sequence[str] | np.ndarray) -> Records:
    count = len(image)
    return Records(
        image=image,
        person=person.astype(np.int32),
        camera=image.columns[:, 1].copy(),
        domain=np.zeros(count, np.int32),
        group=np.full(count, -1, np.int32),
        split=np.asarray(split, "<U7"),
    )


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
    """Make a multi-camera set with known identities.

    Looks depend on (domain, seed, split, person): "train" has other people than "query" and "gallery", another seed
    others again, though ids are 1..persons in each. Cameras depend on the domain alone, so that training and test of a
    domain share them and two domains do not.

    Args:
        domain: a name in `DOMAINS`.
        persons: how many identities.
        cameras: how many cameras; each person is seen by about 7 in 10 of them, and by two at least where there are two.
        per_camera: pictures of a person by each camera that sees it.
        seed: of people and passages, at least 0.
        split: "train", "query" or "gallery", the split of every row.
        size: (height, width) of a picture in pixels.

    Returns:
        Records sorted by person, camera and shot; domain 0, group -1.

    Raises:
        ValueError: an unknown domain or split, a negative seed, a count below 1, or a size below 16 pixels.
    """
    _check(domain, seed, size, persons=persons, cameras=cameras, per_camera=per_camera)
    if split not in _SPLITS:
        raise ValueError(f"split={split!r} is none of {', '.join(_SPLITS)}")
    place = domain, seed, "train" if split == "train" else "test"
    columns = _rows(place, persons, cameras, per_camera)
    image = Crops(place, columns, np.zeros(len(columns), bool), tuple(size))
    return _records(image, columns[:, 0], np.full(len(columns), split))


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
    """Make a test set as Market-1501's is built: one query for each person and camera, the rest is gallery.

    Args:
        domain: a name in `DOMAINS`.
        persons: how many identities, none of them in `labelled(split="train")`.
        cameras: how many cameras, the same as those of `labelled`.
        per_camera: pictures of a person by each camera that sees it, at least 2.
        seed: of people and passages, at least 0.
        distractors: gallery pictures of person 0, half of them passers-by, half mistakes of a detector.
        size: (height, width) of a picture in pixels.

    Returns:
        Records with split "query" (shot 0) and "gallery", distractors last; domain 0, group -1.

    Raises:
        ValueError: as `labelled`, or per_camera below 2, or distractors below 0.
    """
    _check(domain, seed, size, persons=persons, cameras=cameras)
    if per_camera < 2:
        raise ValueError(f"per_camera={per_camera}, but a query and a gallery picture are needed; give at least 2")
    if distractors < 0:
        raise ValueError(f"distractors={distractors} is negative; give 0 for none")
    place = domain, seed, "test"
    columns = _rows(place, persons, cameras, per_camera)
    number = np.arange(distractors)
    more = np.stack([number, number % cameras, np.zeros_like(number)], 1)
    stray = np.arange(len(columns) + distractors) >= len(columns)
    split = np.where((columns[:, 2] == 0), "query", "gallery")
    columns = np.concatenate([columns, more]).astype(np.int32)
    image = Crops(place, columns, stray, tuple(size))
    return _records(image, np.where(stray, 0, columns[:, 0]), [*split, *["gallery"] * distractors])


class Videos(Sequence):
    """Single-camera videos, made when they are asked for; item i is a `Video`, alike whatever else is asked for."""

    def __init__(self, place: tuple[str, int], count: int, frames: int, people: int, rate: float, size: tuple[int, int]):
        self.place, self.count, self.frames, self.people, self.rate, self.size = place, count, frames, people, rate, size

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Video:
        """Give the video of a number; below 0 counts from the end."""
        if not -self.count <= number < self.count:
            raise IndexError(f"video {number} of {self.count}")
        number = int(number) % self.count
        domain, seed = self.place
        name = domain, seed, "video", number
        # Another seed has other cameras: no two videos are by the same one.
        station = Station(draw_camera(domain, f"video {seed}", number), 0.0, 0.0, 0.0)
        return _video(name, number, station, self.people, self.frames, self.rate, self.size)


def _video(name, camera: int, station: Station, people: int, frames: int, rate: float, size: tuple[int, int]) -> Video:
    domain, seed, scene, number = name
    walkers = []
    for k in range(people):
        person = number * people + k + 1
        chance = generator("time", *name, k).random()
        looks = draw_person(domain, seed, scene, person)
        walkers.append(draw_walker(name, person, looks, (k + chance) / people * frames / rate))
    return Video(name, camera, station, tuple(walkers), frames, rate, tuple(size))


def videos(
    *,
    domain: str = "plaza",
    videos: int = 8,
    frames: int = 60,
    people: int = 6,
    seed: int = 0,
    rate: float = 10.0,
    size: tuple[int, int] = (360, 480),
) -> Videos:
    """Make single-camera videos of walking people who enter, leave, overlap and hide each other.

    Args:
        domain: a name in `DOMAINS`.
        videos: how many, each by a camera and with people of its own.
        frames: of each video.
        people: who pass in each video; those of video i have the ids i * people + 1 to (i + 1) * people.
        seed: of people, cameras and paths, at least 0.
        rate: frames a second.
        size: (height, width) of a frame in pixels.

    Returns:
        A lazy, picklable sequence of `Video`, whose frames are rendered one by one and whose `boxes()` are the truth.

    Raises:
        ValueError: an unknown domain, a negative seed, a count or rate that is not positive, a size below 16 pixels.
    """
    _check(domain, seed, size, videos=videos, frames=frames, people=people)
    if not rate > 0:
        raise ValueError(f"rate={rate} frames a second; give a positive number")
    return Videos((domain, seed), videos, frames, people, float(rate), tuple(size))


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
    """Make two synchronised videos of the same people by cameras that look at one place from two sides.

    Frame i of both is the same moment, and the same id is the same person; someone may be in one view only.

    Args:
        domain: a name in `DOMAINS`.
        frames: of each video.
        people: who pass; ids are pair * people + 1 to (pair + 1) * people.
        seed: of people, cameras and paths, at least 0.
        pair: the number of the pair; another one has other people, cameras and paths.
        rate: frames a second.
        size: (height, width) of a frame in pixels.

    Returns:
        The two videos, with cameras 2 * pair and 2 * pair + 1, and `pair` as the group of both.

    Raises:
        ValueError: as `videos`, or a negative pair.
    """
    _check(domain, seed, size, frames=frames, people=people)
    if pair < 0 or not rate > 0:
        raise ValueError(f"pair={pair} and rate={rate}: pair counts from 0, rate is positive")
    name = domain, seed, "pair", pair
    rng = generator("stations", *name)
    yaw = (1 if rng.random() < 0.5 else -1) * between(rng, (0.7, 2.2))
    stations = ((0.0, 0.0, 0.0), (-CENTRE * math.sin(yaw), CENTRE * (1 - math.cos(yaw)), yaw))
    both = []
    for camera, at in enumerate(stations, start=2 * pair):
        station = Station(draw_camera(domain, f"pair {seed}", camera), *at)
        both.append(_video(name, camera, station, people, frames, float(rate), tuple(size)))
    return both[0], both[1]


class Clips:
    """Crops of videos, rendered when they are asked for: item `row` is uint8 [h w 3], RGB.

    which i32[n] is the position of the video, frame i32[n] that of the frame, box i32[n 4] (left, top, right, bottom).
    """

    def __init__(self, videos: Sequence[Video], which: np.ndarray, frame: np.ndarray, box: np.ndarray, size):
        self.videos, self.which, self.frame, self.box, self.size = videos, which, frame, box, tuple(size)

    def __len__(self) -> int:
        return len(self.which)

    def __getitem__(self, row: int) -> np.ndarray:
        """Render the picture of a row, uint8 [h w 3]."""
        region = self.videos[int(self.which[row])].region(int(self.frame[row]), tuple(self.box[row].tolist()))
        return cv2.resize(region, self.size[::-1], interpolation=cv2.INTER_LINEAR)

    def take(self, rows: np.ndarray) -> "Clips":
        """Give the pictures of some rows."""
        return Clips(self.videos, self.which[rows], self.frame[rows], self.box[rows], self.size)


def clips(
    videos: Sequence[Video], *, every: int = 1, visible: float = 0.4, size: tuple[int, int] = (128, 64)
) -> Records:
    """Cut the people out of videos, by the true boxes.

    Args:
        videos: what `videos` or `camera_pair` gave.
        every: take each `every`-th frame.
        visible: take boxes of which at least this share of the figure is seen.
        size: (height, width) of a picture in pixels.

    Returns:
        Records sorted by video, frame and person: person the truth, camera and group the video's, domain 1, split
        "train".

    Raises:
        ValueError: every below 1, or no box is visible enough.
    """
    if every < 1:
        raise ValueError(f"every={every}, but at least 1 is needed")
    kept = []
    for which, video in enumerate(videos):
        truth = video.boxes()
        truth = truth[(truth["frame"] % every == 0) & (truth["visible"] >= visible)]
        kept.append((np.full(len(truth), which, np.int32), truth))
    which, truth = np.concatenate([w for w, _ in kept]), np.concatenate([t for _, t in kept])
    if not len(truth):
        raise ValueError(f"no box of {len(videos)} videos has visible >= {visible}; give more frames or a lower share")
    corners = np.stack([truth["x"], truth["y"], truth["x"] + truth["w"], truth["y"] + truth["h"]], 1).astype(np.int32)
    of = [(video.camera, video.group) for video in videos]
    camera, group = np.array(of, np.int32)[which].T
    image = Clips(videos, which, truth["frame"].copy(), corners, size)
    ones = np.ones(len(which), np.int32)
    return Records(image, truth["person"].copy(), camera.copy(), ones, group.copy(), np.full(len(which), "train", "<U7"))
