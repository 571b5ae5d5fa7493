"""The images of Records: crops of persons and of videos, rendered when they are asked for."""

from collections.abc import Sequence

import cv2
import numpy as np

from reid_jax.data.street.crop import shoot, shoot_nobody
from reid_jax.data.street.video import Video


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


class VideoCrops:
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

    def take(self, rows: np.ndarray) -> "VideoCrops":
        """Give the pictures of some rows."""
        return VideoCrops(self.videos, self.which[rows], self.frame[rows], self.box[rows], self.size)
