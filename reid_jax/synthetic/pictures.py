"""The images of Records: crops of persons and of videos, rendered on demand."""

from collections.abc import Sequence

import cv2
import numpy as np

from reid_jax.synthetic.crop import shoot, shoot_nobody
from reid_jax.synthetic.video import Video


class Crops:
    """Pictures of persons, rendered on demand: item i is uint8 [h w 3], RGB.

    Attributes:
        place: (domain, seed, pool), pool "train" or "test".
        columns: i32[n 3], the number of the person in the pool, the camera, and the number of the
            shot among those of this person and camera.
        stray: bool[n]; True where the picture is a distractor and shows no person of the pool.
        size: (height, width) in pixels.
    """

    drawn = True  # when asked for; a look at all of them would draw them all

    def __init__(
        self,
        place: tuple[str, int, str],
        columns: np.ndarray,
        stray: np.ndarray,
        size: tuple[int, int],
    ):
        self.place, self.columns, self.stray, self.size = place, columns, stray, size

    def __len__(self) -> int:
        return len(self.columns)

    def __getitem__(self, row: int) -> np.ndarray:
        """Render the picture of a row, uint8 [h w 3]."""
        number, camera, shot = self.columns[row].tolist()
        if not self.stray[row]:
            return shoot((*self.place, number, camera, shot), self.size)
        domain, seed, _ = self.place
        # Every second distractor shows another person, the others are errors of a detector.
        take = shoot if number % 2 else shoot_nobody
        return take((domain, seed, "stray", number, camera, shot), self.size)

    def take(self, rows: np.ndarray) -> "Crops":
        """Return the images of the given rows, in their order."""
        return Crops(self.place, self.columns[rows], self.stray[rows], self.size)


class VideoCrops:
    """Crops of videos, rendered on demand: item i is uint8 [h w 3], RGB.

    Attributes:
        videos: the videos.
        which: i32[n], the position of the video in `videos`.
        frame: i32[n], the number of the frame.
        box: i32[n 4], (left, top, right, bottom) in pixels of the frame.
        size: (height, width) of a crop in pixels.
    """

    drawn = True

    def __init__(
        self,
        videos: Sequence[Video],
        which: np.ndarray,
        frame: np.ndarray,
        box: np.ndarray,
        size: tuple[int, int],
    ):
        self.videos, self.which, self.frame, self.box = videos, which, frame, box
        self.size = size[0], size[1]

    def __len__(self) -> int:
        return len(self.which)

    def __getitem__(self, row: int) -> np.ndarray:
        """Render the picture of a row, uint8 [h w 3]."""
        region = self.videos[int(self.which[row])].region(
            int(self.frame[row]), tuple(self.box[row].tolist())
        )
        return cv2.resize(region, self.size[::-1], interpolation=cv2.INTER_LINEAR)

    def take(self, rows: np.ndarray) -> "VideoCrops":
        """Return the images of the given rows, in their order."""
        return VideoCrops(
            self.videos, self.which[rows], self.frame[rows], self.box[rows], self.size
        )
