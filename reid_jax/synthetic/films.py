"""The videos of a data set: their cameras and their walking persons."""

import math
from collections.abc import Sequence
from typing import overload

from reid_jax.synthetic.camera import draw_camera
from reid_jax.synthetic.chance import between, generator
from reid_jax.synthetic.person import draw_person
from reid_jax.synthetic.video import Video
from reid_jax.synthetic.walk import CENTRE, Station, draw_walker


class Films(Sequence[Video]):
    """A sequence of single-camera videos, made on demand and independently of each other.

    Attributes:
        place: (domain, seed).
        videos: number of videos.
        frames: frames of each video.
        people: persons in each video.
        rate: frames a second.
        size: (height, width) of a frame in pixels.
    """

    def __init__(
        self,
        place: tuple[str, int],
        count: int,
        frames: int,
        people: int,
        rate: float,
        size: tuple[int, int],
    ):
        self.place, self.videos, self.frames, self.people = place, count, frames, people
        self.rate, self.size = rate, size

    def __len__(self) -> int:
        return self.videos

    @overload
    def __getitem__(self, number: int) -> Video: ...
    @overload
    def __getitem__(self, number: slice) -> list[Video]: ...
    def __getitem__(self, number: int | slice) -> Video | list[Video]:
        """Make the video of a number, or a list of videos; negative ones count from the end."""
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(self.videos))]
        if not -self.videos <= number < self.videos:
            raise IndexError(f"video {number} of {self.videos}")
        number = int(number) % self.videos
        domain, seed = self.place
        name = domain, seed, "video", number
        # Cameras are drawn by seed and number: no two videos have the same one.
        station = Station(draw_camera(domain, f"video {seed}", number), 0.0, 0.0, 0.0)
        return _video(name, number, station, self.people, self.frames, self.rate, self.size)


def _video(
    name: tuple[str, int, str, int],
    camera: int,
    station: Station,
    people: int,
    frames: int,
    rate: float,
    size: tuple[int, int],
) -> Video:
    """Draw the persons and paths of the video called `name` = (domain, seed, scene, number)."""
    domain, seed, scene, number = name
    walkers = []
    for k in range(people):
        person = number * people + k + 1
        chance = generator("time", *name, k).random()
        looks = draw_person(domain, seed, scene, person)
        walkers.append(draw_walker(name, person, looks, (k + chance) / people * frames / rate))
    return Video(name, camera, station, tuple(walkers), frames, rate, (size[0], size[1]))


def film_pair(
    name: tuple[str, int, str, int], people: int, frames: int, rate: float, size: tuple[int, int]
) -> tuple[Video, Video]:
    """Make two synchronised videos of one place.

    Args:
        name: (domain, seed, scene, pair).
        people: number of persons, the same in both videos.
        frames: frames of each video.
        rate: frames a second.
        size: (height, width) of a frame in pixels.

    Returns:
        The videos of cameras 2 * pair and 2 * pair + 1.
    """
    domain, seed, _, pair = name
    rng = generator("stations", *name)
    yaw = (1 if rng.random() < 0.5 else -1) * between(rng, (0.7, 2.2))
    stations = ((0.0, 0.0, 0.0), (-CENTRE * math.sin(yaw), CENTRE * (1 - math.cos(yaw)), yaw))
    both = []
    for camera, at in enumerate(stations, start=2 * pair):
        station = Station(draw_camera(domain, f"pair {seed}", camera), *at)
        both.append(_video(name, camera, station, people, frames, rate, size))
    return both[0], both[1]
